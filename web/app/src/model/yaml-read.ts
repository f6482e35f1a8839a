import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'

import type { ScenarioDoc, Step } from '../api/types'

/** A text that was read: its document with the line of every path, or why and where it is not readable. */
export type Read = { doc: ScenarioDoc; lines: Map<string, number>; wrong?: undefined } | { doc?: undefined; wrong: { line: number; message: string } }

class Unreadable extends Error {
  readonly at: number

  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

type Lines = { set: (path: string, at: number) => void }

/** Turns YAML into JSON values. It refuses the parts of YAML that a reader of the file could not foresee, as the server's command line does. */
function valueOf(node: unknown, path: string, lines: Lines): unknown {
  const n = node as Node | null
  const at = n?.range?.[0] ?? 0
  if (isAlias(n) || (n && 'anchor' in n && n.anchor) || n?.tag?.startsWith('!')) throw new Unreadable('anchors, aliases, tags and merge keys are not read', at)
  if (isMap(n)) {
    const found: [string, unknown][] = []
    for (const pair of n.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : undefined
      const keyAt = (pair.key as Node | null)?.range?.[0] ?? at
      if (key === undefined) throw new Unreadable('a key has to be a plain text', keyAt)
      if (key === '<<' && isAlias(pair.value)) throw new Unreadable('anchors, aliases, tags and merge keys are not read', keyAt)
      const place = path === '' ? key : `${path}.${key}`
      lines.set(place, keyAt)
      found.push([key, valueOf(pair.value, place, lines)])
    }
    return Object.fromEntries(found)
  }
  if (isSeq(n)) {
    return n.items.map((item, i) => {
      const place = `${path}[${i}]`
      lines.set(place, (item as Node | null)?.range?.[0] ?? at)
      return valueOf(item, place, lines)
    })
  }
  const value = isScalar(n) ? n.value : null
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Unreadable('this is no number', at)
  return value
}

/** The first document of a YAML text, and the lines of its paths, counted from 1. JSON is YAML. */
function first(text: string): { value: unknown; lines: Map<string, number>; wrong?: { line: number; message: string } } {
  const counter = new LineCounter()
  const lineOf = (at: number): number => counter.linePos(at).line
  const lines = new Map<string, number>()
  const docs = parseAllDocuments(text, { lineCounter: counter, prettyErrors: false, schema: 'core', uniqueKeys: true, logLevel: 'silent' })
  const doc = Array.isArray(docs) ? (docs.find((d) => d.contents !== null && (!isMap(d.contents) || [undefined, 'scenario'].includes(d.contents.get('kind') as string | undefined))) ?? docs[0]) : undefined
  const error = doc?.errors[0]
  if (error) return { value: undefined, lines, wrong: { line: lineOf(error.pos[0]), message: error.message } }
  try {
    return { value: valueOf(doc?.contents, '', { set: (path, at) => lines.set(path, lineOf(at)) }), lines }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { value: undefined, lines, wrong: { line: lineOf(error.at), message: error.message } }
  }
}

const isObject = (v: unknown): v is { [key: string]: unknown } => v !== null && typeof v === 'object' && !Array.isArray(v)

/** Reads a scenario. */
export function readScenario(text: string): Read {
  const { value, lines, wrong } = first(text)
  if (wrong) return { wrong }
  if (!isObject(value)) return { wrong: { line: 1, message: 'a scenario is an object with id and steps' } }
  if (value['kind'] !== undefined && value['kind'] !== 'scenario') return { wrong: { line: lines.get('kind') ?? 1, message: `kind is ${JSON.stringify(value['kind'])}; a scenario is expected` } }
  for (const list of ['triggers', 'steps', 'catch']) {
    const steps = value[list]
    if (steps !== undefined && steps !== null && !(Array.isArray(steps) && steps.every(isObject))) return { wrong: { line: lines.get(list) ?? 1, message: `${list} has to be a list of steps` } }
  }
  return { doc: value as ScenarioDoc, lines }
}

/** Where a path stands in the text, or the nearest part around it. */
export function lineOf(lines: Map<string, number>, path: string): number {
  for (let p = path; p !== ''; p = p.slice(0, Math.max(0, p.lastIndexOf('.'), p.lastIndexOf('[')))) {
    const line = lines.get(p)
    if (line !== undefined) return line
  }
  return 1
}

const isStep = (v: unknown): v is Step => isObject(v) && typeof v['kind'] === 'string'

function stepsIn(value: unknown): Step[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isStep)) return value
  if (!isObject(value)) return []
  if (Array.isArray(value['steps'])) return stepsIn(value['steps'])
  return isStep(value) && value.kind !== 'scenario' ? [value] : []
}

/**
 * The steps in a text that was pasted: a list of steps, one step, or a whole scenario, also between other words, in a fence, as a quotation,
 * or moved to the right, as chats do. None: the text holds no steps.
 */
export function readSteps(text: string): Step[] {
  const clean = text.replace(/\r\n?/g, '\n').replaceAll('\u00a0', ' ').replace(/[\u200b\ufeff]/g, '')
  const fence = /```[a-z]*\n([\s\S]*?)```/.exec(clean)?.[1]
  const lines = (fence ?? clean).split('\n')
  const quoted = lines.filter((l) => l.trim() !== '').every((l) => /^\s*>/.test(l))
  let part = quoted ? lines.map((l) => l.replace(/^\s*> ?/, '')) : lines
  const begin = part.findIndex((l) => /^\s*(- |[[{]|(id|kind|name|steps):)/.test(l))
  if (begin < 0) return []
  part = part.slice(begin)
  const indent = /^\s*/.exec(part[0] ?? '')?.[0].length ?? 0
  part = part.map((l) => (l.slice(0, indent).trim() === '' ? l.slice(indent) : l))
  // Words behind the steps are no YAML: they are left out line by line, at most a few.
  for (let cut = 0; cut <= 5 && part.length > cut; cut++) {
    const { value, wrong } = first(part.slice(0, part.length - cut).join('\n'))
    const found = wrong ? [] : stepsIn(value)
    if (found.length > 0) return found.map((s) => (typeof s.id === 'string' ? s : { ...s, id: s.kind }))
  }
  return []
}
