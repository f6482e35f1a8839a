// The web app as people use it: the first five minutes, building a scenario, and what must not get lost. With a directory as its argument,
// it leaves screenshots there.
import assert from 'node:assert/strict'
import { accessible, api, browser, check, context, finish, kill, pageOf, revive, signIn, url } from './harness.mjs'


await check('the printed link leads to an overview', {}, async (tab) => {
  await signIn(tab)
  assert.equal(new URL(tab.url()).pathname, '/a/demo/')
})

await check('a changed order renews the open page, and its run is a click away', {}, async (tab) => {
  const demo = await context.newPage()
  await demo.goto(`${url}/demo/`)
  await demo.locator('html[data-cue=online], html.cue-online, body').first().waitFor()
  await tab.goto(`${url}/a/demo/`)
  await tab.getByRole('link', { name: 'Change an object' }).click()
  await tab.getByRole('button', { name: /edit Status of 1042/ }).click()
  await tab.getByRole('combobox', { name: /edit Status of 1042/ }).selectOption('paid')
  await tab.getByText('1 scenario ran').waitFor()
  await demo.locator('#order-1042', { hasText: 'paid' }).waitFor()
  await tab.getByRole('link', { name: 'See the run' }).click()
  await tab.getByRole('heading', { name: 'Run of refresh-orders' }).waitFor()
  await tab.getByText(/delivered to \d+ connection/).first().waitFor()
  await tab.getByRole('link', { name: /Why did the others not run/ }).click()
  await tab.getByText(/none of the fields that the trigger watches changed/).first().waitFor()
  await demo.close()
})

await check('a refused value says why and changes nothing', { free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/objects/Order`)
  await tab.getByRole('button', { name: /edit Total of 1043/ }).click()
  const field = tab.getByRole('textbox', { name: /edit Total of 1043/ })
  await field.fill('much')
  await field.press('Enter')
  await tab.getByText(/must be|decimal|number/).first().waitFor()
  await field.press('Escape')
  await tab.getByRole('button', { name: '64.50: edit Total of 1043' }).waitFor()
})

/** Adds what the palette finds for some words at the button of this name. */
async function add(tab, button, words) {
  await tab.getByRole('button', { name: button }).first().click()
  await tab.getByRole('textbox', { name: /What should happen/ }).fill(words)
  await tab.keyboard.press('Enter')
  await tab.getByRole('dialog').waitFor({ state: 'hidden' })
}

await check('a scenario is built, published, and runs', {}, async (tab) => {
  const began = Date.now()
  await tab.goto(`${url}/a/demo/scenarios`)
  await tab.getByRole('button', { name: 'New scenario' }).click()
  await tab.getByRole('textbox', { name: 'Name', exact: true }).fill('Order is waiting')
  assert.equal(await tab.getByLabel(/^Id/).inputValue(), 'order-is-waiting')
  await tab.getByRole('combobox', { name: /Structure/ }).click()
  await tab.getByRole('option', { name: 'Orders' }).click()
  await tab.getByRole('button', { name: 'Create' }).click()
  await add(tab, 'Add what starts it', 'object')
  await tab.getByRole('textbox', { name: 'Condition' }).fill('object.status == "shipped"')
  await add(tab, 'Add a step', 'if')
  await tab.getByRole('textbox', { name: 'Question' }).fill('object.owner != null')
  await add(tab, 'Add a step at the head of Yes', 'tell the browser')
  await tab.getByRole('textbox', { name: 'UserID' }).fill('{{ object.owner }}')
  await tab.getByRole('button', { name: '1 problem', exact: true }).waitFor()
  await tab.getByRole('textbox', { name: 'Event name' }).fill('order-gone')
  await tab.getByRole('textbox', { name: 'Message' }).fill('Order {{ object.number }} is on its way')
  await tab.getByText('→ "Order 1042 is on its way"').waitFor() // what it comes to on the sample
  await tab.getByText('No problems').waitFor()
  await tab.getByText('saved', { exact: true }).waitFor()
  await tab.getByRole('button', { name: 'Publish and start' }).click()
  await tab.getByRole('textbox', { name: 'What changed?' }).press('Enter')
  await tab.getByText('Version 1 is published.').waitFor()
  await api(tab, 'PATCH', '/structures/Order/objects/1044', { status: 'shipped' })
  await tab.getByText('Runs', { exact: true }).last().click()
  await tab.getByRole('cell', { name: 'done' }).first().waitFor()
  const doc = await api(tab, 'GET', '/scenarios/order-is-waiting/draft')
  assert.deepEqual(doc.steps, [{
    id: 'condition', kind: 'condition', if: 'object.owner != null',
    then: [{ id: 'push', kind: 'push', to: '{{ object.owner }}', event: 'order-gone', message: 'Order {{ object.number }} is on its way' }],
  }])
  console.log(`        from nothing to the first run: ${((Date.now() - began) / 1000).toFixed(1)} s`)
})

await check('what was done is undone and done again, exactly', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios/big-order`)
  await tab.getByRole('button', { name: /^Step 1 of 1, An object/ }).waitFor()
  const text = async () => {
    await tab.getByText('YAML', { exact: true }).click()
    const all = await tab.getByRole('textbox', { name: 'YAML' }).inputValue()
    await tab.getByText('Edit', { exact: true }).click()
    return all
  }
  const before = await text()
  for (let i = 0; i < 10; i++) await add(tab, 'Add a step', 'log')
  const after = await text()
  assert.equal(after.match(/kind: log/g).length, (before.match(/kind: log/g) ?? []).length + 10)
  const undo = tab.getByRole('button', { name: 'Undo' })
  for (let i = 0; i < 10; i++) await undo.click()
  assert.equal(await text(), before)
  for (let i = 0; i < 10; i++) await tab.getByRole('button', { name: 'Redo' }).click()
  assert.equal(await text(), after)
  for (let i = 0; i < 10; i++) await undo.click()
  await tab.getByText('saved', { exact: true }).waitFor()
})

await check('two tabs on one draft: nobody overwrites the other unasked', { free: true }, async (tab) => {
  const other = await context.newPage()
  for (const page of [tab, other]) {
    await page.goto(`${url}/a/demo/scenarios/relay`)
    await page.getByRole('button', { name: /Send PUSH-message/ }).click()
  }
  await tab.getByRole('textbox', { name: 'Notes' }).fill('mine')
  await tab.getByText('saved', { exact: true }).waitFor()
  await tab.waitForResponse((r) => r.request().method() === 'PUT').catch(() => {})
  await other.getByRole('textbox', { name: 'Notes' }).fill('theirs')
  await other.getByText('Somebody else has saved this draft meanwhile.').waitFor()
  await other.getByRole('button', { name: 'Take theirs' }).click()
  await other.getByRole('button', { name: /Send PUSH-message/ }).click()
  assert.equal(await other.getByRole('textbox', { name: 'Notes' }).inputValue(), 'mine')
  await other.close()
})

await check('edits while a save is slow, and a save whose answer is lost, are no conflict', { free: true }, async (tab) => {
  let puts = 0
  await tab.route('**/draft', async (route) => {
    if (route.request().method() !== 'PUT') return route.continue()
    puts++
    if (puts === 1) await new Promise((resolve) => setTimeout(resolve, 2500))
    const answer = await route.fetch()
    return puts === 2 ? route.abort() : route.fulfill({ response: answer })
  })
  await tab.goto(`${url}/a/demo/scenarios/order-ready`)
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  const notes = tab.getByRole('textbox', { name: 'Notes' })
  await notes.fill('first')
  await tab.getByText('saving…').waitFor()
  await notes.fill('second') // its save waits for the first, and its answer is lost
  await tab.getByText(/^not saved: /).waitFor()
  await notes.fill('third')
  await tab.getByText('saved', { exact: true }).waitFor()
  const doc = await api(tab, 'GET', '/scenarios/order-ready/draft')
  assert.equal(doc.steps[0].then[0].notes, 'third')
  assert.equal(await tab.getByText('Somebody else has saved this draft meanwhile.').count(), 0)
})

await check('a server that dies while somebody edits loses nothing', { free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios/clock`)
  await tab.getByRole('button', { name: /On a schedule/ }).click()
  await kill()
  await tab.getByRole('textbox', { name: 'Notes' }).fill('kept over a crash')
  await tab.getByText(/^not saved: /).waitFor()
  await revive()
  await tab.getByText('saved', { exact: true }).waitFor()
  const doc = await api(tab, 'GET', '/scenarios/clock/draft')
  assert.equal(doc.triggers[0].notes, 'kept over a crash')
})

await check('everything that starts, stops and fails is seen in the list', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios`)
  await tab.getByRole('textbox', { name: /Find/ }).fill('refresh-orders')
  await tab.getByRole('row', { name: /Refresh orders/ }).waitFor()
  assert.equal(await tab.getByRole('row').count(), 2) // its head, and the one that sends the event
  const power = tab.getByRole('switch', { name: 'Run Refresh orders' })
  await power.click({ force: true })
  await tab.getByText('stopped', { exact: true }).waitFor()
  assert.equal((await api(tab, 'GET', '/scenarios/refresh-orders')).state, 'stopped')
  await power.click({ force: true })
  await tab.getByText('running', { exact: true }).waitFor()
})

await check('a message is sent by hand to a user who is there, until their session ends', { free: true }, async (tab) => {
  const page = await pageOf('anna')
  await tab.goto(`${url}/a/demo/live`)
  await tab.getByLabel(/UserID/).first().fill('anna')
  await tab.keyboard.press('Escape')
  await tab.getByRole('combobox', { name: 'Event name' }).fill('hello')
  await tab.getByRole('textbox', { name: 'Message' }).fill('from the console')
  await tab.getByRole('button', { name: 'Send' }).click()
  await tab.getByText(/^Sent; 1 connection is there/).waitFor()
  await page.waitForFunction(() => document.title === 'hello: from the console')
  await tab.goto(`${url}/a/demo/users`)
  await tab.getByRole('button', { name: 'End anna' }).first().click()
  await page.locator('html[data-cue-status=refused]').waitFor()
  await page.close()
})

await check('secrets and constants are kept, and a secret is never shown again', { free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/values`)
  await tab.getByRole('textbox', { name: 'Secrets: Name' }).fill('crm')
  await tab.getByLabel('Hosts it may go to crm').first().fill('api.example.com')
  await tab.keyboard.press('Enter')
  await tab.getByRole('textbox', { name: 'Value crm', exact: true }).fill('a canary of the mine')
  await tab.getByRole('button', { name: 'Add' }).first().click()
  await tab.getByText('set', { exact: true }).waitFor()
  await tab.getByRole('textbox', { name: 'Constants: Name' }).fill('limit')
  await tab.getByRole('textbox', { name: 'Value const.limit' }).fill('100')
  await tab.getByRole('button', { name: 'Add' }).last().click()
  await tab.getByRole('button', { name: 'Delete limit' }).waitFor()
  assert.deepEqual((await api(tab, 'GET', '/constants')).items.map((c) => [c.id, c.value]), [['limit', 100]])
  await tab.reload()
  await tab.getByText('crm', { exact: true }).waitFor()
  assert.ok(!(await tab.content()).includes('canary'))
})

const { items: [{ id: lastRun, change }] } = await (await context.request.get(`${url}/api/v1/apps/demo/runs?scenario=refresh-orders&limit=1`)).json()
const places = ['', 'scenarios', 'scenarios/order-ready', 'runs', `runs/${lastRun}`, 'objects/Order', `changes/${change}`, 'live', 'users', 'values']
for (const colorScheme of ['light', 'dark']) {
  const as = await browser.newContext({ storageState: await context.storageState(), colorScheme, locale: 'en-GB', reducedMotion: 'reduce', viewport: { width: 1280, height: 900 } })
  for (const place of places) {
    await check(`no barriers at ${place.replace(/\/\d.*/, '') || 'overview'} in ${colorScheme}`, { as }, async (tab) => {
      await tab.goto(`${url}/a/demo/${place}`)
      await tab.getByRole('heading', { level: 1 }).waitFor()
      if (place === 'scenarios/order-ready') await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
      await accessible(tab, place)
    })
  }
  await as.close()
}

const phone = await browser.newContext({ storageState: await context.storageState(), viewport: { width: 390, height: 844 }, hasTouch: true, locale: 'ru-RU' })
for (const place of places) {
  await check(`a phone shows ${place.replace(/\/\d.*/, '') || 'overview'}, in Russian`, { as: phone }, async (tab) => {
    await tab.goto(`${url}/a/demo/${place}`)
    await tab.getByRole('heading', { level: 1 }).waitFor()
    const [wide, page] = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= page, `the page is ${wide} wide on a screen of ${page}`)
    await tab.getByRole('button', { name: 'Меню' }).click()
    await tab.getByRole('link', { name: 'Запуски' }).click()
    await tab.getByRole('heading', { name: 'Запуски' }).waitFor()
  })
}
await phone.close()

const stranger = await browser.newContext({ locale: 'en-GB' })
await check('somebody without a login sees how to get one, and nothing else', { as: stranger, free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios`)
  await tab.getByText(/cuelight account create/).waitFor()
  await tab.getByLabel('E-mail').fill('ada@example.com')
  await tab.getByRole('textbox', { name: 'Password' }).fill('a wrong password 1')
  await tab.getByRole('button', { name: 'Sign in' }).click()
  await tab.getByRole('alert').waitFor()
  await accessible(tab, 'sign-in')
  await tab.getByRole('textbox', { name: 'Password' }).fill('a long enough password 1')
  await tab.getByRole('button', { name: 'Sign in' }).click()
  await tab.getByRole('heading', { name: 'Scenarios' }).waitFor()
})
await stranger.close()

await finish()
