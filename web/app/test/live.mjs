// The web app over its own socket, and the Live console: what is on the screen follows what happens, unasked. The checks bear the names of
// the acceptance checks. With a directory as its argument, it leaves screenshots there.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { accessible, api, browser, check, context, finish, pageOf, signIn, token, url } from './harness.mjs'


/** As a program does, with the printed token. */
const curl = async (method, path, body) => {
  const answer = await fetch(`${url}/api/v1/apps/demo${path}`, { method, headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return answer
}

/** How long until something is so, in milliseconds; it fails after the bound. */
async function within(bound, what, wait) {
  const began = Date.now()
  await wait
  const took = Date.now() - began
  console.log(`        ${what}: ${took} ms`)
  assert.ok(took <= bound, `${what} took ${took} ms, not ${bound}`)
}

const onAir = (tab) => tab.getByRole('img', { name: /in the last minute|per minute/ }).first().waitFor()

// Pages of somebody else, on another port.
let shop = ''
const pages = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html')
  response.end(`<!doctype html><title>${request.url}</title><script src="${url}/cuelight.js" data-app="${new URL(request.url, 'http://x').searchParams.get('app')}" data-alerts defer></script><p data-cue-on="refresh-orders">shop</p>`)
})
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve))
shop = `http://127.0.0.1:${pages.address().port}`

await check('signed in, the overview is on air', {}, async (tab) => {
  await signIn(tab)
  await onAir(tab)
})

await check('A1 the demo page is closed and the count falls to 0', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/`)
  await onAir(tab)
  await tab.getByRole('group', { name: 'Connections: 0' }).waitFor()
  const demo = await context.newPage()
  await demo.goto(`${url}/demo/`)
  await tab.getByRole('group', { name: 'Connections: 2' }).waitFor() // the refresher's and the stock client's
  // One that still polls is missed only when its next ping is due.
  while ((await api(tab, 'GET', '/connections')).items.some((c) => c.transport !== 'websocket')) await tab.waitForTimeout(50)
  await demo.close()
  await within(3000, 'the count fell to 0', tab.getByRole('group', { name: 'Connections: 0' }).waitFor())
})

await check('A2 a failing scenario appears on the overview, unasked', {}, async (tab) => {
  await api(tab, 'POST', '/scenarios/always-fails/publish', { document: { name: 'Always fails', triggers: [{ id: 'call', kind: 'call' }], steps: [{ id: 'no', kind: 'fail', message: 'the mine is flooded' }] }, start: true })
  await tab.goto(`${url}/a/demo/`)
  await onAir(tab)
  await api(tab, 'POST', '/scenarios/always-fails/call', {})
  await within(2000, 'the failure was on the screen', tab.getByText('the mine is flooded').first().waitFor())
  await tab.getByRole('group', { name: 'Failures in the last minute: 1' }).waitFor()
})

await check('R1 a run started by curl appears in the list', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/runs?object=1050`)
  await tab.getByText('No run yet').waitFor()
  await tab.waitForFunction(() => performance.getEntriesByType('resource').some((r) => r.name.includes('/session/socket')))
  await tab.waitForTimeout(500) // the socket is connected a moment after its ticket
  const asked = await curl('PATCH', '/structures/Order/objects/1050', { note: 'by curl' })
  assert.equal(asked.status, 200)
  await within(1000, 'the run was in the list', tab.getByRole('link', { name: 'refresh-orders' }).waitFor())
})

await check('a run is followed to its end without asking', {}, async (tab) => {
  await api(tab, 'POST', '/scenarios/waits/publish', { document: { name: 'Waits', triggers: [{ id: 'call', kind: 'call' }], steps: [{ id: 'nap', kind: 'delay', for: '3s' }, { id: 'end', kind: 'log', message: 'awake' }] }, start: true })
  const { run } = await api(tab, 'POST', '/scenarios/waits/call', {})
  let asked = 0
  tab.on('request', (r) => { if (r.url().includes(`/runs/${run}`)) asked++ })
  await tab.goto(`${url}/a/demo/runs/${run}`)
  await tab.getByText('waiting', { exact: true }).first().waitFor()
  await tab.getByText('done', { exact: true }).first().waitFor()
  await tab.getByRole('button', { name: /^Step 2 of 2, Log.*done/ }).waitFor()
  assert.ok(asked <= 10, `asked ${asked} times`)
})

await check('L1 a wrong app_id is refused, and the console knows what was meant', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/live?view=refused`)
  await tab.getByText('Nobody was refused').waitFor()
  const page = await context.newPage()
  await page.goto(`${shop}/?app=dmeo`)
  await tab.getByText('app_id “dmeo” is unknown – did you mean demo?').waitFor()
  await tab.getByText(shop).waitFor()
  await accessible(tab, 'refused')
  await page.close()
})

await check('L2 what is sent to everybody reaches every open tab, and the counts agree', {}, async (tab) => {
  const tabs = []
  for (let i = 0; i < 3; i++) {
    const page = await context.newPage()
    await page.goto(`${shop}/?app=demo&n=${i}`)
    await page.locator('html[data-cue-status=live]').waitFor()
    tabs.push(page)
  }
  await tab.goto(`${url}/a/demo/live`)
  await tab.getByText('3 connections').first().waitFor()
  await tab.getByRole('combobox', { name: 'Event name' }).fill('alert')
  await tab.getByRole('textbox', { name: 'Message' }).fill('all hands')
  await tab.getByRole('button', { name: 'Send' }).click()
  await tab.getByText(/^Sent; 3 connections are there/).waitFor()
  for (const page of tabs) await page.getByText('all hands').waitFor()
  const line = tab.getByRole('listitem').filter({ hasText: 'all hands' })
  await line.getByText('3 online').waitFor()
  await line.locator('summary').click()
  await line.getByText('Sent by hand or by the API.').waitFor()
  await tab.getByText('Connections (3)').click()
  await tab.getByRole('row', { name: /guest/ }).nth(2).waitFor()
  await tab.getByText('refresh-orders').first().waitFor() // what the page listens for
  await accessible(tab, 'connections')
  await tab.getByRole('button', { name: /^Disconnect guest/ }).first().click()
  await tab.getByText('disconnected by hand; the page may come back').waitFor()
  for (const page of tabs) await page.close()
  await tab.getByText('Nobody is connected').waitFor()
})

await check('the stream is filtered, held and leads to the run', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/live`)
  await onAir(tab)
  await curl('PATCH', '/structures/Order/objects/1051', { note: 'seen in the stream' })
  await curl('POST', '/push', { to: 'anna', event: 'quiet', message: { deep: true }, mode: 'json' })
  await tab.getByRole('listitem').filter({ hasText: 'quiet' }).waitFor()
  await tab.getByRole('textbox', { name: 'Filter by name, UserID or text' }).fill('refresh-o')
  await tab.getByRole('listitem').filter({ hasText: 'quiet' }).waitFor({ state: 'hidden' })
  await tab.getByRole('button', { name: 'Pause' }).click()
  await curl('POST', '/push', { to: '*', event: 'refresh-other', message: '' })
  await tab.getByRole('textbox', { name: 'Filter by name, UserID or text' }).fill('refresh-other')
  await tab.getByText(/nothing fits the filter/).waitFor()
  await tab.getByRole('button', { name: 'Go on' }).click()
  await tab.getByRole('listitem').filter({ hasText: 'refresh-other' }).waitFor()
  await tab.getByRole('textbox', { name: 'Filter by name, UserID or text' }).fill('refresh-orders')
  const line = tab.getByRole('listitem').first()
  await line.locator('summary').click()
  await line.getByRole('link', { name: 'See the run' }).click()
  await tab.getByRole('heading', { name: 'Run of refresh-orders' }).waitFor()
})

await check('P1 a page on another port is refused for its origin, allowed by a click, and turns the console green', { free: true }, async (tab) => {
  await api(tab, 'PATCH', '', { origins: ['https://shop.example.com'] })
  await tab.goto(`${url}/a/demo/live?view=connect`)
  await tab.getByText('Waiting for your page…').waitFor()
  const page = await context.newPage()
  await page.goto(`${shop}/?app=demo`)
  await tab.getByText(`Pages of ${shop} may not connect`).waitFor()
  await accessible(tab, 'a refused page')
  await tab.getByRole('button', { name: `Allow ${shop}` }).click()
  await tab.getByText('Allowed now. Reload the page and it connects.').waitFor()
  await page.reload()
  await tab.getByText('Your page is connected').waitFor()
  await page.evaluate(() => document.addEventListener('cuelight:event', (e) => { document.title = e.detail.event }))
  await tab.getByRole('button', { name: 'Try now' }).click()
  await tab.getByText('Sent refresh-orders; 1 connection got it.').waitFor()
  await page.waitForFunction(() => document.title === 'refresh-orders')
  await accessible(tab, 'a connected page')
  await page.close()
  await tab.getByText('Waiting for your page…').waitFor()
  await api(tab, 'PATCH', '', { origins: [] })
})

await check('U1 a session is revoked, its socket drops and the console says why', { free: true }, async (tab) => {
  const page = await pageOf('anna')
  await tab.goto(`${url}/a/demo/live?view=connections`)
  await tab.getByRole('row', { name: /anna/ }).waitFor()
  const { items: [{ id }] } = await api(tab, 'GET', '/sessions?user=anna')
  await api(tab, 'DELETE', `/sessions/${id}`)
  await within(2000, 'the console says why', tab.getByText('its session was ended').waitFor())
  await page.locator('html[data-cue-status=refused]').waitFor()
  await tab.getByText(/^Refused/).click()
  await tab.getByText('No session, or one that has ended').first().waitFor()
  await page.close()
})

await check('two accounts see each other in the builder, and who saved', { free: true }, async (tab) => {
  const made = await tab.request.post(`${url}/api/v1/accounts`, { data: { email: 'bob@example.com', password: 'a long enough password 2', role: 'builder' } })
  assert.ok(made.ok())
  const other = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 } })
  const signed = await other.request.post(`${url}/api/v1/session`, { data: { email: 'bob@example.com', password: 'a long enough password 2' } })
  assert.ok(signed.ok())
  const bob = await other.newPage()
  for (const page of [tab, bob]) {
    await page.goto(`${url}/a/demo/scenarios/order-ready`)
    await page.getByRole('button', { name: /Send PUSH-message/ }).click()
  }
  await tab.getByText('bob@example.com is here too').waitFor()
  await bob.getByText('ada@example.com is here too').waitFor()
  await bob.getByRole('textbox', { name: 'Notes' }).fill('by bob')
  await tab.getByText('bob@example.com has saved this draft meanwhile.').waitFor()
  await accessible(tab, 'a draft saved by another')
  await tab.getByRole('button', { name: 'Take theirs' }).click()
  await tab.getByText('bob@example.com has saved this draft meanwhile.').waitFor({ state: 'hidden' })
  await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
  assert.equal(await tab.getByRole('textbox', { name: 'Notes' }).inputValue(), 'by bob')
  assert.equal(await bob.getByText(/has saved this draft meanwhile/).count(), 0)
  await other.close()
  await tab.getByText('bob@example.com is here too').waitFor({ state: 'hidden' })
})

await check('L3 a flood of events is sampled, and the page goes on answering', { free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/live`)
  await onAir(tab)
  const to = Array.from({ length: 500 }, (_, i) => `nobody-${i}`)
  let flooding = true
  let sent = 0
  const began = Date.now()
  // About 10,000 a second, as far as the machine goes.
  const flood = Promise.all(Array.from({ length: 3 }, async () => {
    while (flooding) {
      await curl('POST', '/push', { to, event: 'flood', message: 'x' })
      sent += to.length
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, sent / 10 - (Date.now() - began))))
    }
  }))
  await tab.getByText(/^Sampled: \d{3,} events in the last second, 50 of them are shown\.$/).waitFor()
  const clicks = []
  // What the page itself works, in its own time on a processor: a busy machine has others wait as well.
  const cdp = await tab.context().newCDPSession(tab)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  const worked = async () => (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value
  const [workedBefore, clicksBegan] = [await worked(), Date.now()]
  for (let i = 0; i < 10; i++) {
    const name = i % 2 === 0 ? 'Pause' : 'Go on'
    // In the page, since a driver on a busy machine is slower than the page.
    clicks.push(await tab.evaluate(async (name) => {
      const button = [...document.querySelectorAll('button')].find((b) => b.textContent === name)
      const before = performance.now()
      button.click()
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
      if (button.textContent === name) throw new Error('the click did nothing')
      return performance.now() - before
    }, name))
    await tab.waitForTimeout(200)
  }
  const share = (await worked() - workedBefore) / ((Date.now() - clicksBegan) / 1000)
  const rate = Math.round(sent / ((Date.now() - began) / 1000))
  flooding = false
  await flood
  clicks.sort((x, y) => x - y)
  console.log(`        ${rate} events per second; a click took ${Math.round(clicks[5])} ms, the slowest ${Math.round(clicks[9])} ms; the page works ${Math.round(share * 100)} % of its time`)
  assert.ok(clicks[7] < 200, `clicks took ${clicks.map(Math.round)} ms`)
  assert.ok(share < 0.5, `the page works ${share}`)
  await tab.getByText(/^Sampled/).waitFor({ state: 'hidden' })
})

const views = ['events', 'connections', 'refused', 'connect']
for (const colorScheme of ['light', 'dark']) {
  const as = await browser.newContext({ storageState: await context.storageState(), colorScheme, locale: 'en-GB', reducedMotion: 'reduce', viewport: { width: 1280, height: 900 } })
  for (const view of views) {
    await check(`no barriers at live ${view} in ${colorScheme}`, { as }, async (tab) => {
      await tab.goto(`${url}/a/demo/live?view=${view}`)
      await onAir(tab)
      await curl('POST', '/push', { to: '*', event: 'hello', message: 'to read' })
      if (view === 'events') await tab.getByRole('listitem').filter({ hasText: 'hello' }).waitFor()
      await accessible(tab, view)
    })
  }
  await as.close()
}

const phone = await browser.newContext({ storageState: await context.storageState(), viewport: { width: 390, height: 844 }, hasTouch: true, locale: 'ru-RU' })
for (const view of views) {
  await check(`a phone shows live ${view}, in Russian`, { as: phone }, async (tab) => {
    const page = await context.newPage()
    await page.goto(`${shop}/?app=demo`)
    await tab.goto(`${url}/a/demo/live?view=${view}`)
    await tab.getByRole('img', { name: /за последнюю минуту/ }).first().waitFor()
    const [wide, screen] = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    assert.ok(wide <= screen, `the page is ${wide} wide on a screen of ${screen}`)
    await page.close()
  })
}
await phone.close()

pages.close()
pages.closeAllConnections()
await finish()
