import { Manager, type Socket } from 'socket.io-client'

import { emit } from './dom'

export type Status = 'connecting' | 'live' | 'reconnecting' | 'refused'

export interface Options {
  app: string
  url: string
  /** A ready session, or the address that answers {session_id}. Neither: a guest. */
  session?: string | undefined
  sessionUrl?: string | undefined
  /** The offset up to which the page already is, written into it by the server. */
  at?: string | undefined
}

/** A connection to the app, with the refusals and cuts of its life handled. */
export class Connection {
  readonly socket: Socket
  status: Status = 'connecting'
  private asked = false // for a new session since the last time it was live
  private liveAt = 0
  private kicks = 0
  private got = ''
  private receipt = 0

  constructor(private readonly options: Options) {
    const manager = new Manager(options.url, {
      path: '/socket.io/',
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      autoConnect: false,
    })
    this.socket = manager.socket('/')
    const { app, session, at } = options
    this.socket.auth = { app_id: app, ...(session && { session_id: session }), ...(at && { at }) }
    this.socket.on('connect', () => this.connected())
    this.socket.on('disconnect', (reason) => this.cut(reason))
    this.socket.on('connect_error', (error) => this.failed(error))
  }

  /** Connects, after it has asked for the session if there is an address for it. */
  async start(): Promise<void> {
    this.turn('connecting')
    await this.open()
  }

  /** Calls handle for every event of the server, its message without the trailing offset. */
  onEvent(handle: (event: string, message: unknown, offset: string) => void): void {
    this.socket.onAny((event: string, ...args: unknown[]) => {
      const last = args.at(-1)
      const offset = args.length > 1 && typeof last === 'string' ? last : ''
      if (offset) this.acknowledge(offset)
      handle(event, args[0], offset)
    })
  }

  private async open(): Promise<void> {
    const { sessionUrl } = this.options
    try {
      if (sessionUrl) this.socket.auth = { ...this.socket.auth, session_id: await askSession(sessionUrl) }
    } catch (error) {
      return this.refuse('session_unavailable', String(error), true)
    }
    this.socket.connect()
  }

  private connected(): void {
    this.asked = false
    this.liveAt = Date.now()
    // Said once: from now on the client itself knows how far it is.
    if ('at' in this.socket.auth) delete this.socket.auth['at']
    this.turn('live')
  }

  private cut(reason: string): void {
    this.turn('reconnecting')
    // The client itself comes back after a broken transport, but not after a server that sent it away.
    if (reason !== 'io server disconnect') return
    if (Date.now() - this.liveAt > 60_000) this.kicks = 0
    const wait = Math.min(2 ** this.kicks++, 30) * 1000 * (0.5 + Math.random())
    setTimeout(() => !this.socket.connected && void this.open(), wait)
  }

  private failed(error: Error & { data?: { code?: string } }): void {
    // Something on the way lets websockets neither through nor fail: begin with the other transport next time.
    if (error.message === 'timeout') (this.socket.io.opts.transports as string[]).reverse()
    // Active: not a refusal, the client goes on trying by itself.
    if (this.socket.active) {
      if (this.status !== 'connecting') this.turn('reconnecting')
      return
    }
    const code = error.data?.code ?? 'refused'
    if (code === 'session_expired' && this.options.sessionUrl && !this.asked) {
      this.asked = true
      return void this.open()
    }
    this.refuse(code, error.message, !/^(app_unknown|origin_refused|session_expired)$/.test(code))
  }

  // A refusal that may pass (too many sockets, a busy server) is tried again, at ease.
  private refuse(code: string, message: string, passing: boolean): void {
    this.turn('refused', { code, message })
    emit(document, 'error', { reason: 'refused', code, message })
    if (passing) setTimeout(() => !this.socket.active && void this.open(), 15_000 + Math.random() * 15_000)
  }

  private turn(status: Status, more: object = {}): void {
    this.status = status
    document.documentElement.setAttribute('data-cue-status', status)
    emit(document, 'status', { status, ...more })
  }

  // Tells the server how far this page has got. It counts for all before, so once a second is enough.
  private acknowledge(offset: string): void {
    this.got = offset
    this.receipt ||= window.setTimeout(() => {
      this.receipt = 0
      if (this.socket.connected) this.socket.emit('cue:got', this.got)
    }, 1000)
  }
}

async function askSession(url: string): Promise<string | undefined> {
  const response = await fetch(url, { headers: { Accept: 'application/json' }, cache: 'no-store' })
  if (!response.ok) throw new Error(`${url} answered ${response.status}`)
  const answer = (await response.json()) as { session_id?: string }
  return answer.session_id
}
