// Drives the built cuelight.js in Chromium against the reference Socket.IO server.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

import { page, startServer, until } from './server.mjs'

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
})
const results = { passed: 0, failed: 0 }
const only = process.argv[2]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** One check: its own server, its own page; anything the page throws or its CSP refuses is a failure. */
async function check(name, options, drive) {
  if (only && !name.includes(only)) return
  const server = await startServer(options)
  const tab = await (await browser.newContext()).newPage()
  const complaints = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => /content security policy/i.test(line.text()) && complaints.push(line.text()))
  await tab.addInitScript(() => {
    window.heard = []
    for (const name of ['event', 'before-refresh', 'refreshed', 'error', 'status']) {
      addEventListener(`cuelight:${name}`, (e) => window.heard.push({ name, ...e.detail, target: e.target.id ?? '' }))
    }
  })
  const heard = (name) => tab.evaluate((wanted) => window.heard.filter((e) => e.name === wanted), name)
  const context = {
    server, tab, heard,
    status: (value) => until(() => tab.evaluate((v) => document.documentElement.dataset.cueStatus === v, value), value),
    refreshed: (n) => until(async () => (await heard('refreshed')).length >= n, `${n} refreshes`),
    text: (selector) => tab.textContent(selector),
    open: async (path = '/') => {
      await tab.goto(server.url + path)
      await tab.evaluate(() => (window.firstLoad = true))
    },
  }
  try {
    await drive(context)
    assert.deepEqual(complaints, [], 'the page complained')
    results.passed++
    console.log(`ok      ${name}`)
  } catch (error) {
    results.failed++
    console.log(`FAILED  ${name}\n${error.stack}`)
  } finally {
    await tab.context().close()
    await server.stop().catch(() => {})
  }
}

// ---- what the user owns ----
let rows = 1
const form = () => `
<main id="main" data-cue-on="refresh-orders">
  <ul id="list">${Array.from({ length: rows }, (_, i) => `<li id="o${rows - i}">Order ${rows - i}</li>`).join('')}</ul>
  <input id="focused" value="server ${rows}"> <input name="plain" value="server ${rows}"> <input id="clean" value="server ${rows}">
  <select id="select"><option>new</option><option>paid</option><option>shipped</option></select>
  <select id="untouched"><option${rows > 1 ? '' : ' selected'}>a</option><option${rows > 1 ? ' selected' : ''}>b</option></select>
  <input type="checkbox" id="box"> <input type="range" id="range" min="0" max="${rows * 100}">
  <textarea id="area">server ${rows}</textarea>
  <details id="details"><summary>More</summary>hidden ${rows}</details>
  <div id="scroll" class="box"><p>${'line<br>'.repeat(80)}</p></div>
  <iframe id="frame" src="/frame"></iframe>
</main>`
const formRoutes = {
  '/': () => page(`<link rel="stylesheet" href="/style.css">${form()}`),
  '/style.css': () => ({ type: 'text/css', body: '.box{height:60px;overflow:auto}' }),
  '/frame': () => '<!doctype html><title>frame</title><p>frame',
}

await check('what the user changed survives a refresh', { routes: formRoutes }, async ({ server, tab, open, refreshed, status }) => {
  rows = 1
  await open()
  await status('live')
  await refreshed(1)
  await tab.fill('#focused', 'typed text')
  await tab.fill('[name=plain]', 'other typed')
  await tab.selectOption('#select', 'paid')
  await tab.check('#box')
  await tab.fill('#area', 'long typed')
  await tab.click('summary')
  await tab.evaluate(() => {
    window.nodes = ['focused', 'list', 'o1', 'frame', 'details'].map((id) => document.getElementById(id))
    document.getElementById('frame').contentWindow.mark = 1
    document.getElementById('scroll').scrollTop = 333
    const input = document.getElementById('focused')
    input.focus()
    input.setSelectionRange(2, 4)
  })
  rows = 3
  server.io.emit('refresh-orders', '')
  await refreshed(2)
  const after = await tab.evaluate(() => {
    const $ = (id) => document.getElementById(id)
    return {
      rows: [...document.querySelectorAll('#list li')].map((li) => li.id).join(),
      active: document.activeElement.id, caret: [$('focused').selectionStart, $('focused').selectionEnd].join(),
      focused: $('focused').value, plain: document.querySelector('[name=plain]').value, select: $('select').value,
      box: $('box').checked, area: $('area').value, open: $('details').open, details: $('details').textContent,
      scroll: $('scroll').scrollTop, frame: $('frame').contentWindow.mark,
      clean: $('clean').value, untouched: $('untouched').value, range: $('range').max,
      same: window.nodes.every((node) => node === document.getElementById(node.id)), firstLoad: window.firstLoad,
      busy: $('main').hasAttribute('aria-busy'), pins: document.querySelectorAll('[id^=cue-pin]').length,
    }
  })
  assert.deepEqual(after, {
    rows: 'o3,o2,o1', active: 'focused', caret: '2,4', focused: 'typed text', plain: 'other typed', select: 'paid',
    box: true, area: 'long typed', open: true, details: 'Morehidden 3', scroll: 333, frame: 1,
    clean: 'server 3', untouched: 'b', range: '300', same: true, firstLoad: true, busy: false, pins: 0,
  })
})

await check('a focused control keeps its row when the server drops it', {
  routes: { '/': () => page(`<ul id="r" data-cue-on="x">${rows ? '<li id="a"><input id="i" name="i"></li><li id="b">b</li>' : '<li id="c">c</li>'}</ul>`) },
}, async ({ server, tab, open, refreshed }) => {
  rows = 1
  await open()
  await refreshed(1)
  await tab.focus('#i')
  rows = 0
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'i')
  assert.equal(await tab.locator('#b').count(), 0)
  assert.equal(await tab.locator('#c').count(), 1)
  await tab.evaluate(() => document.activeElement.blur())
  server.io.emit('x', '')
  await until(async () => (await tab.locator('#i').count()) === 0, 'the dropped row goes once it is left')
})

let n = 0
await check('data-cue-keep is never touched, data-cue-overwrite always', {
  routes: {
    '/': () => page(`<div id="r" data-cue-on="x">${'<div>new</div>'.repeat(n)}<div data-cue-keep><b>map ${n}</b></div>
      <input name="ours" value="s${n}" data-cue-overwrite><input name="theirs" value="s${n}"></div>`),
  },
}, async ({ server, tab, open, refreshed }) => {
  n = 0
  await open()
  await refreshed(1)
  await tab.evaluate(() => { document.querySelector('[data-cue-keep]').innerHTML = '<i>player</i>' })
  await tab.fill('[name=ours]', 'typed')
  await tab.fill('[name=theirs]', 'typed')
  n = 2
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(await tab.innerHTML('[data-cue-keep]'), '<i>player</i>')
  assert.equal(await tab.locator('[data-cue-keep]').count(), 1)
  assert.equal(await tab.locator('#r > div').count(), 3)
  assert.equal(await tab.inputValue('[name=ours]'), 's2')
  assert.equal(await tab.inputValue('[name=theirs]'), 'typed')
})

// ---- requests ----
const counted = (region = 'section') => ({
  '/': () => page(`<${region} id="a" data-cue-on="x">${++n}</${region}><${region} id="b" data-cue-on="x y">${n}</${region}>`),
})

await check('regions of one address share a request, a burst of 100 events makes at most 2', { routes: counted() }, async ({ server, open, refreshed, heard, text }) => {
  n = 0
  await open()
  await refreshed(2)
  assert.equal(server.fetches('/'), 1, 'the first connect refreshes both regions with one request')
  for (let i = 0; i < 100; i++) server.io.emit('x', String(i))
  await until(async () => (await heard('event')).length === 100, '100 events')
  await refreshed(4)
  await sleep(500)
  const fetched = server.fetches('/') - 1
  assert.ok(fetched >= 1 && fetched <= 2, `${fetched} requests for 100 events`)
  assert.equal(await text('#a'), await text('#b'))
})

await check('events during a request cause exactly one more', {
  routes: { '/': async () => { await sleep(n++ ? 300 : 0); return page(`<p id="a" data-cue-on="x" data-cue-debounce="0">${n}</p>`) } },
}, async ({ server, open, refreshed }) => {
  n = 0
  await open()
  await refreshed(1)
  server.io.emit('x', '')
  await until(() => server.fetches('/') === 2, 'a request under way')
  for (let i = 0; i < 20; i++) { server.io.emit('x', ''); await sleep(5) }
  await refreshed(3)
  await sleep(600)
  assert.equal(server.fetches('/'), 3)
})

await check('a steady stream of events still renews', { routes: counted() }, async ({ server, open, refreshed }) => {
  await open()
  await refreshed(2)
  const stream = setInterval(() => server.io.emit('x', ''), 20)
  await refreshed(4).finally(() => clearInterval(stream))
})

await check('data-cue-src, data-cue-select and rows without a table', {
  routes: {
    '/': () => page(`<div id="out" data-cue-on="outer"><i>${n}</i><aside data-cue-on="x" data-cue-src="/part"></aside></div>
      <table><tbody id="rows" data-cue-on="x" data-cue-src="/rows"></tbody></table>
      <p id="sel" data-cue-on="x" data-cue-src="/whole" data-cue-select=".total b"></p>
      <section id="whole" data-cue-on="x" data-cue-src="/whole">old</section>`),
    '/part': () => `<b>part ${n}</b><script>window.ran = 1</script>`,
    '/rows': () => `<tr id="r${n}"><td>row ${n}</td></tr>`,
    '/whole': () => page(`<div class="total"><b>sum ${n}</b></div><section id="whole" class="fresh" data-cue-on="x">whole ${n}</section>`),
  },
}, async ({ server, tab, open, text, refreshed }) => {
  n = 1
  await open()
  await refreshed(5)
  n = 2
  server.io.emit('x', '')
  await refreshed(9)
  assert.equal(await text('aside b'), 'part 2')
  assert.equal(await tab.innerHTML('#rows'), '<tr id="r2"><td>row 2</td></tr>')
  assert.equal(await text('#sel'), 'sum 2')
  assert.equal(await text('#whole'), 'whole 2')
  server.io.emit('outer', '')
  await refreshed(10)
  assert.equal(await text('#out i'), '2')
  assert.equal(await text('aside b'), 'part 2', 'a region with its own source is not emptied by the page around it')
  assert.equal(await tab.evaluate(() => window.ran), undefined)
})

await check('data-cue-text shows the message or a path of it, without a request', {
  routes: {
    '/': () => page(`<b id="all" data-cue-on="say" data-cue-text></b><b id="deep" data-cue-on="*" data-cue-text="a.n">-</b>
      <div id="r" data-cue-on="x"><b id="in" data-cue-on="count" data-cue-text="n">${n}</b></div>`),
  },
}, async ({ server, open, refreshed, text }) => {
  n = 0
  await open()
  await refreshed(1)
  server.io.emit('say', '<i>hi</i>')
  server.io.emit('other', { a: { n: 7 } })
  server.io.emit('count', { n: 5 })
  await until(async () => (await text('#in')) === '5', 'the count')
  assert.equal(await text('#all'), '<i>hi</i>')
  assert.equal(await text('#deep'), '7')
  assert.equal(server.fetches('/'), 1)
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(await text('#in'), '5', 'a page that says nothing new does not undo the message')
  n = 9
  server.io.emit('x', '')
  await refreshed(3)
  assert.equal(await text('#in'), '9')
})

await check('a refused page or a redirect to a login keeps the content and says so', {
  routes: {
    '/': () => (n === 0 ? page('<p id="a" data-cue-on="x">mine</p>') : n === 1 ? { status: 401, body: 'log in' } : { status: 302, headers: { location: '/login' } }),
    '/login': () => page('<p id="a" data-cue-on="x">Log in</p>'),
  },
}, async ({ server, open, refreshed, heard, text }) => {
  n = 0
  await open()
  await refreshed(1)
  for (n = 1; n <= 2; n++) {
    server.io.emit('x', '')
    await until(async () => (await heard('error')).length === n, `error ${n}`)
  }
  const errors = await heard('error')
  assert.deepEqual(errors.map((e) => [e.reason, e.target]), [['status', 'a'], ['redirected', 'a']])
  assert.equal(errors[0].status, 401)
  assert.equal(await text('#a'), 'mine')
})

await check('a page that fails for a moment is asked again', {
  routes: { '/': () => (n++ === 1 ? { status: 502, body: 'bad' } : page(`<p id="a" data-cue-on="x">${n}</p>`)) },
}, async ({ open, refreshed, text, heard }) => {
  n = 0
  await open()
  await refreshed(1)
  assert.equal(await text('#a'), '3')
  assert.equal((await heard('error'))[0].status, 502)
})

// ---- the page's own scripts ----
await check('cuelight.on, cuelight.refresh, cancelled events, regions added later', { routes: counted() }, async ({ server, tab, open, refreshed, text }) => {
  n = 0
  await open()
  await refreshed(2)
  await tab.evaluate(() => {
    window.got = []
    window.off = cuelight.on('say', (...args) => window.got.push(args))
    cuelight.on('*', (message, event) => window.got.push(['*', message, event]))
    cuelight.on('say', () => { if (window.thrown) return; window.thrown = true; setTimeout(() => {}, 0) })
  })
  server.io.emit('say', { a: 1 })
  await until(() => tab.evaluate(() => window.got.length === 2), 'both listeners')
  assert.deepEqual(await tab.evaluate(() => window.got), [[{ a: 1 }, 'say'], ['*', { a: 1 }, 'say']])
  await tab.evaluate(() => window.off())
  server.io.emit('say', 'again')
  await until(() => tab.evaluate(() => window.got.length === 3), 'one listener')

  const before = server.fetches('/')
  assert.equal(await tab.evaluate(() => cuelight.refresh(document.getElementById('a')).then(() => cuelight.status)), 'live')
  assert.equal(server.fetches('/'), before + 1)
  const b = await text('#b')
  await tab.evaluate(() => document.getElementById('b').addEventListener('cuelight:before-refresh', (e) => e.preventDefault()))
  server.io.emit('x', '')
  await until(() => server.fetches('/') === before + 2, 'a request for the other region')
  await refreshed(4)
  assert.equal(await text('#b'), b)
  await tab.evaluate(() => document.addEventListener('cuelight:event', (e) => e.detail.event === 'x' && e.preventDefault()))
  server.io.emit('x', '')
  await sleep(300)
  assert.equal(server.fetches('/'), before + 2)

  await tab.evaluate(() => {
    const late = Object.assign(document.createElement('em'), { id: 'a2' })
    late.setAttribute('data-cue-on', 'late')
    late.setAttribute('data-cue-text', '')
    document.body.append(late)
  })
  server.io.emit('late', 'seen')
  await until(async () => (await text('#a2')) === 'seen', 'the late region')
})

await check('a hidden tab waits until it is looked at', { routes: counted() }, async ({ server, tab, open, refreshed, heard }) => {
  await open()
  await refreshed(2)
  const hide = (hidden) => tab.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
  await hide(true)
  for (let i = 0; i < 3; i++) server.io.emit('x', '')
  await until(async () => (await heard('event')).length === 3, '3 events')
  await sleep(300)
  assert.equal(server.fetches('/'), 1)
  await hide(false)
  await refreshed(4)
  await sleep(200)
  assert.equal(server.fetches('/'), 2)
})

// ---- connection ----
await check('a restarted server: the page renews itself without a reload', { routes: counted() }, async ({ server, tab, open, refreshed, status, text }) => {
  await open()
  await refreshed(2)
  await server.stop()
  await status('reconnecting')
  n = 70
  const again = await startServer({ port: server.port, routes: counted() })
  try {
    await status('live')
    await refreshed(4)
    assert.equal(await text('#a'), '71')
    assert.equal(again.fetches('/'), 1)
    assert.equal(await tab.evaluate(() => window.firstLoad), true)
  } finally {
    await again.stop()
  }
})

await check('a short cut is recovered: missed events arrive, nothing else is fetched', { routes: counted() }, async ({ server, tab, open, refreshed, heard }) => {
  await open()
  await refreshed(2)
  server.io.emit('say', 'first')
  await until(async () => (await heard('event')).length === 1, 'the first event')
  for (const socket of server.io.of('/').sockets.values()) socket.conn.close()
  await until(() => server.io.of('/').sockets.size === 0, 'the cut')
  server.io.emit('say', 'missed')
  await until(async () => (await heard('event')).length === 2, 'the missed event')
  await sleep(200)
  assert.equal(await tab.evaluate(() => cuelight.socket.recovered), true)
  assert.equal(server.fetches('/'), 1)
})

await check('a server that sends the page away gets it back', { routes: counted() }, async ({ server, open, refreshed, status }) => {
  await open()
  await refreshed(2)
  server.io.disconnectSockets()
  await status('reconnecting')
  await status('live')
  await refreshed(4)
})

await check('data-cue-at is said once, and a server that does not replay from there has the page fetched', {
  routes: { '/': () => page('<p id="a" data-cue-on="x">1</p>', { html: 'data-cue-at="e1.42"' }) },
}, async ({ server, open, refreshed }) => {
  await open()
  await refreshed(1)
  assert.deepEqual(server.auths[0], { app_id: 'shop', at: 'e1.42' })
  server.io.disconnectSockets()
  await refreshed(2)
  assert.equal(server.auths[1].at, undefined)
})

await check('receipts are cumulative and at most one a second', { routes: counted() }, async ({ server, tab, open, refreshed, heard }) => {
  await open()
  await refreshed(2)
  for (let i = 0; i < 50; i++) { server.io.emit('say', String(i)); await sleep(50) }
  const last = async () => (await heard('event')).at(-1).offset
  await until(async () => server.receipts.at(-1)?.offset === (await last()), 'the last receipt')
  const times = server.receipts.map((receipt) => receipt.at)
  assert.ok(times.length <= 4, `${times.length} receipts in 2.5 s`)
  times.slice(1).forEach((at, i) => assert.ok(at - times[i] > 900, `${at - times[i]} ms apart`))
  assert.equal(await tab.evaluate(() => document.documentElement.dataset.cueStatus), 'live')
})

const refuse = (code) => Object.assign(new Error(`refused: ${code}`), { data: { code } })

await check('a refusal is shown as refused', {
  routes: counted(), admit: (auth) => (auth.app_id === 'other' ? undefined : refuse('app_unknown')),
}, async ({ open, status, heard, tab }) => {
  await open()
  await status('refused')
  assert.equal((await heard('error'))[0].code, 'app_unknown')
  assert.equal(await tab.evaluate(() => cuelight.status), 'refused')
})

let sessions = 0
const sessionRoutes = {
  '/': () => page('<p id="a" data-cue-on="x">1</p>', { script: 'data-app="shop" data-session-url="/session"' }),
  '/session': () => ({ type: 'application/json', body: JSON.stringify({ session_id: `s${++sessions}` }) }),
}
await check('an expired session is asked for again, once', {
  routes: sessionRoutes, admit: (auth) => (auth.session_id === 's2' ? undefined : refuse('session_expired')),
}, async ({ server, open, status }) => {
  sessions = 0
  await open()
  await status('live')
  assert.deepEqual(server.auths[0], { app_id: 'shop', session_id: 's2' })
})
await check('a session that stays expired is refused', {
  routes: sessionRoutes, admit: () => refuse('session_expired'),
}, async ({ open, status }) => {
  sessions = 0
  await open()
  await status('refused')
  await sleep(500)
  assert.equal(sessions, 2)
})

await check('without websocket the page falls back to polling', { routes: counted() }, async ({ server, tab, open, refreshed, text }) => {
  server.io.engine.opts.transports = ['polling']
  await open()
  await refreshed(2)
  const before = await text('#a')
  server.io.emit('x', '')
  await until(async () => (await text('#a')) !== before, 'a refresh over polling')
  assert.equal(await tab.evaluate(() => cuelight.socket.io.engine.transport.name), 'polling')
})

await check('websockets that hang: polling is tried after the timeout', { routes: counted() }, async ({ server, tab, open, refreshed }) => {
  server.http.removeAllListeners('upgrade').on('upgrade', (_, socket) => setTimeout(() => socket.destroy(), 3000))
  await tab.addInitScript(() => {
    const real = window.setTimeout
    window.setTimeout = (run, ms, ...args) => real(run, ms === 20_000 ? 300 : ms, ...args)
  })
  await open()
  await refreshed(2)
  assert.equal(await tab.evaluate(() => cuelight.socket.io.engine.transport.name), 'polling')
})

await check('a session that the page itself set outlives being sent away', { routes: counted() }, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(2)
  await tab.evaluate(() => {
    cuelight.socket.auth = { app_id: 'shop', session_id: 'mine' }
    cuelight.socket.disconnect().connect()
  })
  await until(() => server.auths.length === 2, 'the second connect')
  server.io.disconnectSockets()
  await until(() => server.auths.length === 3, 'the third connect')
  assert.equal(server.auths[2].session_id, 'mine')
})

await browser.close()
console.log(`${results.passed} passed, ${results.failed} failed`)
process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1)
