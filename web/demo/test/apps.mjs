// Drives the status board and the messenger of the real server in Chromium and, with a directory as its argument, leaves screenshots there.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

import { clean, makeUser, start, stop } from './server.mjs'

const shots = process.argv[2]
const url = await start()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const results = { passed: 0, failed: 0 }

// Each browser is one person's: nothing of one is known to another.
async function check(name, settings, drive) {
  const contexts = []
  const complaints = []
  const newTab = async (context) => {
    const tab = await context.newPage()
    tab.setDefaultTimeout(20_000)
    tab.on('pageerror', (error) => complaints.push(error.message))
    tab.on('console', (line) => /content security policy/i.test(line.text()) && complaints.push(line.text()))
    return tab
  }
  const newBrowser = async () => {
    contexts.push(await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings }))
    return contexts.at(-1)
  }
  try {
    await drive({ newBrowser, newTab, tab: async () => newTab(await newBrowser()) })
    assert.deepEqual(complaints, [], 'a page complained')
    results.passed++
    console.log(`ok      ${name}`)
  } catch (error) {
    results.failed++
    console.log(`FAILED  ${name}\n${error.stack}`)
  }
  for (const context of contexts) await context.close()
}

const shoot = (tab, name) => shots && tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
const live = (tab) => tab.locator('html[data-cue-status=live]').waitFor()
const fits = (tab) => tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
// A reload would lose it.
const mark = (tab) => tab.evaluate(() => (window.firstLoad = true))
const notReloaded = async (tab) => assert.ok(await tab.evaluate(() => window.firstLoad), 'the page was loaded anew')

async function board(tab, query = '') {
  await tab.goto(`${url}/demo/board/${query}`)
  await live(tab)
  await mark(tab)
  return tab
}

async function report(tab, service, state, note = '') {
  await tab.selectOption('#report [name=service]', service)
  await tab.selectOption('#report [name=state]', state)
  await tab.fill('#report [name=note]', note)
  await tab.getByRole('button', { name: 'Report' }).click()
  await tab.getByText('Reported.').waitFor()
}

async function login(tab, user, query = '') {
  await tab.goto(`${url}/demo/messenger/`)
  await tab.getByLabel('User').fill(user)
  await tab.getByLabel('Password').fill(user)
  await tab.getByRole('button', { name: 'Log in' }).click()
  if (query) await tab.goto(`${url}/demo/messenger/${query}`)
  await live(tab)
  await mark(tab)
  return tab
}

async function write(tab, text) {
  await tab.fill('#text', text)
  await tab.press('#text', 'Enter')
  await tab.locator('#messages .mine', { hasText: text }).waitFor()
}

await check('a state that one tab reports is in another one without a reload, a note half typed there stays', {}, async ({ newBrowser, newTab }) => {
  const context = await newBrowser()
  const [one, other] = [await board(await newTab(context)), await board(await newTab(context))]
  await other.fill('#report [name=note]', 'half typ')
  await report(one, 'search', 'degraded', 'Reindexing <b>now</b>')
  await other.locator('#service-search[data-state=degraded]', { hasText: 'Reindexing <b>now</b>' }).waitFor()
  await other.locator('#filter-degraded', { hasText: '2' }).waitFor()
  assert.equal(await other.inputValue('#report [name=note]'), 'half typ')
  await notReloaded(other)
  await shoot(one, 'board-light')
})

await check('only services of one state, also after a refresh', {}, async ({ tab }) => {
  const page = await board(await tab())
  await page.click('#filter-degraded')
  await live(page)
  await mark(page)
  const shown = () => page.locator('.services li').evaluateAll((rows) => rows.map((row) => row.id))
  assert.deepEqual(await shown(), ['service-payments', 'service-search'])
  await report(page, 'mail', 'degraded', 'Slow today')
  await page.locator('#service-mail').waitFor()
  await report(page, 'search', 'ok')
  await page.locator('#service-search').waitFor({ state: 'detached' })
  assert.deepEqual(await shown(), ['service-payments', 'service-mail'])
  assert.equal(await page.getAttribute('#filter-degraded', 'aria-current'), 'true')
  await notReloaded(page)
})

await check('what stays down becomes an incident, which recovery closes; what comes back at once does not', { colorScheme: 'dark' }, async ({ tab }) => {
  const [one, other] = [await board(await tab()), await board(await tab())]
  for (const state of ['down', 'ok']) {
    const fields = new URLSearchParams({ service: 'mail', state })
    const answer = await fetch(`${url}/demo/board/report`, { method: 'POST', headers: { Accept: 'application/json' }, body: fields })
    assert.equal(answer.status, 204)
  }
  await report(one, 'checkout', 'down', 'We are on it')
  await other.locator('#banner.down').waitFor()
  await other.locator('.cue-toast', { hasText: 'Checkout is down' }).waitFor()
  await other.locator('#incidents .open', { hasText: 'Checkout is down' }).waitFor()
  await other.locator('#open', { hasText: '1' }).waitFor()
  assert.equal(await other.locator('#incidents', { hasText: 'Mail' }).count(), 0)
  await shoot(other, 'board-dark')
  await report(one, 'checkout', 'ok')
  await other.locator('#incidents li:not(.open)', { hasText: /Checkout is down.*closed after/s }).waitFor()
  await other.locator('#open', { hasText: '0' }).waitFor()
  assert.equal(await other.locator('#incidents li').count(), 1)
  await notReloaded(other)
})

await check('the schedule counts by itself', {}, async ({ tab }) => {
  const page = await board(await tab())
  const counted = async () => Number(await page.textContent('#counted'))
  const before = await counted()
  await page.waitForFunction((n) => Number(document.getElementById('counted').textContent) > n, before)
  await notReloaded(page)
})

await check('a phone shows the board and its YAML without scrolling sideways', { viewport: { width: 390, height: 844 } }, async ({ tab }) => {
  const page = await board(await tab())
  await shoot(page, 'board-phone')
  await page.getByText('How it works').click()
  await page.getByText('kind: switch').waitFor()
  await shoot(page, 'board-yaml-phone')
  assert.ok(await fits(page), 'it scrolls sideways')
})

// What the page hears: a list that every page of the messenger keeps.
const listen = (tab) => tab.addInitScript(() => {
  window.heard = []
  addEventListener('cuelight:event', ({ detail }) => window.heard.push([detail.event, detail.message]))
})

await check('a message is at the other at once and only there, what he is typing stays', {}, async ({ tab }) => {
  makeUser('messenger', 'benjamin')
  const [anna, test, ben] = [await tab(), await tab(), await tab()]
  for (const each of [anna, test, ben]) await listen(each)
  await login(anna, 'anna', '?with=testUser')
  await login(test, 'testUser', '?with=anna')
  await login(ben, 'benjamin', '?with=anna')
  await test.fill('#text', 'half typ')
  await test.evaluate(() => document.getElementById('text').setSelectionRange(2, 4))
  await write(anna, 'The <b>page</b> is ready')
  await test.locator('#messages .theirs', { hasText: 'The <b>page</b> is ready' }).waitFor()
  await anna.locator('#messages .mine', { hasText: 'The <b>page</b> is ready' }).locator('.mark', { hasText: 'Read' }).waitFor()
  const typed = await test.evaluate(() => {
    const text = document.getElementById('text')
    return [document.activeElement.id, text.value, text.selectionStart, text.selectionEnd]
  })
  assert.deepEqual(typed, ['text', 'half typ', 2, 4])
  assert.equal(await anna.inputValue('#text'), '')
  await anna.goto(`${url}/demo/messenger/?with=benjamin`)
  await live(anna)
  await write(anna, 'Only for Ben')
  await ben.locator('#messages .theirs', { hasText: 'Only for Ben' }).waitFor()
  // All before that came in order, so that whatever was to reach the two others is there.
  const texts = (page) => page.evaluate(() => window.heard.filter(([event]) => event === 'message').map(([, message]) => message.text))
  assert.deepEqual(await texts(ben), ['Only for Ben'])
  await write(test, 'Thank you')
  await anna.locator('#chat-testUser .unread', { hasText: '1' }).waitFor()
  assert.deepEqual(await texts(test), ['The <b>page</b> is ready', 'Thank you'])
  for (const each of [test, ben]) await notReloaded(each)
  await shoot(test, 'messenger-light')
})

await check('unread messages are counted until somebody looks', { colorScheme: 'dark' }, async ({ tab }) => {
  const [anna, test] = [await login(await tab(), 'anna', '?with=testUser'), await login(await tab(), 'testUser', '?with=anna')]
  await test.locator('.unread').waitFor({ state: 'detached' })
  await test.goto(`${url}/demo/messenger/`)
  await live(test)
  await mark(test)
  await write(anna, 'One')
  await write(anna, 'Two')
  await test.locator('#chat-anna .unread', { hasText: '2' }).waitFor()
  assert.equal(await test.title(), '(2) Messenger')
  assert.equal(await anna.locator('.mark').last().textContent(), 'Sent')
  await notReloaded(test)
  await shoot(test, 'messenger-unread')
  await test.locator('#chat-anna a').click()
  await test.locator('#messages .theirs', { hasText: 'Two' }).waitFor()
  await test.locator('.unread').waitFor({ state: 'detached' })
  await test.waitForFunction(() => document.title === 'Messenger')
  await anna.locator('#messages li:last-child .mark', { hasText: 'Read' }).waitFor()
  await notReloaded(anna)
  await shoot(anna, 'messenger-dark')
})

for (const signal of ['SIGKILL', 'SIGTERM']) {
  await check(`a talk goes on over a restart by ${signal}`, {}, async ({ tab }) => {
    const [anna, test] = [await login(await tab(), 'anna', '?with=testUser'), await login(await tab(), 'testUser', '?with=anna')]
    await test.fill('#text', 'half typ')
    await write(anna, `Before ${signal}`)
    await test.locator('#messages .theirs', { hasText: `Before ${signal}` }).waitFor()
    await stop(signal)
    for (const each of [anna, test]) await each.locator('html[data-cue-status=reconnecting]').waitFor()
    await start()
    await write(anna, `After ${signal}`)
    await test.locator('#messages .theirs', { hasText: `After ${signal}` }).waitFor()
    await anna.locator('#messages li:last-child .mark', { hasText: 'Read' }).waitFor()
    assert.equal(await test.inputValue('#text'), 'half typ')
    for (const each of [anna, test]) await notReloaded(each)
  })
}

await check('nobody else comes in, and who has left is out in all tabs', { viewport: { width: 390, height: 844 } }, async ({ newBrowser, newTab }) => {
  const context = await newBrowser()
  const [one, other] = [await newTab(context), await newTab(context)]
  await one.goto(`${url}/demo/messenger/?with=anna`)
  assert.equal(await one.locator('#messages').count(), 0)
  await one.getByLabel('User').fill('testUser')
  await one.getByLabel('Password').fill('guess')
  await one.getByRole('button', { name: 'Log in' }).click()
  await one.getByText('User or password is wrong.').waitFor()
  await shoot(one, 'messenger-login-phone')
  await login(one, 'testUser')
  await shoot(one, 'messenger-chats-phone')
  await other.goto(`${url}/demo/messenger/?with=anna`)
  await live(other)
  await shoot(other, 'messenger-phone')
  for (const each of [one, other]) assert.ok(await fits(each), 'it scrolls sideways')
  await one.getByRole('button', { name: 'Log out' }).click()
  for (const each of [one, other]) await each.getByRole('button', { name: 'Log in' }).waitFor()
})

await browser.close()
await stop()
clean()
console.log(`${results.passed} passed, ${results.failed} failed`)
process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1)
