/** One row of a condition: a name, an operator, and what it is compared with. */
export type Row = { path: string; op: Op; value: string; quoted: boolean }
export type Op = (typeof ops)[number]
export type Rows = { join: 'and' | 'or'; rows: Row[] }

export const ops = ['==', '!=', '>', '>=', '<', '<=', 'contains', 'startsWith', 'in', 'empty', 'set'] as const

const path = String.raw`[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)*`
const text = String.raw`"(?:[^"\\]|\\.)*"`
const plain = String.raw`-?\d+(?:\.\d+)?|true|false|${path}`
const term = new RegExp(String.raw`^\s*(${path})\s*(?:(==|!=|>=|<=|>|<|contains|startsWith)\s*(?:date\((${text})\)|(${text})|(${plain}))|in\s*\[((?:\s*${text}\s*,?)+)\])\s*`)

/** Reads an expression as rows; undefined where it says more than rows can. */
export function readRows(source: string): Rows | undefined {
  if (source.trim() === '') return { join: 'and', rows: [] }
  const rows: Row[] = []
  let rest = source
  let join: Rows['join'] | undefined
  for (;;) {
    const m = term.exec(rest)
    if (!m?.[1]) return undefined
    const [whole, name, sign, date, quoted, bare, list] = m
    if (list !== undefined) rows.push({ path: name, op: 'in', value: (list.match(new RegExp(text, 'g')) ?? []).map(unquote).join(', '), quoted: true })
    else if (bare === 'null' && (sign === '==' || sign === '!=')) rows.push({ path: name, op: sign === '==' ? 'empty' : 'set', value: '', quoted: false })
    else if (date !== undefined) rows.push({ path: name, op: sign as Op, value: `date(${date})`, quoted: false })
    else rows.push({ path: name, op: sign as Op, value: quoted === undefined ? (bare ?? '') : unquote(quoted), quoted: quoted !== undefined })
    rest = rest.slice(whole.length)
    if (rest === '') break
    const word = /^(and|or|&&|\|\|)\s/.exec(rest)
    const next = word?.[1] === 'or' || word?.[1] === '||' ? 'or' : 'and'
    if (!word || (join !== undefined && join !== next)) return undefined
    join = next
    rest = rest.slice(word[0].length)
  }
  const found: Rows = { join: join ?? 'and', rows }
  // What can not be written again as it was meant is left to the expression.
  return rows.some((r) => r.op === 'in' && /"/.test(r.value)) ? undefined : found
}

const unquote = (quoted: string): string => {
  try {
    return JSON.parse(quoted) as string
  } catch {
    return quoted.slice(1, -1)
  }
}

/** Writes rows as an expression; rows without a name are left out. */
export function writeRows({ join, rows }: Rows): string {
  return rows.filter((r) => r.path !== '').map((r) => {
    if (r.op === 'empty') return `${r.path} == null`
    if (r.op === 'set') return `${r.path} != null`
    if (r.op === 'in') return `${r.path} in [${r.value.split(',').map((v) => JSON.stringify(v.trim())).join(', ')}]`
    return `${r.path} ${r.op} ${r.quoted || r.value.trim() === '' ? JSON.stringify(r.value) : r.value}`
  }).join(` ${join} `)
}

/** The operators that make sense for a type of field, by its name in the structure. */
export function opsFor(type: string | undefined): Op[] {
  switch (type) {
    case 'number': case 'decimal': case 'date': return ['==', '!=', '>', '>=', '<', '<=', 'empty', 'set']
    case 'boolean': return ['==', '!=', 'empty', 'set']
    case 'link': return ['==', '!=', 'in', 'empty', 'set']
    case 'string': return ['==', '!=', 'contains', 'startsWith', 'in', 'empty', 'set']
    default: return [...ops]
  }
}

/** How a value that somebody typed is written: as text, or as it stands. */
export function typedAs(type: string | undefined, value: string): Pick<Row, 'value' | 'quoted'> {
  if (type === 'date' && /^\d{4}-/.test(value)) return { value: `date(${JSON.stringify(value)})`, quoted: false }
  if (type === 'string' || type === 'link') return { value, quoted: !/^(object|before|user|vars|item|const|steps)\.\w/.test(value) }
  return { value, quoted: !/^(-?\d+(\.\d+)?|true|false|[a-z]\w*\.\w+(\.\w+)*)$/.test(value) }
}
