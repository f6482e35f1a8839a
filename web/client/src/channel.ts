import type { Socket } from 'socket.io-client'

export type Status = 'connecting' | 'live' | 'reconnecting' | 'refused'

/** What the server said when it refused the connection. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

export type Listener = (message: unknown, event: string, offset: string) => void
export type Watcher = (status: Status, refusal?: Refusal) => unknown
export type Off = () => void

/** The events of one socket, whoever opened it. Knows nothing of a page. */
export class Channel {
  status: Status
  readonly #listeners = new Map<string, Set<Listener>>()
  readonly #watchers = new Set<Watcher>()
  readonly #handled: ((code: string) => boolean) | undefined
  #got = ''
  #receipt: ReturnType<typeof setTimeout> | undefined

  /** Handled is asked at a refusal by its code, and returns true when the refusal counts for nothing. */
  constructor(
    readonly socket: Socket,
    handled?: (code: string) => boolean,
  ) {
    this.status = socket.connected ? 'live' : 'connecting'
    this.#handled = handled
    socket.on('connect', () => this.turn('live'))
    socket.on('disconnect', () => this.turn('reconnecting'))
    socket.on('connect_error', (error: Error & { data?: { code?: string } }) => {
      // Active: not a refusal, the client goes on trying by itself.
      if (!socket.active) this.refused(error.data?.code ?? 'refused', error.message)
      else if (this.status !== 'connecting') this.turn('reconnecting')
    })
    socket.onAny((event: string, ...args: unknown[]) => {
      const last = args.at(-1)
      const offset = args.length > 1 && typeof last === 'string' ? last : ''
      if (offset) this.#acknowledge(offset)
      for (const name of [event, '*']) {
        for (const listener of this.#listeners.get(name) ?? []) guard(() => listener(args[0], event, offset))
      }
    })
  }

  /** Calls listener for every such event, `*` for all, until the returned function is called. */
  on(event: string, listener: Listener): Off {
    const set = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, set.add(listener))
    return () => void set.delete(listener)
  }

  /** Calls watcher whenever the status turns. */
  watch(watcher: Watcher): Off {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }

  /** Calls job after each connect before which something may have been missed. */
  onFresh(job: () => void): Off {
    return this.watch((status) => status === 'live' && !this.socket.recovered && job())
  }

  /** Sends a message and returns what the server answered. Fails when no answer comes: not every event has a taker. */
  send(event: string, message?: unknown, timeout = 5000): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.socket.timeout(timeout).emit(event, message, (error: Error | null, answer: unknown) => {
        const cause = this.socket.connected ? 'the server takes no such message' : 'not connected'
        if (error) reject(new Error(`no answer to "${event}" within ${timeout} ms: ${cause}`))
        else resolve(answer)
      })
    })
  }

  /** Turns to refused, unless somebody sees to that. */
  refused(code: string, message: string): void {
    if (!this.#handled?.(code)) this.turn('refused', { code, message })
  }

  turn(status: Status, refusal?: Refusal): void {
    this.status = status
    for (const watcher of this.#watchers) guard(() => watcher(status, refusal))
  }

  // Tells the server how far this page has got. It counts for all before, so once a second is enough.
  #acknowledge(offset: string): void {
    this.#got = offset
    this.#receipt ??= setTimeout(() => {
      this.#receipt = undefined
      if (this.socket.connected) this.socket.emit('cue:got', this.#got)
    }, 1000)
  }
}

// A listener that throws must not keep the others from what they wait for.
function guard(call: () => unknown): void {
  try {
    call()
  } catch (error) {
    reportError(error)
  }
}
