// Drives Chromium for the Go tests. Every check is one line of JSON on stdout; what only the test can do (kill the server) is asked for on stdout
// and answered on stdin.
const assert = require('node:assert/strict')
const { createServer } = require('node:http')
const { createRequire } = require('node:module')
const { join } = require('node:path')
const readline = require('node:readline')

const { url, page: front, token, web, shots, chromium: executablePath } = JSON.parse(process.argv[2])
const { chromium } = createRequire(join(web, 'package.json'))('playwright-core')

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const answers = []
readline.createInterface({ input: process.stdin }).on('line', () => answers.shift()()).on('close', () => process.exit(1))
const ask = (what) => new Promise((resolve) => { answers.push(resolve); say({ ask: what }) })

async function until(what, done, within = 20_000) {
  for (const end = Date.now() + within; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const value = await done()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
  }
}

async function api(method, path, body) {
  const response = await fetch(`${url}/api/v1/apps/demo/${path}`, {
    method, body: JSON.stringify(body), headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
}
const change = (id, fields) => api('PATCH', `structures/Order/objects/${id}`, fields)
const push = (to, event, message = '') => api('POST', 'push', { to, event, message })

// What the page itself counts; a reload would lose it.
const watch = () => {
  window.seen = { refreshed: 0, events: 0 }
  addEventListener('cuelight:refreshed', () => window.seen.refreshed++)
  addEventListener('cuelight:event', ({ detail }) => detail.event === 'clock' || window.seen.events++) // the demo tells the time each minute
}

let browser
async function check(name, settings, drive) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings })
  const tab = await context.newPage()
  tab.setDefaultTimeout(20_000)
  const complaints = []
  const fetches = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => /content security policy/i.test(line.text()) && complaints.push(line.text()))
  tab.on('request', (request) => request.headers()['x-cuelight-refresh'] && fetches.push(request.url()))
  await tab.addInitScript(watch)
  const began = Date.now()
  try {
    const figures = await drive(tab, { fetches, seen: () => tab.evaluate(() => window.seen) })
    assert.deepEqual(complaints, [], 'the page complained')
    say({ check: name, ok: true, figures: { ms: Date.now() - began, ...figures } })
  } catch (error) {
    say({ check: name, ok: false, error: error.stack })
  }
  await context.close()
}

const live = (tab) => tab.locator('html[data-cue-status=live]').waitFor()
const open = async (tab) => { await tab.goto(`${front}/demo/`); await live(tab) }
async function shoot(tab, name) {
  await tab.evaluate(() => scrollTo(0, 0))
  await tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })
}

async function screenshots() {
  await check('screenshots', {}, async (tab) => {
    await open(tab)
    await change('1049', { status: 'ready' })
    await tab.locator('#order-1049 .badge.ready').waitFor()
    await shoot(tab, 'light')
    await tab.emulateMedia({ colorScheme: 'dark' })
    await shoot(tab, 'dark')
    await tab.setViewportSize({ width: 390, height: 844 })
    await tab.click('#more summary')
    await shoot(tab, 'phone-dark')
    await tab.emulateMedia({ colorScheme: 'light' })
    await shoot(tab, 'phone')
  })
}

// What a user has begun in the part that renews itself.
async function begin(tab) {
  await tab.fill('#note', 'half typed\n'.repeat(20))
  await tab.click('#more summary')
  await tab.selectOption('#more select', { index: 2 })
  await tab.check('#more input[type=checkbox]')
  await tab.evaluate(() => {
    const note = document.getElementById('note')
    note.focus()
    note.setSelectionRange(2, 4)
    note.scrollTop = 60
    scrollTo(0, 40)
    window.nodes = [note, document.getElementById('more'), document.getElementById('order-1042')]
    window.firstLoad = true
  })
  return state(tab)
}
const state = (tab) => tab.evaluate(() => {
  const note = document.getElementById('note')
  return {
    text: note.value, active: document.activeElement.id, caret: [note.selectionStart, note.selectionEnd].join(), scroll: note.scrollTop, page: scrollY,
    open: document.getElementById('more').open, select: document.querySelector('#more select').selectedIndex,
    box: document.querySelector('#more input[type=checkbox]').checked, same: window.nodes.every((n) => n === document.getElementById(n.id)),
    firstLoad: window.firstLoad,
  }
})
const wanted = (before) => assert.deepEqual(
  { ...before, scroll: before.scroll > 0, page: before.page > 0 },
  { text: 'half typed\n'.repeat(20), active: 'note', caret: '2,4', scroll: true, page: true, open: true, select: 2, box: true, same: true, firstLoad: true },
)

// Events are gathered for 600 ms at most, so whoever fetches nothing for longer has nothing left to fetch.
async function quiet(fetches) {
  let count = -1
  let since = 0
  await until('the page to be quiet', () => {
    if (fetches.length !== count) [count, since] = [fetches.length, Date.now()]
    return Date.now() - since > 800
  })
}

async function demoPage() {
  await check('what a user has begun survives a refresh', { viewport: { width: 1280, height: 600 } }, async (tab, { seen }) => {
    await open(tab)
    const before = await begin(tab)
    wanted(before)
    const { refreshed } = await seen()
    await change('1042', { status: 'paid', note: 'changed elsewhere' })
    await tab.locator('#order-1042', { hasText: 'changed elsewhere' }).waitFor()
    assert.ok((await seen()).refreshed > refreshed)
    assert.deepEqual(await state(tab), before)
  })

  await check('a burst of 100 events makes at most 2 fetches of each region', {}, async (tab, { fetches, seen }) => {
    await open(tab)
    const before = { fetches: fetches.length, ...(await seen()) }
    await ask('hold') // the server may be slow to take a hundred requests; the page gets them all at once
    await Promise.all(Array.from({ length: 100 }, (_, i) => push('*', 'refresh-orders', String(i))))
    const began = Date.now()
    await ask('release')
    await until('100 events', async () => (await seen()).events === before.events + 100)
    const burst = Date.now() - began
    await until('a refresh', async () => (await seen()).refreshed > before.refreshed)
    await quiet(fetches)
    const count = fetches.length - before.fetches
    assert.ok(count >= 1 && count <= 2, `${count} fetches for 100 events within ${burst} ms`)
    return { events: 100, burst, fetches: count }
  })

  await check('a burst of 100 that waited for the page makes at most 2 fetches', {}, async (tab, { fetches, seen }) => {
    await open(tab)
    await ask('cut')
    await tab.locator('html[data-cue-status=reconnecting]').waitFor()
    const before = { fetches: fetches.length, ...(await seen()) }
    await Promise.all(Array.from({ length: 100 }, (_, i) => push('*', 'refresh-orders', String(i))))
    await ask('mend')
    await until('100 events', async () => (await seen()).events === before.events + 100)
    await quiet(fetches)
    const count = fetches.length - before.fetches
    assert.ok(count >= 1 && count <= 2, `${count} fetches`)
    return { events: 100, fetches: count }
  })

  for (const how of ['killed', 'stopped']) {
    await check(`the page catches up by itself when the server was ${how}`, { viewport: { width: 1280, height: 600 } }, async (tab, { fetches }) => {
      await open(tab)
      const before = await begin(tab)
      const note = `changed while it was away, ${how}`
      await ask('cut')
      await tab.locator('html[data-cue-status=reconnecting]').waitFor()
      await change('1043', { note: `${note} 1` })
      await ask(how)
      await change('1044', { note: `${note} 2` })
      const began = Date.now()
      await ask('mend')
      for (const [i, id] of ['1043', '1044'].entries()) await tab.locator(`#order-${id}`, { hasText: `${note} ${i + 1}` }).waitFor()
      await live(tab)
      const late = Date.now() - began
      assert.deepEqual(await state(tab), before)
      await ask(how)
      await change('1045', { note })
      await tab.locator('#order-1045', { hasText: note }).waitFor()
      assert.deepEqual(await state(tab), before)
      return { late, fetches: fetches.length }
    })
  }

  await check('orders go round: form, owner, alert, message, log', { colorScheme: 'dark' }, async (tab) => {
    await open(tab)
    await tab.fill('#login [name=username]', 'anna')
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.getByText('User or password is wrong.').waitFor()
    await tab.getByLabel('Password').fill('anna')
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.getByText('Messages to anna arrive here now.').waitFor()
    await live(tab)
    await until('the log to be connected as anna', () => tab.evaluate(() => document.querySelectorAll('#events .quiet').length >= 3))
    await tab.click('#order-1044 .pick')
    await tab.selectOption('#change [name=status]', 'ready')
    await tab.fill('#change [name=total]', '1500.00')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.getByText('Order 1044 is saved.').waitFor()
    await tab.locator('.toast.alert', { hasText: '1044' }).waitFor()
    await tab.locator('.toast.message', { hasText: '1044' }).waitFor()
    await tab.locator('#order-1044', { hasText: '1500.00' }).locator('.badge.ready').waitFor()
    for (const event of ['refresh-orders', 'alert', 'message']) await tab.locator('#events li', { hasText: event }).first().waitFor()
    await api('POST', 'structures/Message/objects', { from: 'testUser', to: 'anna', text: 'hello <b>anna</b>' })
    await tab.locator('.toast.message', { hasText: 'hello <b>anna</b>' }).waitFor()
    if (shots) await shoot(tab, 'messages')
    await tab.click('#order-1046 .pick')
    await tab.fill('#change [name=total]', '12')
    await tab.evaluate(() => (document.querySelector('#change').noValidate = true))
    await tab.fill('#change [name=total]', 'many')
    await tab.getByRole('button', { name: 'Save' }).click()
    await tab.locator('#change-answer.bad').waitFor()
  })

  await check('a phone shows it without scrolling sideways', { viewport: { width: 390, height: 844 } }, async (tab) => {
    await open(tab)
    await change('1050', { note: 'call before delivery, second floor' })
    await tab.locator('#order-1050', { hasText: 'second floor' }).waitFor()
    assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways')
  })
}

// Pages of another origin: one with nothing but the stock client, one with the ten lines for any HTML page.
async function foreignPages() {
  let renders = 0
  const pages = {
    '/stock': `<script src="${url}/demo/assets/socket.io.min.js"></script><script>
      const lines = []
      const start = async () => {
        const response = await fetch('${url}/good/api/v5/auth?appID=demo', {
          method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ provider: 'rest', username: 'testUser', password: 'testUser' }),
        })
        const { result } = await response.json()
        const socket = io('${url}', { autoConnect: false })
        socket.auth = { app_id: 'demo', session_id: result.token }
        socket.onAny((eventName, args) => lines.push(eventName + ': ' + JSON.stringify(args)))
        socket.on('connect', () => (document.title = 'connected'))
        socket.connect()
      }
      start()
    </script>`,
    '/orders': () => `<script src="${url}/cuelight.js" data-app="demo" defer></script>
      <main><section id="orders" data-cue-on="refresh-orders"><ul><li id="n">${++renders}</li></ul><input id="typed"></section></main>`,
  }
  const server = createServer((request, response) => {
    const page = pages[request.url]
    response.writeHead(page ? 200 : 404, { 'content-type': 'text/html' })
    response.end(`<!doctype html><title>elsewhere</title>${typeof page === 'function' ? page() : page}`)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const elsewhere = `http://localhost:${server.address().port}` // another host and another port

  await check('the stock client on a page of another origin logs in and listens', {}, async (tab) => {
    await tab.goto(`${elsewhere}/stock`)
    await tab.waitForFunction(() => document.title === 'connected')
    await push('testUser', 'message', 'over there')
    await tab.waitForFunction(() => lines.includes('message: "over there"'))
    assert.equal(await tab.evaluate(() => document.cookie), '')
  })

  await check('the ten lines renew a page of another origin', {}, async (tab) => {
    await tab.goto(`${elsewhere}/orders`)
    await live(tab)
    await until('the first refresh', () => tab.evaluate(() => window.seen.refreshed > 0))
    await tab.fill('#typed', 'half')
    const before = renders
    await change('1046', { note: 'seen from elsewhere' })
    await until('the page to be fetched again', async () => Number(await tab.textContent('#n')) > before)
    assert.equal(await tab.inputValue('#typed'), 'half')
  })
  server.close()
  server.closeAllConnections()
}

async function main() {
  browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
  if (shots) await screenshots()
  await demoPage()
  await foreignPages()
  await browser.close()
  say({ done: true })
  process.exit()
}

main().catch((error) => {
  say({ check: 'the browser', ok: false, error: error.stack })
  process.exit(1)
})
