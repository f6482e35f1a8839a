// Fields with names in them, conditions, suggestions and templates. With a directory as its argument, it leaves screenshots there.
import assert from 'node:assert/strict'
import { accessible, api, browser, check, context, finish, make, pageOf, signIn, url } from './harness.mjs'

const draft = (tab, id) => api(tab, 'GET', `/scenarios/${id}/draft`)
const field = (tab, name) => tab.getByRole('textbox', { name })
const listed = (tab, name) => tab.getByRole('option', { name })

await check('words: sign in', { free: true }, async (tab) => {
  await signIn(tab)
})

await check('B6 names are completed with their values before the first run', {}, async (tab) => {
  await make(tab, 'b6', { steps: [{ id: 'found', kind: 'search_objects', structure: 'Order' }, { id: 'tell', kind: 'push', to: '*', event: 'b6' }] })
  await tab.goto(`${url}/a/demo/scenarios/b6`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  await tab.locator('[data-field=message] .cm-content').click()
  await tab.keyboard.type('Order {{ num')
  const hit = listed(tab, /^object\.number.*text = "10\d\d"/)
  await hit.waitFor()
  await accessible(tab, 'the open list')
  await tab.keyboard.press('Enter')
  await tab.keyboard.type(' of {{ object.owner.na')
  await listed(tab, /^name.*text = "(Anna|Test User)"/).waitFor()
  await tab.keyboard.press('Tab')
  assert.equal(await field(tab, 'Message').innerText(), 'Order {{ object.number }} of {{ object.owner.name }}')
  await tab.getByText(/^→ "Order 10\d\d of (Anna|Test User)"$/).waitFor()
  // What an earlier step yields, by name and by what is in it, before it ever did.
  await tab.keyboard.type(' {{ steps.')
  await listed(tab, /^found/).waitFor()
  await tab.keyboard.press('Escape') // closes the list, and only that
  assert.ok(await tab.evaluate(() => document.activeElement.closest('[data-field=message]') !== null))
  for (let i = 0; i < ' {{ steps.'.length; i++) await tab.keyboard.press('Backspace')
  await tab.keyboard.press('Tab') // no list is open: on to the next field
  await tab.waitForFunction(() => document.activeElement?.closest('[data-field=message]') === null)
  // A slash in an empty field, and Ctrl+Space.
  await field(tab, 'Message').fill('')
  await tab.keyboard.type('/own')
  await listed(tab, /^object\.owner.*a link to User/).waitFor()
  await tab.keyboard.press('Enter')
  assert.equal(await field(tab, 'Message').innerText(), '{{ object.owner }}')
  await field(tab, 'Message').fill('')
  await tab.keyboard.press('Control+Space')
  await listed(tab, /^object\.status/).waitFor()
  await tab.keyboard.press('Escape')
  // The list of all data stays until another field is chosen; a click inserts.
  await tab.getByText('Data for Message').waitFor()
  await tab.getByRole('textbox', { name: 'Find a name or a value' }).fill('object.stat')
  await tab.getByRole('button', { name: /^object\.status/ }).click()
  assert.equal(await field(tab, 'Message').innerText(), '{{ object.status }}')
  // Undo is the field's own.
  await tab.keyboard.press('Control+z')
  assert.equal((await field(tab, 'Message').innerText()).trim(), '')
})

await check('a mistake is underlined where it stands', {}, async (tab) => {
  await make(tab, 'mistake', { steps: [{ id: 'tell', kind: 'push', to: '*', event: 'e', message: 'Order {{ object.numbr }}' }] })
  await tab.goto(`${url}/a/demo/scenarios/mistake`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  await field(tab, 'Message').fill('So: {{ object.numbr }}')
  await tab.locator('[data-field=message] .mistake').waitFor()
  assert.match(await tab.locator('[data-field=message] .mistake').innerText(), /numbr/)
  assert.equal(await field(tab, 'Message').getAttribute('aria-invalid'), 'true')
})

const order = (tab, fields) => api(tab, 'PATCH', '/structures/Order/objects/1042', fields)
for (const [id, words, trigger, push] of [
  ['refresh', 'Refresh a list', (tab) => order(tab, { note: 'T1' }), /^t-refresh: /],
  ['notify', 'Notify one user', (tab) => order(tab, { note: 'T2' }), /^t-notify: Order 1042$/],
  ['big', 'Alert on a big amount', (tab) => order(tab, { total: '5000.50' }), /^t-big: Order 1042: 5000\.50$/],
  ['relay', 'Relay chat messages', (tab) => api(tab, 'POST', '/structures/Message/objects', { from: 'testUser', to: 'anna', text: 'Hello there' }), /^t-relay: Hello there$/],
  ['status', 'Status change to the owner', (tab) => order(tab, { status: 'shipped' }), /^t-status: Order 1042: shipped$/],
  ['digest', 'Nightly digest', (tab, made) => api(tab, 'POST', `/scenarios/${made}/draft/test`, { mode: 'real' }), /^t-digest: Order \(new\): \d+$/],
  ['http', 'Call an HTTP address', (tab) => order(tab, { note: 'T7' }), /^t-http: Order 1042: .+$/],
  ['count', 'Count of open objects', (tab) => order(tab, { note: 'T8' }), /^t-count: Order \(new\): \d+$/],
]) {
  await check(`T-${id} the template ${words} runs at once on the demo`, { free: true }, async (tab) => {
    const page = await pageOf('anna')
    await tab.goto(`${url}/a/demo/scenarios`)
    await tab.getByRole('button', { name: 'New scenario' }).click()
    await tab.getByRole('dialog').getByRole('button', { name: new RegExp(`^${words}`) }).click()
    await tab.getByRole('textbox', { name: 'Event name' }).fill(`t-${id}`)
    await tab.getByRole('button', { name: 'Use', exact: true }).click()
    await tab.getByRole('heading', { name: new RegExp(`^${words}: `) }).waitFor()
    await tab.getByText('No problems').waitFor()
    const made = new URL(tab.url()).pathname.split('/').at(-1)
    await tab.getByRole('button', { name: 'Publish and start' }).click()
    await tab.getByRole('textbox', { name: 'What changed?' }).press('Enter')
    await tab.getByText('Version 1 is published.').waitFor()
    await trigger(tab, made)
    await page.waitForFunction((p) => window.seen.some((line) => new RegExp(p).test(line)), push.source, { timeout: 15_000, polling: 100 }).catch(async () => {
      assert.fail(`${push} is not in ${await page.evaluate(() => JSON.stringify(window.seen))}, runs: ${JSON.stringify((await api(tab, 'GET', `/runs?scenario=${made}`)).items.slice(0, 2))}`)
    })
    await api(tab, 'POST', `/scenarios/${made}/stop`, {})
    await page.close()
  })
}

await check('a condition is put together of rows, says what it saw, and keeps what rows can not show', {}, async (tab) => {
  await make(tab, 'rows', { steps: [{ id: 'ask', kind: 'condition', if: 'object.status == "paid" and len(object.note) > 0' }] })
  await tab.goto(`${url}/a/demo/scenarios/rows`)
  await tab.getByRole('button', { name: /^Step 1 of 1, Condition/ }).click()
  await tab.getByText('This expression says more than rows can show.').waitFor()
  assert.equal(await field(tab, 'Question').innerText(), 'object.status == "paid" and len(object.note) > 0')
  await field(tab, 'Question').fill('')
  const rows = tab.getByRole('group', { name: 'Question as rows' })
  await rows.getByRole('button', { name: 'Add a row' }).click()
  await rows.getByRole('combobox', { name: 'Field 1' }).or(rows.getByRole('textbox', { name: 'Field 1' })).first().fill('object.status')
  await rows.getByRole('combobox', { name: 'Operator 1' }).selectOption('is not')
  await rows.getByRole('combobox', { name: 'Value 1' }).or(rows.getByRole('textbox', { name: 'Value 1' })).first().fill('shipped')
  await tab.keyboard.press('Escape')
  await tab.getByText('→ true for Order 1043').or(tab.getByText('→ true for Order 1042')).or(tab.getByText(/→ false for Order 10\d\d: object\.status is shipped/)).first().waitFor()
  await rows.getByRole('button', { name: 'Add a row' }).click()
  await rows.getByRole('combobox', { name: 'Field 2' }).or(rows.getByRole('textbox', { name: 'Field 2' })).first().fill('object.total')
  await rows.getByRole('combobox', { name: 'Operator 2' }).selectOption('is over')
  await rows.getByRole('combobox', { name: 'Value 2' }).or(rows.getByRole('textbox', { name: 'Value 2' })).first().fill('100000')
  await tab.keyboard.press('Escape')
  await tab.getByText(/→ false for Order 10\d\d: object\.status is \w+, object\.total is /).waitFor()
  assert.equal(await field(tab, 'Question').innerText(), 'object.status != "shipped" and object.total > 100000')
  await rows.getByRole('combobox', { name: 'All rows, or one of them' }).selectOption('or')
  await tab.waitForFunction(() => document.querySelector('[data-field=if] .cm-content').textContent === 'object.status != "shipped" or object.total > 100000')
  await accessible(tab, 'the rows')
})

await check('who gets a push, event names, and times are suggested and put into words', {}, async (tab) => {
  await make(tab, 'hints', { triggers: [{ id: 'day', kind: 'schedule', daily: '09:00' }], steps: [{ id: 'tell', kind: 'push' }] })
  await tab.goto(`${url}/a/demo/scenarios/hints`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  await tab.locator('[data-field=to] .cm-content').click()
  await tab.keyboard.press('Control+Space')
  await listed(tab, /^\*\s*everybody of the app/).waitFor()
  await listed(tab, /^\{\{ object\.owner \}\}\s*a link to User/).waitFor()
  await listed(tab, /^anna.*Anna/).click()
  assert.equal(await field(tab, 'UserID').innerText(), 'anna')
  await tab.locator('[data-field=event] .cm-content').click()
  await tab.keyboard.type('refresh-o')
  await listed(tab, /^refresh-orders/).click()
  assert.equal(await field(tab, 'Event name').innerText(), 'refresh-orders')
  await tab.getByRole('button', { name: /On a schedule/ }).click()
  await tab.getByText(/^→ every day at 09:00 \(UTC\); next: .* · .* · /).waitFor()
})

await check('the journey: from nothing to a toast on the demo page', {}, async (tab) => {
  const began = Date.now()
  let clicks = 0
  const click = async (what) => {
    await what.click()
    clicks++
  }
  const demo = await context.newPage()
  await demo.goto(`${url}/demo/`)
  await tab.goto(`${url}/a/demo/scenarios`)
  await click(tab.getByRole('button', { name: 'New scenario' }))
  await tab.getByRole('textbox', { name: 'Name', exact: true }).fill('Order is ready')
  await click(tab.getByRole('combobox', { name: /Structure/ }))
  await click(tab.getByRole('option', { name: 'Orders' }))
  await click(tab.getByRole('button', { name: 'Create' }))
  const add = async (button, words) => {
    await click(tab.getByRole('button', { name: button }).first())
    await tab.getByRole('textbox', { name: /What should happen/ }).fill(words)
    await tab.keyboard.press('Enter')
    await tab.getByRole('dialog').waitFor({ state: 'hidden' })
  }
  await add('Add what starts it', 'object')
  await add('Add a step', 'cond')
  const rows = tab.getByRole('group', { name: 'Question as rows' })
  await click(rows.getByRole('button', { name: 'Add a row' }))
  await rows.getByLabel('Field 1').first().fill('object.status')
  await rows.getByLabel('Value 1').first().fill('ready')
  await tab.getByText(/for Order 10\d\d/).first().waitFor()
  await add('Add a step at the head of Yes', 'push')
  await field(tab, 'UserID').fill('*')
  await field(tab, 'Event name').fill('alert')
  await click(tab.locator('[data-field=message] .cm-content'))
  await tab.keyboard.type('Ready: {{ num')
  await listed(tab, /^object\.number/).waitFor()
  await tab.keyboard.press('Enter')
  await tab.getByText(/^→ "Ready: 10\d\d"$/).waitFor()
  await tab.getByText('No problems').waitFor()
  await click(tab.getByRole('button', { name: 'Publish and start' }))
  await tab.getByRole('textbox', { name: 'What changed?' }).press('Enter')
  await tab.getByText('Version 1 is published.').waitFor()
  await api(tab, 'PATCH', '/structures/Order/objects/1045', { status: 'ready' })
  await demo.getByText('Ready: 1045').first().waitFor()
  const took = (Date.now() - began) / 1000
  console.log(`        from nothing to the toast: ${took.toFixed(1)} s, ${clicks} clicks`)
  assert.ok(took < 180)
  await demo.close()
})

for (const colorScheme of ['light', 'dark']) {
  await check(`words have no barriers, ${colorScheme}`, {}, async (tab) => {
    await tab.emulateMedia({ colorScheme })
    await tab.goto(`${url}/a/demo/scenarios?new=status`)
    await tab.getByRole('button', { name: 'Use', exact: true }).waitFor()
    await tab.waitForFunction(() => document.getAnimations().length === 0)
    await accessible(tab, 'the gallery')
    await tab.goto(`${url}/a/demo/scenarios/order-ready`)
    await tab.getByRole('button', { name: /Condition/ }).first().click()
    await field(tab, 'Question').click()
    await tab.getByText('Data for Question').waitFor()
    await tab.getByText(/for Order 10\d\d/).first().waitFor()
    await accessible(tab, 'a condition and its data')
  })
}

const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'ru', storageState: await context.storageState() })
await check('words on a phone, in Russian', { as: phone }, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios?new=count`)
  await tab.getByRole('button', { name: 'Использовать', exact: true }).waitFor()
  await tab.waitForFunction(() => document.getAnimations().length === 0)
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
  await accessible(tab, 'the gallery on a phone')
  await tab.goto(`${url}/a/demo/scenarios/order-ready`)
  await tab.getByRole('treeitem', { name: /Send PUSH-message/ }).click()
  const sheet = tab.getByRole('dialog')
  await sheet.locator('[data-field=message] .cm-content').click()
  await tab.keyboard.type('{{ num')
  await listed(tab, /^object\.number/).waitFor()
  await tab.keyboard.press('Escape')
  await sheet.getByText('Данные для поля «Message»').waitFor()
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
})

await finish()
