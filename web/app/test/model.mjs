// The scenario document as the builder edits it: checks of src/model, without a page.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createServer } from 'vite'

const vite = await createServer({ configFile: false, root: new URL('..', import.meta.url).pathname, logLevel: 'error', server: { middlewareMode: true, ws: false, watch: null }, optimizeDeps: { noDiscovery: true } })
after(() => vite.close())
const { history, insert, remove, move, put, copyFor, ids, freshID } = await vite.ssrLoadModule('/src/model/document.ts')
const { rows, rangeOf, removeRange, pasteAt, wrap, turn, search, nearest, above } = await vite.ssrLoadModule('/src/model/steps.ts')
const { writeScenario, writeSteps } = await vite.ssrLoadModule('/src/model/yaml-write.ts')
const { readScenario, readSteps, lineOf } = await vite.ssrLoadModule('/src/model/yaml-read.ts')

const { readRows, writeRows, typedAs } = await vite.ssrLoadModule('/src/model/condition.ts')

const kind = (name, order, properties = {}) => [`step:${name}`, { kind: name, title: name, help: '', group: '', schema: { 'x-order': order, properties } }]
const kinds = new Map([
  kind('log', ['message'], { message: {} }),
  kind('push', ['to', 'event', 'message', 'mode'], { to: {}, event: {}, message: {}, mode: {} }),
  kind('condition', ['if', 'then', 'else'], { if: {}, then: { format: 'steps', title: 'Yes' }, else: { format: 'steps', title: 'No' } }),
  kind('switch', ['cases', 'else'], { cases: { format: 'cases' }, else: { format: 'steps' } }),
  ['trigger:object', { kind: 'object', title: 'An object', help: '', group: '', schema: { 'x-order': ['on', 'if'], properties: {} } }],
])
const doc = () => ({
  kind: 'scenario', id: 's', triggers: [{ id: 'object', kind: 'object', on: ['changed'] }],
  steps: [
    { id: 'a', kind: 'condition', if: 'object.x == 1', then: [{ id: 'b', kind: 'log', message: 'yes' }, { id: 'c', kind: 'push', to: '*', event: 'e', message: '{{ object.x }}' }], else: [] },
    { id: 'd', kind: 'log', message: 'end' },
  ],
})

test('an edit shares all that it did not touch, and undo gives the very document back', () => {
  const first = doc()
  const second = put(first, 'steps[0].then[1].event', 'f')
  assert.equal(second.steps[1], first.steps[1])
  assert.equal(second.steps[0].then[0], first.steps[0].then[0])
  let h = { past: [], doc: first, future: [] }
  h = history(h, { doc: second, now: 0 })
  for (let i = 0; i < 40; i++) h = history(h, { doc: insert(h.doc, 'steps', 0, { id: freshID(h.doc, 'log'), kind: 'log' }), now: i })
  const last = writeScenario(h.doc, kinds)
  for (let i = 0; i < 41; i++) h = history(h, 'undo')
  assert.equal(h.doc, first)
  for (let i = 0; i < 41; i++) h = history(h, 'redo')
  assert.equal(writeScenario(h.doc, kinds), last)
})

test('typing in one field is one entry of the history, another field or a pause begins the next', () => {
  let h = { past: [], doc: doc(), future: [] }
  for (const [key, now] of [['x', 0], ['x', 100], ['x', 400], ['y', 500], ['y', 1500]]) h = history(h, { doc: put(h.doc, 'name', `${key}${now}`), key, now })
  assert.equal(h.past.length, 3)
})

test('the history is as deep as 200 edits', () => {
  let h = { past: [], doc: doc(), future: [] }
  for (let i = 0; i < 300; i++) h = history(h, { doc: put(h.doc, 'name', String(i)), now: i })
  assert.equal(h.past.length, 200)
})

test('steps are moved and taken away where they stand', () => {
  assert.deepEqual(move(doc(), 'steps[0]', 1).doc.steps.map((s) => s.id), ['d', 'a'])
  assert.equal(move(doc(), 'steps[0].then[0]', -1).address, 'steps[0].then[0]')
  assert.deepEqual(remove(doc(), 'steps[0].then[0]').steps[0].then.map((s) => s.id), ['c'])
})

test('a copy has ids that the document does not have, at any depth', () => {
  const whole = doc()
  const copy = copyFor(whole, whole.steps[0])
  assert.deepEqual([copy.id, ...copy.then.map((s) => s.id)], ['a_2', 'b_2', 'c_2'])
  const twice = pasteAt(pasteAt(whole, 'steps', 2, [whole.steps[0]]), 'steps', 0, [whole.steps[0], whole.steps[1]])
  const all = JSON.stringify(twice).match(/"id":"\w+","kind":"(log|push|condition)"/g)
  assert.equal(new Set(all).size, all.length)
  assert.equal(all.length, 4 + 3 + 4)
  for (const id of ids(twice)) assert.match(id, /^[a-z][a-z0-9_]{0,62}$/) // as the server wants them
  assert.equal(freshID(whole, 'edit_object'), 'edit_object')
})

test('ranges are wrapped, turned off, and taken away together', () => {
  const range = rangeOf('steps[0].then[0]', 'steps[0].then[1]')
  assert.deepEqual(range, { list: 'steps[0].then', from: 0, to: 1 })
  assert.deepEqual(rangeOf('steps[0]', 'steps[0].then[1]'), { list: 'steps[0].then', from: 1, to: 1 })
  const wrapped = wrap(doc(), range, 'condition')
  assert.deepEqual(wrapped.steps[0].then.map((s) => [s.kind, s.then.map((x) => x.id)]), [['condition', ['b', 'c']]])
  assert.deepEqual(removeRange(doc(), range).steps[0].then, [])
  const off = turn(doc(), range)
  assert.deepEqual(off.steps[0].then.map((s) => s.disabled), [true, true])
  assert.equal(JSON.stringify(turn(off, range)), JSON.stringify(doc()))
})

test('the outline has every list and step, in order, and leaves out what is folded', () => {
  const all = rows(doc(), kinds, new Set())
  assert.deepEqual(all.map((r) => `${r.level} ${r.address}`), [
    '1 triggers', '2 triggers[0]', '1 steps', '2 steps[0]', '3 steps[0].then', '4 steps[0].then[0]', '4 steps[0].then[1]', '3 steps[0].else', '2 steps[1]', '1 catch',
  ])
  assert.equal(rows(doc(), kinds, new Set(['a'])).length, 6)
  assert.equal(above('steps[0].then[1]'), 'steps[0].then')
  assert.equal(above('steps[0].then'), 'steps[0]')
  assert.equal(above('steps[2].cases[1].then'), 'steps[2]')
  assert.equal(above('steps'), undefined)
  assert.equal(nearest(remove(doc(), 'steps[1]'), 'steps[1]'), 'steps[0]')
  assert.equal(nearest(remove(doc(), 'steps[0]'), 'steps[0].then[1]'), 'steps[0].then')
  assert.equal(nearest(remove(remove(doc(), 'steps[0]'), 'steps[0]'), 'steps[0].then[1]'), 'steps')
  assert.equal(nearest(put(doc(), 'steps[0].then', undefined), 'steps[0].then'), 'steps[0].then')
})

test('search finds a step by its own settings, not by those of the steps in it', () => {
  assert.deepEqual(search(doc(), kinds, 'yes'), ['steps[0].then[0]'])
  assert.deepEqual(search(doc(), kinds, 'push *'), ['steps[0].then[1]'])
  assert.deepEqual(search(doc(), kinds, ''), [])
})

test('what is written as YAML is read again, whatever the texts are', () => {
  const texts = ['', ' ', 'plain words', 'true', 'No', '12', '0x1f', '1_000', '90s', '- a', 'a: b', '#x', 'x #y', "it's", 'say "hi"', '{{ object.x }}', 'a\nb\n', 'a\n\n b', ' lead\nx', 'tail \nx', 'x'.repeat(130), 'я '.repeat(80).trim(), '\u2028', '\u0007', '😀', '~', '*a', '&a', '!t', '2026-01-01', '%x', '@x', '`x', 'a\\b', "both ' and \"", '|', '>', '---', '...', '\t', 'ends-', 'null', '=', '<<', '\r\n']
  const whole = { ...doc(), name: 'x', parameters: Object.fromEntries(texts.map((t, i) => [t || `k${i}`, 'string'])), steps: texts.map((message, i) => ({ id: `s${i}`, kind: 'log', message, list: [message, [1, { a: message }]], on_error: { then: 'continue', retry: { backoff: '1s', times: 3 } } })) }
  const text = writeScenario(whole, kinds)
  const read = readScenario(text)
  assert.equal(read.wrong, undefined)
  assert.deepEqual(read.doc, whole)
  assert.equal(writeScenario(read.doc, kinds), text)
})

test('a document is written as the command line writes it', () => {
  assert.equal(writeScenario({ ...doc(), settings: { rate: '10/m', timeout: '5m' }, name: 'S' }, kinds), `kind: scenario
id: s
name: S
triggers:
  - id: object
    kind: object
    on: [changed]
settings:
  timeout: 5m
  rate: "10/m"
steps:
  - id: a
    kind: condition
    if: object.x == 1
    then:
      - id: b
        kind: log
        message: "yes"
      - id: c
        kind: push
        to: "*"
        event: e
        message: "{{ object.x }}"
    else: []
  - id: d
    kind: log
    message: end
`.replace('if: object.x == 1', 'if: "object.x == 1"'))
})

test('what no reader could foresee is refused, with its line', () => {
  for (const [text, line] of [['a: &x 1\nb: *x', 1], ['id: s\nsteps: !t []', 2], ['id: s\nid: t', 2], ['id: s\nsteps: {', 3], ['[]', 1], ['kind: structure\nid: x', 1], ['id: s\nsteps: [1]', 2], ['x: .inf', 1]]) {
    const read = readScenario(text)
    assert.ok(read.wrong, text)
    assert.ok(Math.abs(read.wrong.line - line) <= 1, `${text}: line ${read.wrong.line}`)
  }
  const { lines } = readScenario(writeScenario(doc(), kinds))
  assert.equal(lineOf(lines, 'steps[0].then[1].event'), 18)
  assert.equal(lineOf(lines, 'steps[0].then[1].nothing'), lineOf(lines, 'steps[0].then[1]'))
})

test('steps are found in what comes from a chat', () => {
  const text = writeSteps(doc().steps, kinds)
  const plain = doc().steps
  for (const from of [text, `Here it is:\n\n${text}`, `\`\`\`yaml\n${text}\`\`\`\nbye`, text.replace(/^/gm, '> '), text.replace(/^/gm, '    '), text.replaceAll('  ', '\u00a0 '), text.replaceAll('\n', '\r\n'), `${text}\nsee you: later: bye\n`, writeScenario(doc(), kinds)]) assert.deepEqual(readSteps(from), plain, from)
  assert.deepEqual(readSteps('kind: log\nid: x\nmessage: m'), [{ kind: 'log', id: 'x', message: 'm' }])
  for (const none of ['hello there', '', 'a: b', '- 1\n- 2', 'http://example.com/']) assert.deepEqual(readSteps(none), [])
})

test('a condition is read as rows and written as it was; what is more than rows stays an expression', () => {
  for (const source of [
    '', 'object.total > 100', 'object.status == "paid" and object.owner != null', 'object.note contains "a \\"b\\" and c" or total <= -1.50', 'object.status in ["new", "paid"]',
    'object.due >= date("2026-01-01")', 'object.owner == user.id', 'object.urgent == true', 'before.status == null',
  ]) assert.equal(writeRows(readRows(source)), source)
  assert.equal(writeRows(readRows('a.b==1 && c.d == 2')), 'a.b == 1 and c.d == 2')
  for (const source of ['object.total > 100 and (a == 1 or b == 2)', 'a == 1 and b == 2 or c == 3', 'len(object.note) > 2', 'object.total + 1 > 2', 'not object.urgent', 'object.', '"new" in changed', 'a == ', 'a == 1 b']) assert.equal(readRows(source), undefined, source)
  assert.deepEqual(typedAs('decimal', '12.50'), { value: '12.50', quoted: false })
  assert.deepEqual(typedAs('string', '12'), { value: '12', quoted: true })
  assert.deepEqual(typedAs('date', '2026-01-02'), { value: 'date("2026-01-02")', quoted: false })
})
