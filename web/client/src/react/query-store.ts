import { makePulse } from './pulse'

export interface QueryState<T> {
  /** The newest data, kept while newer is on its way or could not be had. Undefined before the first. */
  readonly data: T | undefined
  /** Why the last load failed, undefined when it did not. */
  readonly error: unknown
  /** Something may have changed since the data was loaded. */
  readonly isStale: boolean
}

/** The queries of one provider, each for as long as a component uses it. */
export type Queries = Map<string, Query<unknown>>

/** What the components with one key share: the data and the one request that renews it. */
export interface Query<T> {
  /** How the data is loaded, as the component that was rendered last has it. */
  load: (() => Promise<T> | T) | undefined
  readonly read: () => QueryState<T>
  /** Calls watcher whenever the state changes. The first one has the data loaded. */
  readonly watch: (watcher: () => void) => () => void
  /** Marks the data as stale and has it loaded anew, after the delay. */
  readonly touch: (delay?: number) => void
}

/** The query of the key, made when there is none. */
export function queryOf<T>(queries: Queries, key: string): Query<T> {
  const query = queries.get(key) ?? makeQuery(() => queries.delete(key))
  queries.set(key, query)
  return query as Query<T>
}

function makeQuery(abandoned: () => void): Query<unknown> {
  let state: QueryState<unknown> = { data: undefined, error: undefined, isStale: true }
  const watchers = new Set<() => void>()
  const turn = (change: Partial<QueryState<unknown>>): void => {
    state = { ...state, ...change }
    for (const watcher of watchers) watcher()
  }
  const pulse = makePulse(async () => {
    try {
      turn({ data: await query.load?.(), error: undefined, isStale: false })
    } catch (error) {
      turn({ error })
    }
  })
  const query: Query<unknown> = {
    load: undefined,
    read: () => state,
    watch(watcher) {
      if (watchers.add(watcher).size === 1 && state.isStale) pulse.touch(0)
      return () => {
        watchers.delete(watcher)
        // StrictMode leaves and comes back at once.
        setTimeout(() => {
          if (watchers.size > 0) return
          pulse.stop()
          // Whoever comes back to it later was not told what happened in between.
          turn({ isStale: true })
          abandoned()
        }, 50)
      }
    },
    touch(delay) {
      if (!state.isStale) turn({ isStale: true })
      pulse.touch(delay)
    },
  }
  return query
}
