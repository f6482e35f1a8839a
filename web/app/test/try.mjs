// Tests of drafts, dry and for real, and what a run shows of itself, named by the checks of the design. With a directory as its argument, it
// leaves screenshots there.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { accessible, api, check, context, finish, make, signIn, url } from './harness.mjs'

const open = async (tab, id) => {
  await tab.goto(`${url}/a/demo/scenarios/${id}`)
  await tab.getByText('No problems').waitFor()
  await tab.locator('.canvas').waitFor()
}
const dry = (tab) => tab.getByRole('button', { name: 'Dry run', exact: true }).click()
const result = (tab) => tab.getByRole('group', { name: 'What happened here' })

/** A server outside, and what it was asked. */
const asked = []
const outside = createServer((request, response) => {
  let body = ''
  request.on('data', (part) => { body += part })
  request.on('end', () => {
    asked.push({ url: request.url, key: request.headers['x-key'] ?? '', body })
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ got: request.headers['x-key'] ?? '' }))
  })
})
await new Promise((resolve) => outside.listen(0, '127.0.0.1', resolve))
const there = `http://127.0.0.1:${outside.address().port}`
const secret = 'canary-7f3k-q2md-parrot'

await check('sign in', { free: true }, async (tab) => {
  await signIn(tab)
  await api(tab, 'PATCH', '', { private_hosts: ['127.0.0.0/8'] })
  await api(tab, 'PUT', '/secrets/crm', { value: secret, hosts: [there] })
})

await check('B7 a dry run sends no HTTP, no push, changes no row, and shows what would be', {}, async (tab) => {
  await make(tab, 'b7', {
    triggers: [{ id: 'c', kind: 'object', on: ['changed'], if: 'object.status == "shipped"' }],
    steps: [
      { id: 'mark', kind: 'edit_object', set: { note: 'seen by the test' } },
      { id: 'call', kind: 'http_request', method: 'POST', url: `${there}/hook`, headers: { 'X-Key': '{{ secret.crm }}' }, body: { order: '{{ object.number }}' } },
      { id: 'wait', kind: 'delay', for: '2d' },
      { id: 'tell', kind: 'push', to: '*', event: 'b7', message: 'Order {{ object.number }}' },
    ],
  })
  const heard = []
  const page = await context.newPage()
  await page.goto(`${url}/demo/`)
  await page.getByText('live', { exact: false }).first().waitFor()
  await page.exposeFunction('hear', (event) => heard.push(event))
  await open(tab, 'b7')
  const before = JSON.stringify(await api(tab, 'GET', '/structures/Order/objects?limit=200'))
  const runs = JSON.stringify(await api(tab, 'GET', '/runs?scenario=b7'))
  await dry(tab)
  const said = tab.getByRole('status').filter({ hasText: 'Dry run' })
  await said.getByText('4 steps · would write 1 object · would send 1 push').waitFor()
  await said.getByText('object.status = "new"').waitFor() // why the trigger would not have started it
  await tab.getByRole('button', { name: /^Step 1 of 4, Edit object.*done/ }).click()
  await result(tab).getByText('would change Order').waitFor()
  await result(tab).getByText('seen by the test').first().waitFor()
  await tab.getByRole('button', { name: /^Step 2 of 4, HTTP request.*done/ }).click()
  await result(tab).getByText('"sent": false').waitFor()
  assert.ok(!(await result(tab).innerText()).includes(secret))
  await tab.getByRole('button', { name: /^Step 3 of 4.*waiting/ }).click()
  await result(tab).getByText('would go on').waitFor()
  await tab.getByRole('button', { name: /^Step 4 of 4, Send PUSH-message.*done/ }).click()
  await result(tab).getByText(/would be delivered to \d+ connection/).waitFor()
  assert.equal(JSON.stringify(await api(tab, 'GET', '/structures/Order/objects?limit=200')), before)
  assert.equal(JSON.stringify(await api(tab, 'GET', '/runs?scenario=b7')), runs)
  assert.deepEqual(asked, [])
  // And what it would have sent can be sent.
  await result(tab).getByRole('button', { name: 'Send for real' }).click()
  await result(tab).getByText(/Handed to|delivered|connection/i).first().waitFor()
  await page.getByText('b7').first().waitFor()
  await page.close()
  await accessible(tab, 'a tested scenario')
})

await check('a draft runs for real before it is published, and its run is painted', {}, async (tab) => {
  await make(tab, 'real', { steps: [{ id: 'mark', kind: 'edit_object', set: { note: 'for real' } }, { id: 'tell', kind: 'push', to: '*', event: 'real' }] })
  await open(tab, 'real')
  await tab.getByRole('button', { name: 'Other ways to test' }).click()
  await tab.getByRole('menuitem', { name: /Run for real/ }).click()
  await tab.getByRole('status').getByText('done').first().waitFor()
  await tab.getByRole('button', { name: /^Step 1 of 2, Edit object.*done/ }).waitFor()
  const { items } = await api(tab, 'GET', '/structures/Order/objects?filter=note = "for real"')
  assert.equal(items.length, 1)
  await tab.getByRole('link', { name: 'See the run' }).click()
  await tab.getByRole('heading', { name: 'Run of real' }).waitFor()
  await tab.getByRole('button', { name: /^Step 2 of 2, Send PUSH-message.*done/ }).click()
  await accessible(tab, 'the run of a test')
})

await check('D1 a condition that was false shows the values of both sides', {}, async (tab) => {
  await make(tab, 'd1', { parameters: { least: 'decimal' }, steps: [{ id: 'big', kind: 'condition', if: 'object.total > vars.least', then: [{ id: 'tell', kind: 'push', to: '*', event: 'd1' }] }] })
  await api(tab, 'POST', '/scenarios/d1/publish', { start: true })
  await api(tab, 'PATCH', '/structures/Order/objects/1043', { total: '12.50' })
  const { run } = await api(tab, 'POST', '/scenarios/d1/call?wait=5s', { object: '1043', vars: { least: '99' } })
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByRole('button', { name: /^Step 1 of 1, Condition/ }).click()
  for (const seen of ['"if": false', '"object.total": "12.50"', '"vars.least": "99"']) await result(tab).getByText(seen).waitFor()
})

await check('D2 of a loop of 240 the one that failed is two clicks away', {}, async (tab) => {
  await make(tab, 'd2', {
    steps: [{ id: 'each', kind: 'for_each', items: `split("${Array.from({ length: 240 }, (_, i) => i).join(',')}", ",")`, do: [
      { id: 'one', kind: 'condition', if: 'item == "137"', then: [{ id: 'bad', kind: 'fail', message: 'not {{ item }}', on_error: { then: 'continue' } }] },
      { id: 'tell', kind: 'push', to: '{{ item == "137" ? object.owner : "testUser" }}', event: 'd2', on_error: { then: 'continue' } },
    ] }],
  })
  await api(tab, 'PATCH', '/structures/Order/objects/1042', { owner: null })
  await api(tab, 'POST', '/scenarios/d2/publish', { start: true })
  const { run } = await api(tab, 'POST', '/scenarios/d2/call?wait=10s', { object: '1042' })
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByRole('button', { name: /Send PUSH-message.*failed × 240/ }).click() // one click: it opens at the first that failed
  await result(tab).getByText('138 / 240').waitFor()
  await result(tab).getByText('failed', { exact: true }).waitFor()
  await result(tab).getByText('UserID gave no id of a user').waitFor()
})

await check('D3 a push to somebody who is offline says so', {}, async (tab) => {
  await make(tab, 'd3', { steps: [{ id: 'tell', kind: 'push', to: 'anna', event: 'd3' }] })
  await api(tab, 'POST', '/scenarios/d3/publish', { start: true })
  const { run } = await api(tab, 'POST', '/scenarios/d3/call?wait=5s', { object: '1042' })
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  await result(tab).getByText('nobody was online').waitFor()
})

await check('D4 a secret is never in the page or in an answer', {}, async (tab) => {
  await make(tab, 'd4', { steps: [{ id: 'call', kind: 'http_request', url: `${there}/d4?k={{ url(secret.crm) }}`, headers: { 'X-Key': '{{ secret.crm }}' } }, { id: 'say', kind: 'log', message: '{{ json(steps.call.body) }}' }] })
  const answers = []
  tab.on('response', async (r) => answers.push(await r.text().catch(() => '')))
  await open(tab, 'd4')
  await dry(tab)
  await tab.getByRole('button', { name: /^Step 1 of 2, HTTP request.*done/ }).click()
  await api(tab, 'POST', '/scenarios/d4/publish', { start: true })
  const { run } = await api(tab, 'POST', '/scenarios/d4/call?wait=5s', { object: '1042' })
  assert.equal(asked.at(-1).key, secret, 'the other server gets it')
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByRole('button', { name: /HTTP request/ }).click()
  await result(tab).getByText('••••').first().waitFor()
  await tab.goto(`${url}/a/demo/values`)
  await tab.getByText('crm').first().waitFor()
  assert.ok(answers.length > 5)
  assert.ok(!answers.some((text) => text.includes(secret)) && !(await tab.content()).includes(secret))
})

await check('a run is tried again from one of its steps, in the builder, with its data', {}, async (tab) => {
  await make(tab, 'from', { steps: [{ id: 'call', kind: 'http_request', url: `${there}/from` }, { id: 'tell', kind: 'push', to: '*', event: 'from', message: '{{ steps.call.status }}' }] })
  await api(tab, 'POST', '/scenarios/from/publish', { start: true })
  const { run } = await api(tab, 'POST', '/scenarios/from/call?wait=5s', { object: '1044' })
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  const before = asked.length
  await tab.getByRole('link', { name: /Try from here/ }).click()
  await tab.getByRole('status').getByText('1 step · ').waitFor()
  await tab.getByRole('button', { name: /Send PUSH-message.*done/ }).click()
  await result(tab).getByText('200', { exact: true }).first().waitFor() // what the request of then had answered
  assert.equal(asked.length, before)
  await tab.keyboard.press('Control+Enter')
  await tab.getByRole('status').getByText('2 steps · ').waitFor()
})

outside.close()
await finish()
