// How the connection lives: cuts, refusals, sessions, receipts.
import assert from 'node:assert/strict'

import { check, network, sleep } from './harness.mjs'
import { page, startServer, until } from './server.mjs'

let n = 0
const counted = () => ({
  '/': () => page(`<section id="a" data-cue-on="x">${++n}</section><section id="b" data-cue-on="x y">${n}</section>`),
})

await check('a restarted server: the page renews itself without a reload', { allow: network, routes: counted() }, async ({ server, tab, open, refreshed, status, text }) => {
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

await check('without websocket the page falls back to polling', { allow: network, routes: counted() }, async ({ server, tab, open, refreshed, text }) => {
  server.io.engine.opts.transports = ['polling']
  await open()
  await refreshed(2)
  const before = await text('#a')
  server.io.emit('x', '')
  await until(async () => (await text('#a')) !== before, 'a refresh over polling')
  assert.equal(await tab.evaluate(() => cuelight.socket.io.engine.transport.name), 'polling')
})

await check('websockets that hang: polling is tried after the timeout', { allow: network, routes: counted() }, async ({ server, tab, open, refreshed }) => {
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
