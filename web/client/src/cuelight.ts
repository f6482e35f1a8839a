import type { Socket } from 'socket.io-client'

import { alert } from './alert'
import { Channel, type Off, type Status } from './channel'
import { emit, names } from './dom'
import { redirect } from './redirect'
import { hurry } from './job'
import { pollWhile, refresh, renew, renewAll, watchVisibility } from './refresher'
import { prepareToasts } from './toast'

export interface PageOptions {
  /** Shows `alert` events, there: `top-right`, `bottom-center`… Without it the page sees to them. */
  alerts?: string | undefined
  /** Follows `redirect` events within this site. */
  redirects?: boolean
  /** The nonce for a style element; without it the styles come as a constructed sheet, which every CSP lets pass. */
  nonce?: string | undefined
  /** The offset of the push log up to which the page already is, written into it by the server. */
  at?: string | undefined
}

export interface CuelightOptions extends PageOptions {
  /** A socket of socket.io-client, connected or not. It stays the page's own. */
  socket: Socket
}

/** Renews the parts of this page that ask for it, whenever an event reaches the socket. */
export class Cuelight {
  readonly socket: Socket
  readonly #channel: Channel

  /** One for a page. */
  constructor(options: CuelightOptions, channel: Channel = new Channel(options.socket)) {
    this.socket = channel.socket
    this.#channel = channel
    bind(channel, options)
  }

  get status(): Status {
    return this.#channel.status
  }

  /** Calls listener for every such event, `*` for all, until the returned function is called. */
  on(event: string, listener: (message: unknown, event: string) => void): Off {
    return this.#channel.on(event, (message, name) => listener(message, name))
  }

  /** Sends a message and returns what the server answered. Fails when no answer comes within timeout milliseconds. */
  send(event: string, message?: unknown, timeout?: number): Promise<unknown> {
    return this.#channel.send(event, message, timeout)
  }

  /** Renews the element's regions at once, even in a hidden tab; without an element all. */
  refresh(element?: Element): Promise<void> {
    return refresh(element)
  }
}

function bind(channel: Channel, { alerts, redirects, nonce, at }: PageOptions): void {
  const position = alerts ?? ''
  let prepared = alerts === undefined
  const turn = (status: Status, refusal?: object) => {
    document.documentElement.setAttribute('data-cue-status', status)
    pollWhile(status !== 'live')
    emit(document, 'status', { status, ...refusal })
    if (status === 'refused') emit(document, 'error', { reason: 'refused', ...refusal })
    if (!prepared) prepareToasts(position, nonce)
    prepared = true
  }
  const { socket } = channel
  if (at) socket.auth = { ...socket.auth, at }
  channel.watch((status, refusal) => {
    turn(status, refusal)
    if (status !== 'live') return
    hurry()
    // For people who look at who listens; up to here nobody needs it.
    socket.emit('cue:page', { listens: names() })
    // A server that replays from the page's offset on says so by the socket's id; from any other the page fetches all.
    if (!socket.recovered && !(at && socket.id?.startsWith('at-'))) renewAll()
    // Said once: from now on the client itself knows how far it is.
    if (at && 'at' in socket.auth) delete socket.auth['at']
    at = undefined
  })
  channel.on('*', (message, event, offset) => {
    if (!emit(document, 'event', { event, message, offset }, true)) return
    renew(event, message)
    if (event === 'alert' && alerts !== undefined) alert(message, position)
    if (event === 'redirect' && redirects && !redirect(message)) {
      emit(document, 'error', { reason: 'redirect_refused', event, message: 'a redirect leads to another site' })
    }
  })
  watchVisibility()
  if (channel.status === 'live') {
    turn('live')
    renewAll()
  }
}
