import { Manager } from 'socket.io-client'

import { Channel } from './channel'

/** A ready session, or what gives one each time it is needed. Nothing: a guest. */
export type Session = string | (() => string | undefined | null | Promise<string | undefined | null>) | undefined

export interface ConnectionOptions {
  app: string
  url: string
  session?: Session
}

export interface Connection {
  readonly channel: Channel
  /** Connects, after it has asked for the session if there is somebody to ask. */
  start(): void
  /** Disconnects for good, until the next start. */
  stop(): void
}

/** Makes a channel with a socket of its own to the app, the refusals and cuts of its life handled. */
export function makeConnection({ app, url, session }: ConnectionOptions): Connection {
  const manager = new Manager(url, { transports: ['websocket', 'polling'], tryAllTransports: true, autoConnect: false })
  const socket = manager.socket('/')
  socket.auth = { app_id: app, ...(typeof session === 'string' && session && { session_id: session }) }
  let asked = false // for a new session since the last time it was live
  let liveAt = 0
  let kicks = 0
  let running = false
  let again: ReturnType<typeof setTimeout> | undefined

  const channel = new Channel(socket, (code) => {
    if (code === 'session_expired' && typeof session === 'function' && !asked) {
      asked = true
      void open()
      return true
    }
    // A refusal that may pass (too many sockets, a busy server) is tried again, at ease.
    if (!/^(app_unknown|origin_refused|session_expired)$/.test(code)) openIn(15_000 + Math.random() * 15_000)
    return false
  })
  socket.on('connect', () => {
    asked = false
    liveAt = Date.now()
  })
  socket.on('disconnect', (reason) => {
    // The client itself comes back after a broken transport, but not after a server that sent it away.
    if (reason !== 'io server disconnect') return
    if (Date.now() - liveAt > 60_000) kicks = 0
    openIn(Math.min(2 ** kicks++, 30) * 1000 * (0.5 + Math.random()))
  })
  socket.on('connect_error', (error) => {
    // Something on the way lets websockets neither through nor fail: begin with the other transport next time.
    if (error.message === 'timeout') (manager.opts.transports as string[]).reverse()
  })

  const openIn = (wait: number): void => {
    clearTimeout(again)
    again = setTimeout(() => void open(), wait)
  }
  const open = async (): Promise<void> => {
    try {
      if (typeof session === 'function') socket.auth = { ...socket.auth, session_id: (await session()) ?? undefined }
    } catch (error) {
      return channel.refused('session_unavailable', String(error))
    }
    // Meanwhile it may have been stopped, or the page itself have connected.
    if (running && !socket.active) socket.connect()
  }
  return {
    channel,
    start() {
      running = true
      channel.turn('connecting')
      void open()
    },
    stop() {
      running = false
      clearTimeout(again)
      socket.disconnect()
    },
  }
}
