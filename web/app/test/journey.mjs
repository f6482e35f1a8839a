// The first five minutes at the pace of a person, every screen in every dress, and what the app does when the server is gone. Screenshots go
// into the directory given, else into screenshots/ beside the sources, which git ignores.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { accessible, api, browser, check, context, finish, kill, revive, setup, url } from './harness.mjs'

const folder = process.argv[2] ?? fileURLToPath(new URL('../../../screenshots', import.meta.url))
mkdirSync(folder, { recursive: true })
const pace = 700 // milliseconds that a person takes to find the next thing

await check('5.1 from the printed link to a page that renews itself, at the pace of a person', {}, async (tab) => {
  const began = Date.now()
  let clicks = 0
  const think = () => tab.waitForTimeout(pace)
  const click = async (what) => {
    await think()
    await what.click()
    clicks++
  }
  await tab.goto(setup)
  for (const [label, text] of [['E-mail', 'ada@example.com'], [/Password/, 'a long enough password 1']]) {
    await think()
    await tab.getByLabel(label).pressSequentially(text, { delay: 60 })
  }
  await think()
  await tab.keyboard.press('Enter')
  await tab.getByRole('heading', { name: 'Your first five minutes' }).waitFor()
  const opening = context.waitForEvent('page')
  await click(tab.getByRole('link', { name: 'Open the demo page' }))
  const demo = await opening
  await demo.locator('#order-1042').waitFor()
  const note = demo.locator('textarea, input[type=text]').first()
  await note.fill('half typed')
  await tab.bringToFront()
  await click(tab.getByRole('link', { name: 'Change an object' }))
  await click(tab.getByRole('button', { name: /edit Status of 1042/ }))
  await think()
  await tab.getByRole('combobox', { name: /edit Status of 1042/ }).selectOption('paid')
  await tab.getByText('1 scenario ran').waitFor()
  await demo.locator('#order-1042', { hasText: 'paid' }).waitFor()
  assert.equal(await note.inputValue(), 'half typed', 'what was typed is untouched')
  const refreshed = Date.now() - began
  const shown = clicks
  await click(tab.getByRole('link', { name: 'See the run' }))
  await tab.getByRole('button', { name: /Refresh every open page.*delivered to \d+ connection.*done/ }).waitFor()
  console.log(`        to the refreshed page: ${(refreshed / 1000).toFixed(1)} s, ${shown} clicks; to the run: ${((Date.now() - began) / 1000).toFixed(1)} s, ${clicks} clicks`)
  assert.ok(refreshed <= 90_000 && shown <= 4, `${refreshed} ms and ${shown} clicks; aim 90 s and 4`)
  await demo.close()
})

await check('the first screen can be used within a second', {}, async (tab) => {
  const [times, work] = [[], []]
  for (let i = 0; i < 5; i++) {
    const fresh = await browser.newContext({ storageState: await context.storageState(), locale: 'en-GB' })
    const page = await fresh.newPage()
    const cdp = await fresh.newCDPSession(page)
    await cdp.send('Performance.enable')
    await page.goto(`${url}/a/demo/`)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    // What is there can be used when the page has nothing else to do.
    times.push(Math.round(await page.evaluate(() => new Promise((resolve) => requestIdleCallback(() => resolve(performance.now()))))))
    await page.getByRole('button', { name: 'Light or dark' }).click()
    await page.locator('html[data-mantine-color-scheme=dark]').waitFor()
    const { metrics } = await cdp.send('Performance.getMetrics')
    work.push(Math.round(metrics.find((m) => m.name === 'ThreadTime').value * 1000))
    await fresh.close()
  }
  console.log(`        from nothing to idle: ${times.sort((a, b) => a - b).join(', ')} ms; the page's own work: ${work.sort((a, b) => a - b).join(', ')} ms`)
  // On a machine that others keep busy the time says little; the page's own work, in processor time, says the same everywhere.
  assert.ok(times[0] <= 1000 || work[0] <= 1000, `${times} ms, of which work ${work} ms`)
  await tab.goto(url)
})

await check('S1 part of an event name finds the scenarios that send it', {}, async (tab) => {
  await tab.goto(`${url}/a/demo/scenarios`)
  await tab.getByLabel('Find by name, event or step').fill('refresh-ord')
  await tab.getByRole('link', { name: 'Refresh orders' }).waitFor()
  await tab.getByRole('link', { name: 'Relay' }).waitFor({ state: 'hidden' })
})

await check('S2 a scenario that is switched off does not run, and the change says why', {}, async (tab) => {
  await api(tab, 'POST', '/scenarios/refresh-orders/stop', {})
  await tab.goto(`${url}/a/demo/objects/Order`)
  await tab.getByRole('button', { name: /edit Status of 1043/ }).click()
  await tab.getByRole('combobox', { name: /edit Status of 1043/ }).selectOption('paid')
  await tab.getByText('no scenario ran').waitFor()
  await tab.getByRole('link', { name: /why/i }).first().click()
  await tab.getByText('stopped').first().waitFor()
  await api(tab, 'POST', '/scenarios/refresh-orders/start', {})
})

await check('E1 a link that was used says how to get a new one', { free: true }, async (tab) => {
  const stranger = await browser.newContext({ locale: 'en-GB' })
  const page = await stranger.newPage()
  await page.goto(setup)
  const text = await page.locator('body').innerText()
  assert.match(text, /cuelight account|new one|setup-link|set-up/i)
  await stranger.close()
  await tab.goto(url)
})

await check('E2 when the server is gone the page stays, says so, and goes on by itself', { free: true }, async (tab) => {
  await tab.goto(`${url}/a/demo/runs`)
  await tab.getByRole('heading', { name: 'Runs' }).waitFor()
  await tab.getByRole('row').nth(1).waitFor()
  await kill()
  await tab.getByRole('alert').filter({ hasText: /asked again in \d s/ }).waitFor()
  assert.ok((await tab.getByRole('row').count()) > 1, 'what was shown is shown')
  await accessible(tab, 'a page without its server')
  await revive()
  await tab.getByRole('alert').waitFor({ state: 'hidden' })
  await api(tab, 'PATCH', '/structures/Order/objects/1045', { status: 'paid' })
  await tab.getByText('refresh-orders').first().waitFor()
})

const { items: [{ id: run, change }] } = await (await context.request.get(`${url}/api/v1/apps/demo/runs?scenario=refresh-orders&limit=1`)).json()
const screens = {
  overview: '', scenarios: 'scenarios', builder: 'scenarios/order-ready', runs: 'runs', run: `runs/${run}`, why: `changes/${change}`, objects: 'objects/Order', live: 'live', users: 'users', values: 'values',
}
for (const [dress, options] of Object.entries({
  'desktop-light': { viewport: { width: 1280, height: 900 }, colorScheme: 'light', locale: 'en-GB' },
  'desktop-dark': { viewport: { width: 1280, height: 900 }, colorScheme: 'dark', locale: 'en-GB' },
  'phone-light': { viewport: { width: 390, height: 844 }, colorScheme: 'light', locale: 'ru-RU', hasTouch: true },
  'phone-dark': { viewport: { width: 390, height: 844 }, colorScheme: 'dark', locale: 'ru-RU', hasTouch: true },
})) {
  const as = await browser.newContext({ storageState: await context.storageState(), ...options })
  await check(`a picture of every screen: ${dress}`, { as }, async (tab) => {
    for (const [name, place] of Object.entries(screens)) {
      await tab.goto(`${url}/a/demo/${place}`)
      await tab.getByRole('heading', { level: 1 }).waitFor()
      if (name === 'builder' && dress.startsWith('desktop')) await tab.getByRole('button', { name: /Send PUSH-message/ }).click()
      await tab.waitForLoadState('networkidle')
      const [wide, page] = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
      assert.ok(wide <= page, `${name} is ${wide} wide on a screen of ${page}`)
      await tab.screenshot({ path: join(folder, `${name}-${dress}.png`), fullPage: true })
    }
  })
  await as.close()
}

await finish()
