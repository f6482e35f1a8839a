// One check for each attribute that says when and how a region is renewed.
import assert from 'node:assert/strict'

import { check, network } from './harness.mjs'
import { page, until } from './server.mjs'

let n = 0
let rows = ''
const list = (attributes) => ({
  '/': () => page(`<ul id="list" data-cue-on="x" ${attributes}>${rows}</ul>`),
  '/rows': () => rows,
})
const ids = (tab) => tab.evaluate(() => [...document.querySelectorAll('#list li')].map((li) => li.id || li.textContent).join())

await check('data-cue-if: path=value, path and !path of the message', {
  routes: {
    '/': () => page(`<p id="is" data-cue-on="x" data-cue-if="order.id=42">${n}</p><p id="has" data-cue-on="x" data-cue-if="flag">${n}</p>
      <p id="not" data-cue-on="x" data-cue-if="!flag">${n}</p><b id="text" data-cue-on="x" data-cue-if="order.id = 42" data-cue-text="order.id">-</b>`),
  },
}, async ({ server, open, refreshed, heard, text }) => {
  n = 0
  const targets = async () => (await heard('refreshed')).slice(3).map((e) => e.target)
  await open()
  await refreshed(3)
  server.io.emit('x', { order: { id: 7 } })
  await refreshed(4)
  assert.deepEqual(await targets(), ['not'])
  assert.equal(await text('#text'), '-')
  n = 1
  server.io.emit('x', { order: { id: 42 }, flag: true })
  await refreshed(6)
  assert.deepEqual(await targets(), ['not', 'is', 'has'])
  assert.equal(await text('#text'), '42')
  server.io.emit('x', '{"order":{"id":"42"},"flag":1}')
  await refreshed(8)
  assert.deepEqual((await targets()).slice(3), ['is', 'has'], 'JSON that was sent as text counts as JSON')
  server.io.emit('x', 'plain words')
  await refreshed(9)
  assert.deepEqual((await targets()).slice(5), ['not'])
})

await check('data-cue-swap=replace puts new elements in place, but keeps what is to be kept', { routes: list('data-cue-swap="replace"') }, async ({ server, tab, open, refreshed }) => {
  rows = '<li id="a">old</li><li id="k" data-cue-keep>map</li>'
  await open()
  await refreshed(1)
  await tab.evaluate(() => {
    window.old = document.getElementById('a')
    window.kept = document.getElementById('k')
    window.kept.textContent = 'drawn'
  })
  rows = '<li id="a">new</li><li id="k" data-cue-keep>map</li><li id="c">c</li>'
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(await ids(tab), 'a,k,c')
  assert.deepEqual(await tab.evaluate(() => [
    document.getElementById('a') === window.old, document.getElementById('a').textContent,
    document.getElementById('k') === window.kept, document.getElementById('k').textContent,
  ]), [false, 'new', true, 'drawn'])
})

for (const [mode, expected] of [['append', 'a,b,c,noid'], ['prepend', 'c,noid,a,b']]) {
  await check(`data-cue-swap=${mode} adds rows, and none twice`, { routes: list(`data-cue-swap="${mode}" data-cue-src="/rows"`) }, async ({ server, tab, open, refreshed, text }) => {
    rows = '<li id="a">a</li><li id="b">b</li><li>nobody knows me</li>'
    await open()
    await refreshed(1)
    assert.equal(await ids(tab), 'a,b,nobody knows me', 'after connecting only rows with an id may come in')
    await tab.evaluate(() => document.querySelector('#list li:not([id])').remove())
    rows = '<li id="b">b again</li>\n<li id="c">c</li>\n<li>noid</li>'
    server.io.emit('x', '')
    await refreshed(2)
    assert.equal(await ids(tab), expected)
    assert.equal(await text('#b'), 'b again')
    server.io.disconnectSockets()
    await refreshed(3)
    assert.equal(await ids(tab), expected)
  })
}

await check('data-cue-swap=none fetches nothing and says when it is time', { routes: list('data-cue-swap="none"') }, async ({ server, tab, open, refreshed, heard }) => {
  rows = '<li id="a">a</li>'
  await open()
  await refreshed(1)
  for (let i = 0; i < 5; i++) server.io.emit('x', { i })
  await refreshed(2)
  const last = (await heard('refreshed')).at(-1)
  assert.deepEqual([last.target, last.event, last.message], ['list', 'x', { i: 4 }])
  assert.equal(server.fetches('/'), 0)
  assert.equal(await ids(tab), 'a')
})

await check('data-cue-attr writes attributes from the message, and none that runs', {
  routes: {
    '/': () => page(`<div id="r" data-cue-on="page"><a id="a" href="/old" data-cue-on="x" data-cue-attr="href:url title:t,aria-busy:busy hidden:gone">link ${n}</a></div>
      <a id="bad" href="/safe" data-cue-on="x" data-cue-attr="href:bad onclick:t srcdoc:t style:t">link</a><i id="whole" data-cue-on="x" data-cue-attr="data-all">-</i>`),
  },
}, async ({ server, tab, open, refreshed, text }) => {
  n = 0
  await open()
  await refreshed(1)
  server.io.emit('x', { url: '/new', t: 'T', busy: false, gone: true, bad: ' java\nscript:alert(1)' })
  await until(() => tab.evaluate(() => document.getElementById('whole').dataset.all), 'the message')
  const of = (id) => tab.evaluate((i) => Object.fromEntries([...document.getElementById(i).attributes]
    .filter((a) => !/^(id|data-)/.test(a.name)).map((a) => [a.name, a.value])), id)
  assert.deepEqual(await of('a'), { href: '/new', title: 'T', 'aria-busy': 'false', hidden: '' })
  assert.deepEqual(await of('bad'), { href: '/safe' })
  assert.equal(server.fetches('/'), 1)
  server.io.emit('x', { gone: false })
  await until(() => tab.evaluate(() => !document.getElementById('a').hidden), 'shown again')
  n = 1
  server.io.emit('page', '')
  await refreshed(2)
  assert.equal(await text('#a'), 'link 1')
  assert.equal((await of('a')).href, '/new', 'a page that says nothing new does not undo the message')
})

const timed = (attributes) => ({ '/': () => page(`<p id="a" data-cue-on="x" ${attributes}>${++n}</p>`) })
const waited = async (heard) => {
  const last = (list) => list.at(-1).at
  return last(await heard('before-refresh')) - last(await heard('event'))
}

await check('data-cue-debounce waits for further events', { routes: timed('data-cue-debounce="0.4s"') }, async ({ server, open, refreshed, heard }) => {
  await open()
  await refreshed(1)
  server.io.emit('x', '')
  await refreshed(2)
  const ms = await waited(heard)
  assert.ok(ms >= 395 && ms < 3000, `${ms} ms`)
})

await check('data-cue-jitter spreads the pages, each by its own chance', { routes: timed('data-cue-jitter="1s"') }, async ({ server, tab, open, refreshed, heard }) => {
  await tab.addInitScript(() => { Math.random = () => 0.7 })
  await open()
  await refreshed(1)
  for (let i = 0; i < 3; i++) server.io.emit('x', '')
  await refreshed(2)
  const ms = await waited(heard)
  assert.ok(ms >= 755 && ms < 3000, `${ms} ms`)
  const fetches = server.fetches('/')
  await tab.evaluate(() => cuelight.refresh())
  assert.equal(server.fetches('/'), fetches + 1)
})

let admitted = false
await check('data-cue-every fetches now and then while there is no connection', {
  allow: network,
  routes: { '/': () => page(`<p id="a" data-cue-on="x" data-cue-every="300">${++n}</p><p id="b" data-cue-on="x" data-cue-src="/b">-</p>`), '/b': () => 'b' },
  admit: () => (admitted ? undefined : Object.assign(new Error('too many'), { data: { code: 'app_unknown' } })),
}, async ({ server, tab, open, status, heard }) => {
  admitted = false
  await open()
  await status('refused')
  await until(() => server.fetches('/') >= 3, '3 polls')
  assert.equal(server.fetches('/b'), 0, 'a minute is the default')
  assert.ok((await heard('refreshed')).every((e) => e.event === ''))
  admitted = true
  await tab.evaluate(() => cuelight.socket.connect())
  await status('live')
  await until(() => server.fetches('/b') === 1, 'the refresh after connecting')
  const before = server.fetches('/')
  await until(() => tab.evaluate(() => performance.now() > (window.since ??= performance.now()) + 1000), 'three times as long')
  assert.ok(server.fetches('/') <= before + 1, 'no more polls')
})

await check('data-cue-transition moves by a view transition, unless the user wants none', { routes: timed('data-cue-transition') }, async ({ server, tab, open, refreshed, text }) => {
  await tab.addInitScript(() => {
    window.transitions = 0
    const real = Document.prototype.startViewTransition
    Document.prototype.startViewTransition = function (...args) { window.transitions++; return real.apply(this, args) }
  })
  n = 0
  await open()
  await refreshed(1)
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(await text('#a'), String(n))
  assert.equal(await tab.evaluate(() => window.transitions), 2)
  await tab.emulateMedia({ reducedMotion: 'reduce' })
  server.io.emit('x', '')
  await refreshed(3)
  assert.equal(await tab.evaluate(() => window.transitions), 2)
  assert.equal(await text('#a'), String(n))
})

await check('<cue-refresh on src> is the same as the attributes', {
  routes: {
    '/': () => page(`<cue-refresh id="a" on="x y" src="/part">old</cue-refresh><cue-refresh on="x" if="n=${n || 1}">page ${n}</cue-refresh>
      <cue-refresh id="t" on="say" text="n">-</cue-refresh>`),
    '/part': () => `<b>part ${n}</b>`,
  },
}, async ({ server, tab, open, refreshed, text, heard }) => {
  n = 1
  await open()
  await refreshed(2)
  n = 2
  server.io.emit('x', { n: 1 })
  server.io.emit('say', { n: 5 })
  await refreshed(4)
  assert.equal(await text('#a'), 'part 2')
  assert.equal(await text('cue-refresh:not([id])'), 'page 2')
  assert.equal(await tab.getAttribute('cue-refresh:not([id])', 'if'), 'n=1', 'how it is renewed is its own matter')
  assert.equal(await text('#t'), '5')
  server.io.emit('x', { n: 3 })
  await refreshed(5)
  assert.equal((await heard('refreshed')).length, 5)
})

await check('a refresh is marked for servers and for screen readers, and moves no focus', {
  routes: { '/': async (request) => {
    if (n++) await until(() => n > 10, 'the check has looked')
    return page(`<section id="a" data-cue-on="x"><input id="i"><b>${request.headers['x-cuelight-refresh'] ?? 'first'}</b></section>`)
  } },
}, async ({ tab, open, refreshed, text }) => {
  n = 0
  await open()
  await tab.focus('#i')
  await until(() => tab.evaluate(() => document.getElementById('a').getAttribute('aria-busy') === 'true'), 'aria-busy')
  n = 11
  await refreshed(1)
  await until(() => tab.evaluate(() => !document.getElementById('a').hasAttribute('aria-busy')), 'no longer busy')
  assert.equal(await text('#a b'), '1')
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'i')
})
