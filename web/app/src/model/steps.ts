import type { Kind, ScenarioDoc, Step } from '../api/types'
import { type Address, at, branches, copyFor, freshID, insert, parentOf, put, summary } from './document'

type Kinds = Map<string, Kind>

/** A line of the outline: a list of steps (a section or a branch), or a step. */
export type Row = {
  address: Address
  level: number
  n: number
  all: number
  /** Undefined: this is a list. */
  step?: Step
  /** What a branch says of itself; a section has none. */
  title?: string
  /** Whether something stands below it; undefined: nothing can. */
  open?: boolean
}

const sections = ['triggers', 'steps', 'catch']

/** Everything in a document in the order in which one reads it. What is folded, by the ids of steps, is left out. */
export function rows(doc: ScenarioDoc, kinds: Kinds, folded: ReadonlySet<string>): Row[] {
  const out: Row[] = []
  const walk = (list: Address, level: number) => {
    const steps = at<Step[]>(doc, list) ?? []
    for (const [i, step] of steps.entries()) {
      const address = `${list}[${i}]`
      const inner = list === 'triggers' ? [] : branches(step, address, kinds.get(`step:${step.kind}`))
      const open = !folded.has(step.id)
      out.push({ address, level, n: i + 1, all: steps.length, step, ...(inner.length > 0 ? { open } : {}) })
      if (!open) continue
      for (const [k, b] of inner.entries()) {
        out.push({ address: b.list, level: level + 1, n: k + 1, all: inner.length, title: b.note ?? b.title, open: true })
        walk(b.list, level + 2)
      }
    }
  }
  for (const [k, list] of sections.entries()) {
    out.push({ address: list, level: 1, n: k + 1, all: sections.length, open: true })
    walk(list, 2)
  }
  return out
}

/** Whether an address is that of a step, and not of a list. */
export const isStep = (address: Address | undefined): boolean => address?.endsWith(']') ?? false

/** What an address stands in: the list of a step, the step of a branch; a section stands in nothing. */
export function above(address: Address): Address | undefined {
  if (isStep(address)) return parentOf(address).list
  const dot = address.lastIndexOf('.')
  if (dot < 0) return undefined
  // The list of a case stands in its switch: steps[0].cases[1].then.
  return address.slice(0, dot).replace(/\.cases\[\d+\]$/, '')
}

/** Steps that stand side by side. */
export type Range = { list: Address; from: number; to: number }

/** The steps between two of one list; of two lists, the second alone. */
export function rangeOf(anchor: Address | undefined, address: Address): Range {
  const here = parentOf(address)
  const there = anchor !== undefined && isStep(anchor) ? parentOf(anchor) : here
  const other = there.list === here.list ? there.index : here.index
  return { list: here.list, from: Math.min(here.index, other), to: Math.max(here.index, other) }
}

export const stepsOf = (doc: ScenarioDoc, range: Range): Step[] => (at<Step[]>(doc, range.list) ?? []).slice(range.from, range.to + 1)

/** Takes the steps of a range away. */
export const removeRange = (doc: ScenarioDoc, { list, from, to }: Range): ScenarioDoc => put(doc, list, (at<Step[]>(doc, list) ?? []).toSpliced(from, to - from + 1))

/** Puts copies of steps into a list, with ids that the document does not have. */
export function pasteAt(doc: ScenarioDoc, list: Address, index: number, steps: Step[]): ScenarioDoc {
  return steps.reduce((whole, step, i) => insert(whole, list, index + i, copyFor(whole, step)), doc)
}

/** What steps can be wrapped in: the kind, the list that takes them, and what the new step begins with. */
export const wraps = {
  condition: { list: 'then', begins: { if: '' } },
  for_each: { list: 'do', begins: { items: '' } },
  try: { list: 'do', begins: {} },
} as const

/** Puts a new step in the place of a range, with the range in one of its branches. */
export function wrap(doc: ScenarioDoc, range: Range, kind: keyof typeof wraps): ScenarioDoc {
  const { list, begins } = wraps[kind]
  const step: Step = { id: freshID(doc, kind), kind, ...begins, [list]: stepsOf(doc, range) }
  return insert(removeRange(doc, range), range.list, range.from, step)
}

/** Turns the steps of a range off, or on where all are off. */
export function turn(doc: ScenarioDoc, range: Range): ScenarioDoc {
  const off = !stepsOf(doc, range).every((s) => s.disabled === true)
  let next = doc
  for (let i = range.from; i <= range.to; i++) next = put(next, `${range.list}[${i}].disabled`, off || undefined)
  return next
}

/** How many steps stand in a step, at any depth. */
export function stepsWithin(step: Step, kinds: Kinds): number {
  let n = 0
  for (const b of branches(step, '', kinds.get(`step:${step.kind}`))) {
    for (const inner of at<Step[]>(step as unknown as ScenarioDoc, b.list.replace(/^\./, '')) ?? []) n += 1 + stepsWithin(inner, kinds)
  }
  return n
}

/** The addresses of the steps whose name, kind, id or settings hold all words. */
export function search(doc: ScenarioDoc, kinds: Kinds, words: string): Address[] {
  const want = words.toLowerCase().split(/\s+/).filter(Boolean)
  if (want.length === 0) return []
  return rows(doc, kinds, new Set()).filter((r) => {
    if (!r.step) return false
    const trigger = r.address.startsWith('triggers')
    const kind = kinds.get(`${trigger ? 'trigger' : 'step'}:${r.step.kind}`)
    const inner = new Set(trigger ? [] : branches(r.step, '', kind).map((b) => b.list.replace(/^\.(\w+).*$/, '$1')))
    const own = Object.fromEntries(Object.entries(r.step).filter(([name]) => !inner.has(name)))
    const all = `${kind?.title ?? ''} ${summary(r.step)} ${JSON.stringify(own)}`.toLowerCase()
    return want.every((w) => all.includes(w))
  }).map((r) => r.address)
}

/** The nearest address that a document still has, after an edit that took some away. */
export function nearest(doc: ScenarioDoc, address: Address | undefined): Address | undefined {
  if (address === undefined || at(doc, address) !== undefined || sections.includes(address)) return address
  // A branch that nothing was put into yet is there as soon as what it belongs to is.
  if (!isStep(address)) return at(doc, address.slice(0, address.lastIndexOf('.'))) === undefined ? nearest(doc, above(address)) : address
  const { list, index } = parentOf(address)
  const left = at<Step[]>(doc, list)?.length ?? 0
  return left > 0 ? `${list}[${Math.min(index, left - 1)}]` : nearest(doc, list)
}
