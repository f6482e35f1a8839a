import type { Kind, ScenarioDoc, Schema, Step } from '../api/types'

/**
 * Where something stands in a scenario's document, written as the server writes the paths of problems: steps[0].then[1].
 * A list has the same form without an index behind it: steps, steps[0].then, steps[2].cases[0].then.
 */
export type Address = string

type Segment = string | number

/** The names and indices of an address. */
export function segments(address: Address): Segment[] {
  return [...address.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map((m) => (m[1] === undefined ? m[0] : Number(m[1])))
}

/** The list that a step stands in, and its index there. */
export function parentOf(address: Address): { list: Address; index: number } {
  const at = address.lastIndexOf('[')
  return { list: address.slice(0, at), index: Number(address.slice(at + 1, -1)) }
}

/** What stands at an address. */
export function at<T>(doc: ScenarioDoc, address: Address): T | undefined {
  let value: unknown = doc
  for (const s of segments(address)) value = (value as { [key: Segment]: unknown } | undefined)?.[s]
  return value as T | undefined
}

const listAt = (doc: ScenarioDoc, list: Address): Step[] => at<Step[]>(doc, list) ?? []

/** The document with another value at an address; all that is not on the way there is shared. Undefined takes it away. */
export function put(doc: ScenarioDoc, address: Address, value: unknown): ScenarioDoc {
  const set = (whole: unknown, path: Segment[]): unknown => {
    const [head, ...rest] = path
    if (head === undefined) return value
    if (typeof head === 'number') {
      const list = [...((whole as unknown[] | undefined) ?? [])]
      list[head] = set(list[head], rest)
      return list
    }
    const { [head]: old, ...others } = (whole ?? {}) as { [key: string]: unknown }
    const next = set(old, rest)
    return next === undefined ? others : { ...(whole as object), [head]: next }
  }
  return set(doc, segments(address)) as ScenarioDoc
}

/** Puts a step into a list, before what stands at the index now. */
export function insert(doc: ScenarioDoc, list: Address, index: number, step: Step): ScenarioDoc {
  return put(doc, list, listAt(doc, list).toSpliced(index, 0, step))
}

/** Takes a step away. */
export function remove(doc: ScenarioDoc, address: Address): ScenarioDoc {
  const { list, index } = parentOf(address)
  return put(doc, list, listAt(doc, list).toSpliced(index, 1))
}

/** Moves a step within its list; past an end it stays where it is. */
export function move(doc: ScenarioDoc, address: Address, by: 1 | -1): { doc: ScenarioDoc; address: Address } {
  const { list, index } = parentOf(address)
  const steps = listAt(doc, list)
  const [step, to] = [steps[index], index + by]
  if (step === undefined || to < 0 || to >= steps.length) return { doc, address }
  return { doc: put(doc, list, steps.toSpliced(index, 1).toSpliced(to, 0, step)), address: `${list}[${to}]` }
}

/** A list of steps within a step. */
export type Branch = { list: Address; title: string; note?: string }

/** The lists of steps that a step holds, in the order of its schema; each case of a switch is one. */
export function branches(step: Step, address: Address, kind: Kind | undefined): Branch[] {
  if (kind === undefined) return []
  const found: Branch[] = []
  for (const name of order(kind.schema)) {
    const schema = kind.schema.properties?.[name]
    if (schema?.format === 'steps') found.push({ list: `${address}.${name}`, title: schema.title ?? name })
    if (schema?.format === 'cases') {
      const cases = (step[name] as { if?: string }[] | undefined) ?? []
      for (const [i, c] of cases.entries()) found.push({ list: `${address}.${name}[${i}].then`, title: `${i + 1}`, ...(c.if ? { note: c.if } : {}) })
    }
  }
  return found
}

/** The settings of a kind in the order in which people fill them in. */
export function order(schema: Schema): string[] {
  const names = Object.keys(schema.properties ?? {})
  const first = (schema['x-order'] ?? []).filter((name) => names.includes(name))
  return [...first, ...names.filter((name) => !first.includes(name))]
}

/** All ids of a document's steps and triggers. */
export function ids(doc: ScenarioDoc): Set<string> {
  const found = new Set<string>()
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) for (const v of value) walk(v)
    else if (value !== null && typeof value === 'object') {
      const { id, kind } = value as Partial<Step>
      if (typeof id === 'string' && typeof kind === 'string') found.add(id)
      for (const v of Object.values(value)) walk(v)
    }
  }
  walk([doc.triggers, doc.steps, doc.catch])
  return found
}

/** An id that the document does not have yet. */
export function freshID(doc: ScenarioDoc, like: string): string {
  const taken = ids(doc)
  const base = like.toLowerCase().replace(/[^a-z0-9_]/g, '_').replace(/^[^a-z]+/, '').slice(0, 55) || 'step'
  let id = base
  for (let n = 2; taken.has(id); n++) id = `${base}_${n}`
  return id
}

/** A copy of a step with ids of its own, for a document. */
export function copyFor(doc: ScenarioDoc, step: Step): Step {
  let whole = doc
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy)
    if (value === null || typeof value !== 'object') return value
    const next = Object.fromEntries(Object.entries(value).map(([k, v]) => [k, copy(v)])) as Step
    if (typeof next.id === 'string' && typeof next.kind === 'string') {
      next.id = freshID(whole, next.id.replace(/[-_]\d+$/, ''))
      whole = { ...whole, steps: [...(whole.steps ?? []), { id: next.id, kind: next.kind }] }
    }
    return next
  }
  return copy(step) as Step
}

/** What a card says of its settings in one line. */
export function summary(step: Step): string {
  const text = (value: unknown): string => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value))
  const set = (value: unknown): string => Object.entries((value ?? {}) as object).map(([k, v]) => `${k} = ${text(v)}`).join(', ')
  switch (step.kind) {
    case 'push': return `→ ${text(step['to'])} · ${text(step['event'])}`
    case 'condition': return text(step['if'])
    case 'edit_object': return set(step['set'])
    case 'create_object': return `${text(step['structure'])}: ${set(step['set'])}`
    case 'delete_object': return [text(step['structure']), text(step['object_id'])].filter(Boolean).join(' ')
    case 'set_variables': return set(step['set'])
    case 'delay': return text(step['for'] ?? step['until'])
    case 'http_request': return `${text(step['method'] ?? 'GET')} ${text(step['url'])}`
    case 'call_scenario': return text(step['scenario'])
    case 'for_each': return text(step['items'] ?? step['structure'])
    case 'search_objects': return [text(step['structure']), text(step['filter'])].filter(Boolean).join(': ')
    case 'log': return text(step['message'])
    case 'fail': return text(step['message'])
    case 'object': return [((step['on'] as string[] | undefined) ?? []).join(', '), ((step['fields'] as string[] | undefined) ?? []).join(', '), text(step['if'])].filter(Boolean).join(' · ')
    case 'schedule': return ['every', 'daily', 'weekly', 'monthly', 'cron'].map((k) => text(step[k])).filter(Boolean).join(' ')
    default: return ''
  }
}

/** A document and what it was before, for undo. Edits of the same place in quick succession are one. */
export type History = { past: ScenarioDoc[]; doc: ScenarioDoc; future: ScenarioDoc[]; edited?: { key: string; at: number } }

export type Edit = { doc: ScenarioDoc; key?: string; now: number } | 'undo' | 'redo' | { reset: ScenarioDoc }

const depth = 200
const together = 600 // milliseconds

/** The history after an edit. */
export function history(h: History, edit: Edit): History {
  if (edit === 'undo') {
    const last = h.past.at(-1)
    return last === undefined ? h : { past: h.past.slice(0, -1), doc: last, future: [h.doc, ...h.future] }
  }
  if (edit === 'redo') {
    const [next, ...rest] = h.future
    return next === undefined ? h : { past: [...h.past, h.doc], doc: next, future: rest }
  }
  if ('reset' in edit) return { past: [], doc: edit.reset, future: [] }
  if (edit.doc === h.doc) return h
  const edited = edit.key === undefined ? undefined : { key: edit.key, at: edit.now }
  const same = edited !== undefined && h.edited?.key === edited.key && edited.at - h.edited.at < together
  return { past: same ? h.past : [...h.past, h.doc].slice(-depth), doc: edit.doc, future: [], ...(edited ? { edited } : {}) }
}
