import type { Value } from '../api/types'

/** One walk of a step, dry or real. */
export type Line = {
  step: string
  kind: string
  status: 'done' | 'failed' | 'waiting' | 'skipped'
  attempt?: number
  /** The pass of the innermost loop, from 0; only dry runs know it. */
  item?: number
  scenario?: string
  at?: string
  settings?: Value
  output?: Value
  error?: string
  until?: string
  changes?: { structure: string; object: string; kind: string; fields: string[]; before: { [field: string]: Value } | null; after: { [field: string]: Value } | null }[]
  pushes?: { to: string; event: string; message: string; json?: boolean; online: number }[]
  starts?: { scenario: string; object?: string }[]
  deliveries?: { online: number; delivered: number; received: number }
}

/** The walks of each step, by its id. */
export type Trace = Map<string, Line[]>

export function traceOf(lines: Line[]): Trace {
  const trace: Trace = new Map()
  for (const line of lines) {
    const walks = trace.get(line.step)
    if (walks) walks.push(line)
    else trace.set(line.step, [line])
  }
  return trace
}

/** How a step's walks went, in one word: a failure counts more than a success, unless a later try mended it. */
export function verdict(walks: Line[]): Line['status'] {
  const failed = walks.some((w, i) => w.status === 'failed' && !walks.slice(i + 1).some((later) => (later.attempt ?? 0) > (w.attempt ?? 0)))
  if (failed) return 'failed'
  return walks.at(-1)?.status ?? 'done'
}

/** The first walk that failed, -1 where none did. */
export const firstFailed = (walks: Line[]): number => walks.findIndex((w) => w.status === 'failed')
