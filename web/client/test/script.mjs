// The attributes of the script element, and what the page's own scripts find.
import assert from 'node:assert/strict'

import { check } from './harness.mjs'
import { page, startServer, until } from './server.mjs'

const scripted = (script) => ({ '/': () => page('<p id="a" data-cue-on="x">1</p>', { script }) })
let elsewhere = ''

await check('data-app and data-session are what the server is told', { routes: scripted('data-app="shop" data-session="s1"') }, async ({ server, open, status }) => {
  await open()
  await status('live')
  assert.deepEqual(server.auths[0], { app_id: 'shop', session_id: 's1' })
})

await check('data-url connects to a server elsewhere', { csp: (csp) => csp.replace("connect-src 'self'", 'connect-src *'), routes: { '/': () => page('<p id="a" data-cue-on="x">1</p>', { script: elsewhere }) } }, async ({ server, open, refreshed }) => {
  const other = await startServer({ cors: true })
  elsewhere = `data-app="shop" data-url="${other.url}"`
  try {
    await open()
    await refreshed(1)
    other.io.emit('x', '')
    await refreshed(2)
    assert.equal(server.auths.length, 0)
    assert.equal(other.auths.length, 1)
  } finally {
    await other.stop()
  }
})

await check('data-debug shows in the console what happens, without it nothing is shown', { routes: { '/': scripted('data-app="shop" data-debug')['/'], '/quiet': scripted('data-app="shop"')['/'] } }, async ({ tab, open, refreshed }) => {
  const lines = []
  tab.on('console', (line) => lines.push(line.text()))
  await open('/quiet')
  await refreshed(1)
  assert.deepEqual(lines, [])
  await open()
  await refreshed(1)
  for (const name of ['status', 'before-refresh', 'refreshed']) assert.ok(lines.some((line) => line.startsWith(`cuelight:${name}`)), name)
})

await check('a script without data-app says what it needs', { allow: /needs data-app/, routes: scripted('') }, async ({ tab, open }) => {
  const lines = []
  tab.on('console', (line) => lines.push(line.text()))
  await open()
  assert.match(lines.join(), /cuelight\.js needs data-app/)
  assert.equal(await tab.evaluate(() => window.cuelight), undefined)
})

await check('the status is on <html>, in an event and in cuelight.status', { routes: scripted('data-app="shop"') }, async ({ server, tab, open, status, heard }) => {
  await open()
  await status('live')
  assert.equal(await tab.evaluate(() => cuelight.status), 'live')
  server.io.disconnectSockets()
  await status('reconnecting')
  await status('live')
  assert.deepEqual((await heard('status')).map((e) => e.status), ['connecting', 'live', 'reconnecting', 'live'])
})

await check('cuelight.send returns the answer, or says that nobody takes the message', { routes: scripted('data-app="shop"') }, async ({ server, tab, open, status }) => {
  server.io.on('connection', (socket) => socket.on('add', (message, answer) => answer({ ok: true, got: message })))
  await open()
  await status('live')
  assert.deepEqual(await tab.evaluate(() => cuelight.send('add', { n: 1 })), { ok: true, got: { n: 1 } })
  assert.match(await tab.evaluate(() => cuelight.send('nothing', 'x', 100).catch(String)),
    /no answer to "nothing" within 100 ms: the server takes no such message/)
  await tab.evaluate(() => cuelight.socket.disconnect())
  assert.match(await tab.evaluate(() => cuelight.send('add', 'x', 100).catch(String)), /not connected/)
})
