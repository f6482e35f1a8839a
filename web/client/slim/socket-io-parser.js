// What socket.io-parser does, for text alone: the server of Cuelight neither sends nor takes binary packets.
import { Emitter } from '@socket.io/component-emitter'

export const PacketType = { CONNECT: 0, DISCONNECT: 1, EVENT: 2, ACK: 3, CONNECT_ERROR: 4 }

const shape = /^([0-4])(\/[^,]*)?,?(\d*)(.*)$/s
const reserved = /^(connect|connect_error|disconnect|disconnecting|newListener|removeListener)$/
const isObject = (data) => Object.prototype.toString.call(data) === '[object Object]'
const valid = [
  isObject,
  () => false,
  (data) => Array.isArray(data) && typeof data[0] === 'string' && !reserved.test(data[0]),
  Array.isArray,
  (data) => typeof data === 'string' || isObject(data),
]

export class Encoder {
  encode({ type, nsp, id, data }) {
    return [`${type}${nsp === '/' ? '' : `${nsp},`}${id ?? ''}${data == null ? '' : JSON.stringify(data)}`]
  }
}

export class Decoder extends Emitter {
  /** Throws for a packet that is none; the manager then closes the connection and comes back. */
  add(packet) {
    const [, type, nsp = '/', id, text] = shape.exec(packet)
    const data = text ? JSON.parse(text) : undefined
    if (text && !valid[type](data)) throw new Error('invalid payload')
    this.emitReserved('decoded', { type: Number(type), nsp, id: id ? Number(id) : undefined, data })
  }

  destroy() {}
}
