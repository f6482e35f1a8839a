// What engine.io-parser does, for text alone.
import { ERROR_PACKET, PACKET_TYPES, PACKET_TYPES_REVERSE } from './commons.js'

const separator = '\x1e'

export const protocol = 4

export const encodePacket = ({ type, data }, supportsBinary, callback) => callback(PACKET_TYPES[type] + (data || ''))

export const decodePacket = (packet) => {
  const type = typeof packet === 'string' && PACKET_TYPES_REVERSE[packet[0]]
  return type ? { type, data: packet.slice(1) || undefined } : ERROR_PACKET
}

export const encodePayload = (packets, callback) =>
  callback(packets.map(({ type, data }) => PACKET_TYPES[type] + (data || '')).join(separator))

export const decodePayload = (payload) => payload.split(separator).map(decodePacket)
