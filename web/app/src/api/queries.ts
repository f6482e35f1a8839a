import { keepPreviousData, QueryClient, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

import { ApiError, call } from './client'
import { pace } from './pace'
import type { Account, App, Connection, Constant, EventName, FieldUse, Limit, Previewed, Kind, Page, Refusal, Run, Scenario, ScenarioDoc, Secret, Session, Setting, StepRecord, Structure, Thing, Token, User, UserSession } from './types'

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      // What the server refuses stays refused; only a server that does not answer is asked again.
      retry: (count, error) => error instanceof ApiError && error.problem.status === 0 && count < 3,
    },
  },
})

const get = async <T>(path: string): Promise<T> => (await call<T>('GET', path)).body

export const appPath = (app: string, rest = ''): string => `/apps/${encodeURIComponent(app)}${rest}`

/** How often lists are read again of whose changes the socket does not tell, in milliseconds. */
const often = 2000

export const useSession = () =>
  useQuery({
    queryKey: ['session'],
    queryFn: async (): Promise<Session | null> => {
      try {
        return await get<Session>('/session')
      } catch (error) {
        if (error instanceof ApiError && error.problem.status === 401) return null
        throw error
      }
    },
  })

export const useApps = () => useQuery({ queryKey: ['apps'], queryFn: () => get<Page<App>>('/apps?limit=200') })

export const useKinds = (which: 'step-kinds' | 'trigger-kinds') =>
  useQuery({ queryKey: [which], staleTime: Number.POSITIVE_INFINITY, queryFn: () => get<Page<Kind>>(`/${which}`) })

/** The kinds of steps and triggers, by step:<kind> and trigger:<kind>. */
export function useAllKinds(): Map<string, Kind> {
  const steps = useKinds('step-kinds')
  const triggers = useKinds('trigger-kinds')
  return useMemo(() => new Map<string, Kind>([
    ...(steps.data?.items ?? []).map((k) => [`step:${k.kind}`, k] as const),
    ...(triggers.data?.items ?? []).map((k) => [`trigger:${k.kind}`, k] as const),
  ]), [steps.data, triggers.data])
}

export const useStructures = (app: string) =>
  useQuery({
    queryKey: [app, 'structures'],
    refetchInterval: (query) => (query.state.data?.items.some((s) => s.filling) ? 1000 : false),
    queryFn: () => get<Page<Structure>>(appPath(app, '/structures')),
  })

export const useScenarios = (app: string) =>
  useQuery({ queryKey: [app, 'scenarios'], refetchInterval: pace, queryFn: () => get<Page<Scenario>>(appPath(app, '/scenarios?limit=200')) })

export const useScenario = (app: string, id: string) =>
  useQuery({ queryKey: [app, 'scenarios', id], refetchInterval: pace, queryFn: () => get<Scenario>(appPath(app, `/scenarios/${encodeURIComponent(id)}`)) })

export const useDraft = (app: string, id: string) =>
  useQuery({ queryKey: [app, 'scenarios', id, 'draft'], queryFn: () => get<ScenarioDoc>(appPath(app, `/scenarios/${encodeURIComponent(id)}/draft`)) })

export const useVersion = (app: string, id: string, number: number | undefined) =>
  useQuery({
    queryKey: [app, 'scenarios', id, 'versions', number],
    enabled: number !== undefined,
    staleTime: Number.POSITIVE_INFINITY, // a version never changes
    queryFn: () => get<ScenarioDoc>(appPath(app, `/scenarios/${encodeURIComponent(id)}/versions/${number}`)),
  })

export type RunFilter = { scenario?: string; status?: string; object?: string }

export const useRuns = (app: string, filter: RunFilter) =>
  useInfiniteQuery({
    queryKey: [app, 'runs', filter],
    refetchInterval: pace,
    initialPageParam: '',
    getNextPageParam: (page: Page<Run>) => page.next,
    queryFn: ({ pageParam }) => {
      const query = new URLSearchParams({ limit: '50', ...filter, ...(pageParam ? { cursor: pageParam } : {}) })
      return get<Page<Run>>(appPath(app, `/runs?${query}`))
    },
  })

const open = new Set(['ready', 'queued', 'waiting', 'calling'])

export const isOpen = (run: Run | undefined): boolean => run !== undefined && open.has(run.status)

export const useRun = (app: string, id: string) =>
  useQuery({
    queryKey: [app, 'run', id],
    enabled: id !== '',
    refetchInterval: (query) => (isOpen(query.state.data) ? pace() / 2 : false),
    queryFn: () => get<Run>(appPath(app, `/runs/${encodeURIComponent(id)}`)),
  })

/** How many lines of a run's log a page holds. */
const mostLines = 2000

/** A run's log: its first lines, and beyond them those that failed. What became of its pushes is known about a second after it ended. */
export const useSteps = (app: string, id: string, run: Run | undefined) =>
  useQuery({
    queryKey: [app, 'run', id, 'steps'],
    enabled: id !== '',
    refetchInterval: () => (isOpen(run) ? pace() / 2 : Date.now() - Date.parse(run?.finished_at ?? '') < 5000 ? 1500 : false),
    queryFn: async (): Promise<Page<StepRecord>> => {
      const path = appPath(app, `/runs/${encodeURIComponent(id)}/steps?limit=200`)
      const items: StepRecord[] = []
      let next: string | undefined = ''
      while (next !== undefined && items.length < mostLines) {
        const page: Page<StepRecord> = await get(next ? `${path}&cursor=${next}` : path)
        items.push(...page.items)
        next = page.next
      }
      if (next !== undefined) items.push(...(await get<Page<StepRecord>>(`${path}&status=failed&cursor=${next}`)).items)
      return { items, ...(next === undefined ? {} : { next }) }
    },
  })

export type ObjectList = { filter?: string; sort?: string }

export const useObjects = (app: string, structure: string, list: ObjectList) =>
  useInfiniteQuery({
    queryKey: [app, 'objects', structure, list],
    enabled: structure !== '',
    placeholderData: keepPreviousData,
    // Who has gone deep into a list reads; all its pages are read anew only when they change something.
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) > 3 ? false : often),
    initialPageParam: '',
    getNextPageParam: (page: Page<Thing>) => page.next,
    queryFn: ({ pageParam }) => {
      const query = new URLSearchParams({ limit: '50', count: 'true', ...list, ...(pageParam ? { cursor: pageParam } : {}) })
      return get<Page<Thing>>(appPath(app, `/structures/${encodeURIComponent(structure)}/objects?${query}`))
    },
  })

export const useUses = (app: string, structure: string) =>
  useQuery({ queryKey: [app, 'uses', structure], enabled: structure !== '', queryFn: () => get<Page<FieldUse>>(appPath(app, `/structures/${encodeURIComponent(structure)}/uses`)) })

export const useAccounts = (enabled: boolean) => useQuery({ queryKey: ['accounts'], enabled, queryFn: () => get<Page<Account>>('/accounts?limit=200') })

export const useTokens = (enabled: boolean) => useQuery({ queryKey: ['tokens'], enabled, queryFn: () => get<Page<Token>>('/tokens?limit=200') })

export const useLimits = () => useQuery({ queryKey: ['limits'], queryFn: () => get<Page<Limit>>('/limits') })

export const useSettings = (enabled: boolean) => useQuery({ queryKey: ['settings'], enabled, queryFn: () => get<{ version: string; store: string; items: Setting[] }>('/settings') })

export const useVersionOfServer = () => useQuery({ queryKey: ['version'], queryFn: () => get<{ version: string; go: string }>('/version') })

export const useApp = (app: string) => useQuery({ queryKey: [app, 'app'], queryFn: () => get<App>(appPath(app)) })

export const useUsers = (app: string) => useQuery({ queryKey: [app, 'users'], queryFn: () => get<Page<User>>(appPath(app, '/users?limit=200')) })

export const useUserSessions = (app: string) =>
  useQuery({ queryKey: [app, 'sessions'], refetchInterval: often, queryFn: () => get<Page<UserSession>>(appPath(app, '/sessions')) })

export const useConnections = (app: string) =>
  useQuery({ queryKey: [app, 'connections'], refetchInterval: pace, queryFn: () => get<Page<Connection>>(appPath(app, '/connections')) })

export const useRefusals = (app: string) =>
  useQuery({ queryKey: [app, 'refusals'], refetchInterval: pace, queryFn: () => get<Page<Refusal>>(appPath(app, '/refusals')) })

export const useEvents = (app: string) => useQuery({ queryKey: [app, 'events'], staleTime: 5000, queryFn: () => get<Page<EventName>>(appPath(app, '/events')) })

export const useSecrets = (app: string) => useQuery({ queryKey: [app, 'secrets'], queryFn: () => get<Page<Secret>>(appPath(app, '/secrets')) })

export const useConstants = (app: string) => useQuery({ queryKey: [app, 'constants'], queryFn: () => get<Page<Constant>>(appPath(app, '/constants')) })

/** What the settings of a draft come to on an object; the server evaluates them, in the one language that runs speak. */
export const usePreview = (app: string, id: string, document: ScenarioDoc, object: string) =>
  useQuery({
    queryKey: [app, 'preview', id, document, object],
    placeholderData: keepPreviousData,
    staleTime: 5000,
    gcTime: 10_000,
    queryFn: async () => (await call<{ values: Previewed[] }>('POST', appPath(app, `/scenarios/${encodeURIComponent(id)}/draft/preview`), { document, ...(object ? { object } : {}) })).body.values,
  })
