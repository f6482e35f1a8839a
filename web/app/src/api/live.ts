import { useEffect, useEffectEvent, useSyncExternalStore } from 'react'
import type { Socket } from 'socket.io-client'

import { ApiError, call } from './client'
import { appPath, queryClient } from './queries'
import { live } from './pace'

/** What happened in one second, shown or not. */
export type Second = { connections: number; pushes: number; shown: number; skipped: number; runs: number; finished: number; failed: number; at: string }

/** A push as the socket tells it; cut is how long the message is in truth. */
export type Pushed = { pos: number; to: string; event: string; message: string; cut?: number; json?: boolean; run?: string; online: number; at: string }

/** A connection that has come or gone, or was refused. */
export type Closed = { id: string; user?: string; origin?: string; reason: string; at: string }

export type DraftSaved = { scenario: string; rev: number; by: string }

const keptPushes = 200
const keptSeconds = 60

// What is known of the app that is watched. Every change makes new arrays, so that whoever shows them sees it.
let seconds: Second[] = []
let pushes: Pushed[] = []
let closed: Closed[] = []
let presence: { [scenario: string]: string[] } = {}
let dropped = 0

const watchers = new Set<() => void>()
const listeners = new Map<string, Set<(what: never) => void>>()
let socket: Socket | undefined
let scene = ''

let drawing = 0
/** Tells what shows the state, at most five times a second, and twice in a stream: it must not keep the page from its clicks. */
function changed(): void {
  if (drawing) return
  const last = seconds.at(-1)
  drawing = window.setTimeout(() => {
    drawing = 0
    for (const w of watchers) w()
  }, last && last.pushes > last.shown ? 500 : 200)
}

const waiting = new Map<string, number>()

/** Reads again what lies under the key, once for all that happens in a moment; less often where much happens. */
function stale(exact: boolean, ...queryKey: unknown[]): void {
  const id = JSON.stringify([exact, queryKey])
  if (waiting.has(id)) return
  const busy = (seconds.at(-1)?.runs ?? 0) > 20
  waiting.set(id, window.setTimeout(() => {
    waiting.delete(id)
    void queryClient.invalidateQueries({ queryKey, exact })
  }, busy ? 1500 : 200))
}

function heard(app: string, event: string, what: unknown): void {
  const of = what as { id: string; run: string; scenario: string }
  switch (event) {
    case 'second':
      seconds = [...seconds, what as Second].slice(-keptSeconds)
      if ((what as Second).skipped > 0) stale(false, app, 'runs')
      break
    case 'push':
      pushes = [what as Pushed, ...pushes].slice(0, keptPushes)
      break
    case 'presence':
      presence = what as typeof presence
      break
    case 'dropped':
      dropped += (what as { messages: number }).messages
      resync(app)
      break
    case 'run.started':
      stale(false, app, 'runs')
      break
    case 'run.step':
      stale(false, app, 'run', of.run)
      break
    case 'run.finished':
      stale(false, app, 'runs')
      stale(false, app, 'run', of.id)
      break
    case 'scenario.changed':
      stale(true, app, 'scenarios')
      stale(false, app, 'scenarios', of.id)
      break
    case 'conn.closed':
      closed = [what as Closed, ...closed].slice(0, 50)
      stale(false, app, 'connections')
      break
    case 'conn.opened':
      stale(false, app, 'connections')
      break
    case 'conn.refused':
      stale(false, app, 'refusals')
      break
  }
  for (const listener of listeners.get(event) ?? []) listener(what as never)
  if (!event.startsWith('run.')) changed()
}

/** What is shown may be old: nobody told for a while. */
function resync(app: string): void {
  for (const room of ['runs', 'run', 'connections', 'refusals']) stale(false, app, room)
  stale(true, app, 'scenarios')
}

function turn(app: string, on: boolean): void {
  if (live.on === on) return
  live.on = on
  resync(app)
  changed()
}

/** Follows an app over the socket until the returned function is called. Without a socket the lists go on by asking. */
export function follow(app: string): () => void {
  let ended = false
  let again = 0
  const forget = () => {
    seconds = []
    pushes = []
    closed = []
    presence = {}
    dropped = 0
  }
  forget()
  const start = async () => {
    const { io } = await import('socket.io-client')
    if (ended) return
    const s = io('/admin', {
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      forceNew: true,
      auth: (give) => {
        call<{ ticket: string }>('POST', '/session/socket', { app }).then(({ body }) => give({ ticket: body.ticket }), (error: unknown) => {
          // Where nothing is given, the server lets the attempt end and the client tries again by itself.
          if (!(error instanceof ApiError) || error.problem.status !== 401) return
          s.disconnect()
          void queryClient.invalidateQueries({ queryKey: ['session'] })
        })
      },
    })
    socket = s
    s.on('connect', () => {
      turn(app, true)
      if (scene) s.emit('look', scene)
    })
    s.on('disconnect', () => {
      turn(app, false)
      void call('GET', '/version').catch(() => {}) // which tells whether the server is there
    })
    s.on('connect_error', (error: Error & { data?: { code?: string } }) => {
      turn(app, false)
      if (s.active) return
      if (error.data?.code === 'session_expired') void queryClient.invalidateQueries({ queryKey: ['session'] })
      again = window.setTimeout(() => !ended && s.connect(), 2000 + Math.random() * 2000)
    })
    s.onAny((event: string, what: unknown) => heard(app, event, what))
  }
  // After the first screen, which does not need it.
  const begin = window.setTimeout(() => void start().catch(() => {}), 0)
  return () => {
    ended = true
    clearTimeout(begin)
    clearTimeout(again)
    socket?.disconnect()
    socket = undefined
    live.on = false
    forget()
  }
}

const subscribe = (watcher: () => void) => {
  watchers.add(watcher)
  return () => void watchers.delete(watcher)
}

/** The last minute, second by second. */
export const useSeconds = (): Second[] => useSyncExternalStore(subscribe, () => seconds)

/** The last pushes, the newest first; of a stream a sample. */
export const usePushes = (): Pushed[] => useSyncExternalStore(subscribe, () => pushes)

/** Connections that have gone while this page was open, the newest first. */
export const useClosed = (): Closed[] => useSyncExternalStore(subscribe, () => closed)

/** How many messages this page did not get, since it was too slow. */
export const useDropped = (): number => useSyncExternalStore(subscribe, () => dropped)

/** Whether the socket is open. */
export const useConnected = (): boolean => useSyncExternalStore(subscribe, () => live.on)

/** Who has the scenario open in a builder. It says that this page has. */
export function usePresence(scenario: string): string[] {
  useEffect(() => {
    scene = scenario
    if (socket?.connected) socket.emit('look', scenario)
    return () => {
      scene = ''
      if (socket?.connected) socket.emit('look', '')
    }
  }, [scenario])
  return useSyncExternalStore(subscribe, () => presence[scenario]) ?? nobody
}

const nobody: string[] = []

/** Calls back at every such event while the component is there. */
export function useHeard<T>(event: string, handle: (what: T) => void): void {
  const latest = useEffectEvent(handle)
  useEffect(() => {
    const set = listeners.get(event) ?? new Set()
    const listener = (what: never) => latest(what)
    listeners.set(event, set.add(listener))
    return () => void set.delete(listener)
  }, [event])
}

export const disconnect = (app: string, id: string) => call('DELETE', appPath(app, `/connections/${encodeURIComponent(id)}`))
