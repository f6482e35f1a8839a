// @cuelight/client, built into a page by a bundler, on a socket that the page opened itself.
import assert from 'node:assert/strict'

import { bundle } from './bundle.mjs'
import { check } from './harness.mjs'
import { page, until } from './server.mjs'

const script = await bundle('client-page.js')
let n = 0
const routes = {
  '/': () => page(`<p id="a" data-cue-on="x">${++n}</p>`).replace('/cuelight.js', '/page.js'),
  '/page.js': () => ({ type: 'text/javascript', body: script }),
}

await check('@cuelight/client renews the page by a socket of its own', { routes }, async ({ server, tab, open, status, refreshed, text }) => {
  n = 0
  server.io.on('connection', (socket) => socket.on('add', (message, answer) => answer(message + 1)))
  await open()
  await status('live')
  await refreshed(1)
  assert.deepEqual(server.auths, [{ app_id: 'shop', session_id: 's1' }])
  server.io.emit('x', 'hi')
  await refreshed(2)
  assert.equal(await text('#a'), '3')
  assert.deepEqual(await tab.evaluate(() => window.got), [['hi', 'x']])
  assert.equal(await tab.evaluate(() => window.cue.send('add', 1)), 2)
  server.io.emit('alert', 'hello')
  await until(() => tab.evaluate(() => document.querySelector('.cue-toast span')?.textContent === 'hello'), 'the alert')
  server.io.disconnectSockets()
  await status('reconnecting')
  assert.equal(await tab.evaluate(() => window.cue.status), 'reconnecting')
  await tab.evaluate(() => window.cue.socket.connect())
  await refreshed(3)
})

await check('@cuelight/client takes a socket that is connected already', { routes: { ...routes, '/late': routes['/'] } }, async ({ open, status, refreshed }) => {
  await open('/late')
  await status('live')
  await refreshed(1)
})
