import { useEffect, useSyncExternalStore } from 'react'

import type { Status } from '../channel'
import { useLatest } from './latest'
import { useClient, useCuelight } from './provider'
import { queryOf, type QueryState } from './query-store'

/** The name of an event, or several; `*` is every event. */
export type EventNames = string | readonly string[]

export interface CueQueryOptions {
  /** The events after which the data is loaded anew. */
  on: EventNames
  /** How long to wait for further events, in milliseconds. */
  debounce?: number
}

export interface CueQuery<T> extends QueryState<T> {
  /** Loads anew at once. */
  refresh(): void
}

/** Calls the newest callback for every such event. */
export function useCueEvent(names: EventNames, callback: (message: unknown, event: string) => void): void {
  const channel = useCuelight()
  const latest = useLatest(callback)
  useEffect(() => {
    const offs = [names].flat().map((name) => channel.on(name, (message, event) => latest.current(message, event)))
    return () => offs.forEach((off) => off())
    // By what they say: a list written in place is another one at each render.
  }, [channel, JSON.stringify(names), latest])
}

/** How the connection is: connecting, live, reconnecting or refused. */
export function useCueStatus(): Status {
  const channel = useCuelight()
  const read = () => channel.status
  return useSyncExternalStore((watcher) => channel.watch(watcher), read, read)
}

/** Data that stays fresh: loaded anew after each such event, and after a cut that may have swallowed some. */
export function useCueQuery<T>(key: string, load: () => Promise<T> | T, { on, debounce }: CueQueryOptions): CueQuery<T> {
  const { channel, queries } = useClient()
  const query = queryOf<T>(queries, key)
  const latest = useLatest(load)
  const state = useSyncExternalStore(query.watch, query.read, query.read)
  useCueEvent(on, () => query.touch(debounce))
  useEffect(() => {
    query.load = () => latest.current()
    return channel.onFresh(() => query.touch(0))
  }, [channel, query, latest])
  return { ...state, refresh: () => query.touch(0) }
}
