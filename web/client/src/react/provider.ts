import { createContext, createElement, type ReactElement, type ReactNode, useContext, useEffect, useMemo } from 'react'

import type { Channel } from '../channel'
import { type ConnectionOptions, makeConnection, type Session } from '../connection'
import { useLatest } from './latest'
import type { Queries } from './query-store'

export interface CuelightProviderProps {
  url: string
  app: string
  /** The session's id, or what gives it at every connect. Without it: a guest. A new id connects anew. */
  session?: Session | undefined
  children?: ReactNode
}

/** One connection, used by every hook below the provider. */
interface Client {
  readonly channel: Channel
  readonly queries: Queries
  /** Connects; the returned function disconnects, a little later: StrictMode leaves and comes back at once. */
  hold(): () => void
}

function makeClient(options: ConnectionOptions): Client {
  const { channel, start, stop } = makeConnection(options)
  let running = false
  let leaving: ReturnType<typeof setTimeout> | undefined
  return {
    channel,
    queries: new Map(),
    hold() {
      clearTimeout(leaving)
      if (!running) start()
      running = true
      return () => {
        leaving = setTimeout(() => {
          running = false
          stop()
        }, 50)
      }
    },
  }
}

const Context = createContext<Client | null>(null)

/** Connects the components below it to the app, once for all of them. */
export function CuelightProvider({ url, app, session, children }: CuelightProviderProps): ReactElement {
  const latest = useLatest(session)
  const id = typeof session === 'string' && session
  const client = useMemo(
    () => makeClient({ app, url, session: () => (typeof latest.current === 'function' ? latest.current() : latest.current) }),
    [app, url, id, latest],
  )
  useEffect(() => client.hold(), [client])
  return createElement(Context.Provider, { value: client }, children)
}

export function useClient(): Client {
  const client = useContext(Context)
  if (!client) throw new Error('no <CuelightProvider> around this hook')
  return client
}

/** The connection itself: its socket, `on` and `send`. */
export function useCuelight(): Channel {
  return useClient().channel
}
