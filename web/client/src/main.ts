import type { Socket } from 'socket.io-client'

import { Connection, type Status } from './connection'
import { emit } from './dom'
import { refresh, renew, renewAll, watchVisibility } from './refresher'

type Listener = (message: unknown, event: string) => void

/** What a page's own scripts find in `window.cuelight`. */
interface Cuelight {
  on(event: string, listener: Listener): () => void
  refresh(element?: Element): Promise<void>
  readonly status: Status
  readonly socket: Socket
}

declare global {
  interface Window {
    cuelight?: Cuelight
  }
}

const script =
  (document.currentScript as HTMLScriptElement | null) ??
  document.querySelector<HTMLScriptElement>('script[data-app][src*="cuelight"]')

if (window.cuelight) console.warn('cuelight.js is on this page twice; the second one does nothing')
else if (!script?.dataset['app']) console.error('cuelight.js needs data-app="<your app id>" on its script element')
else start(script, script.dataset['app'])

function start(script: HTMLScriptElement, app: string): void {
  const { url, session, sessionUrl } = script.dataset
  const at = marked('data-cue-at')
  const connection = new Connection({ app, url: url || new URL(script.src).origin, session, sessionUrl, at })
  const listeners = new Map<string, Set<Listener>>()
  window.cuelight = publicApi(connection, listeners)

  // Between the making of the page and this moment anything may have happened, unless the server replays it.
  let current = at !== undefined
  connection.socket.on('connect', () => {
    // A server that replays from the page's offset on says so by the socket's id; from any other the page has to fetch itself anew.
    const replayed = current && connection.socket.id?.startsWith('at-')
    if (!connection.socket.recovered && !replayed) renewAll()
    current = false
  })
  connection.onEvent((event, message, offset) => {
    for (const name of [event, '*']) for (const listener of listeners.get(name) ?? []) call(listener, message, event)
    if (emit(document, 'event', { event, message, offset }, true)) renew(event, message)
  })
  watchVisibility()

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => void connection.start())
  else void connection.start()
}

function publicApi(connection: Connection, listeners: Map<string, Set<Listener>>): Cuelight {
  return {
    on(event, listener) {
      const set = listeners.get(event) ?? new Set()
      listeners.set(event, set.add(listener))
      return () => void set.delete(listener)
    },
    refresh,
    get status() {
      return connection.status
    },
    socket: connection.socket,
  }
}

function marked(name: string): string | undefined {
  const value = document.documentElement.getAttribute(name) ?? document.body?.getAttribute(name)
  return value || undefined
}

// A listener that throws must not keep the page from being renewed.
function call(listener: Listener, message: unknown, event: string): void {
  try {
    listener(message, event)
  } catch (error) {
    reportError(error)
  }
}
