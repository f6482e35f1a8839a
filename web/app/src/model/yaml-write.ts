import type { Kind, ScenarioDoc, Schema, Step } from '../api/types'

/** The kinds of steps and triggers by step:<kind> and trigger:<kind>. */
export type Kinds = Map<string, Kind>

type Json = unknown
type Members = [string, Json][]

/** An object whose members have their order. */
class Arranged {
  readonly members: Members

  constructor(members: Members) {
    this.members = members
  }
}

// The order of keys, as in the files of `cuelight export` (contracts 1).
const scenarioKeys = ['kind', 'id', 'name', 'structure', 'parameters', 'triggers', 'order', 'lane', 'settings', 'steps', 'catch']
const settingsKeys = ['timeout', 'keep_runs', 'max_concurrent', 'debounce', 'rate']
const stepKeys = ['id', 'kind', 'name', 'notes', 'disabled', 'timeout']

const isObject = (v: Json): v is { [key: string]: Json } => v !== null && typeof v === 'object' && !Array.isArray(v)

const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

type Parts = { [key: string]: (v: Json) => Json }

function inOrder(m: { [key: string]: Json }, first: string[], last: string[], parts: Parts): Arranged {
  const others = Object.keys(m).filter((k) => !first.includes(k) && !last.includes(k)).sort(byCode)
  return new Arranged([...first, ...others, ...last].filter((k) => m[k] !== undefined).map((k) => [k, (parts[k] ?? sorted)(m[k])]))
}

const sorted = (v: Json): Json => (Array.isArray(v) ? v.map(sorted) : isObject(v) ? inOrder(v, [], [], {}) : v)
const only = (arrange: (m: { [key: string]: Json }) => Json) => (v: Json): Json => (isObject(v) ? arrange(v) : sorted(v))
const each = (arrange: (m: { [key: string]: Json }) => Json) => (v: Json): Json => (Array.isArray(v) ? v.map(only(arrange)) : sorted(v))

const onError = only((m) => inOrder(m, ['retry', 'then'], [], { retry: only((r) => inOrder(r, ['times', 'backoff'], [], {})) }))

const xOrder = (schema: Schema | undefined): string[] => schema?.['x-order'] ?? []

function arrangeStep(kinds: Kinds): (m: { [key: string]: Json }) => Json {
  const step = (m: { [key: string]: Json }): Json => {
    const schema = kinds.get(`step:${String(m['kind'])}`)?.schema
    const parts: Parts = { on_error: onError }
    for (const [name, p] of Object.entries(schema?.properties ?? {})) {
      if (p.format === 'steps') parts[name] = each(step)
      if (p.format === 'cases') parts[name] = each((c) => inOrder(c, ['if', 'then'], [], { then: each(step) }))
    }
    return inOrder(m, [...stepKeys, ...xOrder(schema)], ['on_error'], parts)
  }
  return step
}

const arrangeTrigger = (kinds: Kinds) => (m: { [key: string]: Json }): Json =>
  inOrder(m, [...new Set(['id', 'kind', ...xOrder(kinds.get(`trigger:${String(m['kind'])}`)?.schema)])], [], {})

/** A scenario as YAML, of the same form as a file that the command line exports. */
export function writeScenario(doc: ScenarioDoc, kinds: Kinds): string {
  const whole = { kind: 'scenario', ...doc }
  const step = each(arrangeStep(kinds))
  const parts: Parts = { triggers: each(arrangeTrigger(kinds)), steps: step, catch: step, settings: only((m) => inOrder(m, settingsKeys, [], {})) }
  return members(inOrder(whole, scenarioKeys, [], parts), 0, false)
}

/** Steps or triggers as a YAML list: what the clipboard holds. */
export function writeSteps(steps: Step[], kinds: Kinds): string {
  const [step, trigger] = [arrangeStep(kinds), arrangeTrigger(kinds)]
  return steps.map((s) => item(only(kinds.has(`trigger:${s.kind}`) ? trigger : step)(s), 0)).join('')
}

const wide = 120
const longText = 100
const bytes = (s: string): number => new TextEncoder().encode(s).length
const blanks = (n: number): string => ' '.repeat(n)

function members(o: Arranged, indent: number, open: boolean): string {
  return o.members.map(([k, v], i) => `${i > 0 || !open ? blanks(indent) : ''}${key(k)}:${value(v, indent)}`).join('')
}

const nested = (v: Json): boolean => v instanceof Arranged || Array.isArray(v)

function value(v: Json, indent: number): string {
  if (v instanceof Arranged && v.members.length > 0) return `\n${members(v, indent + 2, false)}`
  if (Array.isArray(v) && v.length > 0 && (v.some(nested) || indent + bytes(flow(v)) >= wide)) return `\n${v.map((x) => item(x, indent + 2)).join('')}`
  const head = typeof v === 'string' ? block(v) : undefined
  if (typeof v === 'string' && head !== undefined) {
    const lines = (v.endsWith('\n') ? v.slice(0, -1) : v).split('\n')
    return ` ${head}\n${lines.map((line) => (line === '' ? '\n' : `${blanks(indent + 2)}${line}\n`)).join('')}`
  }
  return ` ${flow(v)}\n`
}

function item(v: Json, indent: number): string {
  const dash = `${blanks(indent)}-`
  if (v instanceof Arranged && v.members.length > 0) return `${dash} ${members(v, indent + 2, true)}`
  if (Array.isArray(v)) return `${dash} ${flow(v)}\n`
  return dash + value(v, indent)
}

function flow(v: Json): string {
  if (v instanceof Arranged) return v.members.length === 0 ? '{}' : `{ ${v.members.map(([k, x]) => `${key(k)}: ${flow(x)}`).join(', ')} }`
  if (Array.isArray(v)) return `[${v.map(flow).join(', ')}]`
  return typeof v === 'string' ? text(v) : JSON.stringify(v ?? null)
}

const plainKey = /^[A-Za-z_][A-Za-z0-9_-]*$/
const plainText = /^[\p{L}_][\p{L}\p{N}_./@-]*( [\p{L}\p{N}_./@-]+)*$/u
const duration = /^[0-9]+(ms|s|m|h|d)$/
const words = ['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n']
const print = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

const key = (name: string): string => (plainKey.test(name) && !['true', 'false', 'null'].includes(name.toLowerCase()) ? name : quoted(name))

const printable = (s: string, lines: boolean): boolean => [...s].every((c) => (lines && c === '\n') || (print.test(c) && c !== '\uFFFD'))

function text(s: string): string {
  if (duration.test(s)) return s
  if (plainText.test(s) && !words.includes(s.toLowerCase()) && !s.endsWith('-')) return s
  if (/["\\]/.test(s) && !s.includes("'") && printable(s, false)) return `'${s}'`
  return quoted(s)
}

function quoted(s: string): string {
  return [...JSON.stringify(s)].map((c) => {
    const code = c.codePointAt(0) ?? 0
    if (code < 0x7f || (print.test(c) && code !== 0xfeff)) return c
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }).join('')
}

/** The head of the block that holds a long text, if it can stand in one as it is. */
function block(s: string): string | undefined {
  const ends = s.endsWith('\n')
  const body = ends ? s.slice(0, -1) : s
  if ((!s.includes('\n') && bytes(s) < longText) || !printable(s, true) || body === '') return undefined
  if (/^[ \n]/.test(body) || body.endsWith('\n') || s.includes(' \n') || s.endsWith(' ')) return undefined
  return ends ? '|' : '|-'
}
