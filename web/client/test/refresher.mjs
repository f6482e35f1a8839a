// What a region does with an event: what it fetches, and what it leaves to the user.
import assert from 'node:assert/strict'

import { check, network, sleep } from './harness.mjs'
import { page, until } from './server.mjs'

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

let held = Promise.resolve()
await check('events during a request cause exactly one more', {
  routes: { '/': async () => { if (n++) await held; return page(`<p id="a" data-cue-on="x" data-cue-debounce="0">${n}</p>`) } },
}, async ({ server, open, refreshed, heard }) => {
  n = 0
  await open()
  await refreshed(1)
  let release
  held = new Promise((resolve) => (release = resolve))
  server.io.emit('x', '')
  await until(() => server.fetches('/') === 2, 'a request under way')
  for (let i = 0; i < 20; i++) server.io.emit('x', '')
  await until(async () => (await heard('event')).length === 21, '21 events')
  release()
  await refreshed(3)
  await sleep(300)
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
  allow: network,
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
  allow: network,
  routes: { '/': () => (n++ === 1 ? { status: 502, body: 'bad' } : page(`<p id="a" data-cue-on="x">${n}</p>`)) },
}, async ({ open, refreshed, text, heard }) => {
  n = 0
  await open()
  await refreshed(1)
  assert.equal(await text('#a'), '3')
  assert.equal((await heard('error'))[0].status, 502)
})

let broken = false
await check('a part that failed is asked for at once when the connection is there again', {
  allow: network,
  routes: { '/': () => (broken ? { status: 500, body: 'bad' } : page('<p id="a" data-cue-on="x">fresh</p>')) },
}, async ({ server, open, refreshed, heard }) => {
  broken = false
  await open()
  await refreshed(1)
  broken = true
  server.io.emit('x', '')
  // After the third failure it waits for six seconds at least.
  await until(async () => (await heard('error')).length === 3, 'three failures')
  const failed = Date.now()
  broken = false
  for (const socket of server.io.of('/').sockets.values()) socket.conn.close()
  await refreshed(2)
  assert.ok(Date.now() - failed < 5500, `it was asked for after ${Date.now() - failed} ms`)
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
