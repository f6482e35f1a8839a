// @cuelight/react under React's StrictMode.
import assert from 'node:assert/strict'

import { bundle } from './bundle.mjs'
import { check, network } from './harness.mjs'
import { page, until } from './server.mjs'

const script = await bundle('react-page.jsx')
const asked = { orders: 0, tanstack: 0 }
let answer = []
const html = () => page('<div id="root"></div>').replace('/cuelight.js', '/page.js')
const routes = {
  '/': html, '/asked': html, '/query': html,
  '/page.js': () => ({ type: 'text/javascript', body: script }),
  '/orders': () => { asked.orders++; return answer ? { type: 'application/json', body: JSON.stringify(answer) } : { status: 500 } },
  '/tanstack': () => `loaded ${++asked.tanstack}`,
}

/** Opens the page and waits until it has loaded what it shows for the last time before its first event. */
async function start({ tab, open, server }, path = '/') {
  Object.assign(asked, { orders: 0, tanstack: 0 })
  answer = [{ id: 1, text: 'first' }]
  await open(path)
  await tab.locator('#status', { hasText: 'live' }).waitFor()
  await tab.locator('#one[data-stale=false] li', { hasText: 'first' }).waitFor()
  await server.connected(1)
  // One as it appears, one more when the connection may have come too late for an event.
  await until(() => asked.orders === 2, 'the load after connecting')
  await tab.locator('#one[data-stale=false]').waitFor()
}
const calls = (tab) => tab.evaluate(() => window.calls)

await check('hooks: StrictMode opens one socket, and leaving closes it', { routes }, async (context) => {
  const { server, tab } = context
  await start(context)
  assert.equal(server.auths.length, 1)
  assert.deepEqual(server.auths[0], { app_id: 'shop' })
  await tab.click('#leave')
  await until(() => server.io.of('/').sockets.size === 0, 'the socket is closed')
  assert.equal(server.auths.length, 1)
})

await check('useCueEvent: one call for each event, of the newest callback, also after remounts', { routes }, async (context) => {
  const { server, tab } = context
  server.io.on('connection', (socket) => socket.on('add', (message, respond) => respond(message + 1)))
  await start(context)
  for (let i = 0; i < 6; i++) await tab.click('#toggle')
  server.io.emit('say', 'a')
  await tab.locator('#log', { hasText: '1' }).waitFor()
  server.io.emit('say', 'b')
  await tab.locator('#log', { hasText: '2' }).waitFor()
  assert.deepEqual(await calls(tab), [[0, 'a', 'say'], [1, 'b', 'say']])
  await tab.click('#log')
  await until(async () => (await calls(tab)).at(-1) === 2, 'the answer')
})

await check('useCueQuery: two components share a request, 101 events make at most 2, typed text stays', { routes }, async (context) => {
  const { server, tab } = context
  await start(context)
  await tab.fill('#one input', 'half typed')
  answer = [{ id: 2, text: 'second' }, ...answer]
  for (let i = 0; i < 101; i++) server.io.emit(i % 2 ? 'refresh-orders' : 'other', i)
  server.io.emit('say', 'done')
  await until(async () => (await calls(tab)).length === 1, 'all events')
  for (const id of ['one', 'two']) await tab.locator(`#${id}[data-stale=false] li`, { hasText: 'second' }).waitFor()
  assert.ok(asked.orders >= 3 && asked.orders <= 4, `${asked.orders - 2} requests`)
  assert.equal(await tab.inputValue('#one input'), 'half typed')
})

await check('useCueQuery: what fails keeps the data, a reconnect loads anew', { routes, allow: network }, async (context) => {
  const { server, tab } = context
  await start(context)
  const data = answer
  answer = null
  server.io.emit('refresh-orders', '')
  await tab.locator('#one[data-stale=true] p', { hasText: 'status 500' }).waitFor()
  assert.equal(await tab.textContent('#one li'), 'first')
  answer = [{ id: 2, text: 'second' }, ...data]
  server.io.disconnectSockets()
  await tab.locator('#status', { hasText: 'reconnecting' }).waitFor()
  await tab.locator('#one[data-stale=false] li', { hasText: 'second' }).waitFor()
  await tab.locator('#status', { hasText: 'live' }).waitFor()
  answer = data
  await tab.click('#one button')
  await until(async () => (await tab.locator('#one li').count()) === 1, 'loaded by hand')
})

await check('useCueQuery: a hidden tab loads when it is looked at', { routes }, async (context) => {
  const { server, tab } = context
  await start(context)
  const hide = (hidden) => tab.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value })
    document.dispatchEvent(new Event('visibilitychange'))
  }, hidden)
  await hide(true)
  answer = [{ id: 3, text: 'third' }]
  server.io.emit('refresh-orders', '')
  await tab.locator('#one[data-stale=true]').waitFor()
  assert.equal(asked.orders, 2)
  await hide(false)
  await tab.locator('#one[data-stale=false] li', { hasText: 'third' }).waitFor()
  assert.equal(asked.orders, 3)
})

await check('CuelightProvider: a session that is asked for, and one that changes', { routes }, async (context) => {
  const { server, tab } = context
  await start(context, '/asked')
  assert.deepEqual(server.auths[0], { app_id: 'shop', session_id: 'asked' })
  await start(context)
  await tab.click('#login')
  await until(() => server.auths.at(-1).session_id === 's1', 'the login')
  await until(() => server.io.of('/').sockets.size === 1, 'one socket again')
})

await check('useCueInvalidate: TanStack Query loads anew, at most twice for 101 events', { routes }, async (context) => {
  const { server, tab } = context
  await start(context, '/query')
  await until(() => asked.tanstack === 2, 'the load after connecting')
  for (let i = 0; i < 101; i++) server.io.emit('refresh-orders', i)
  server.io.emit('say', 'done')
  await until(async () => (await calls(tab)).length === 1, 'all events')
  await until(async () => /loaded [34]/.test(await tab.textContent('#tanstack')), 'the newest')
  assert.ok(asked.tanstack <= 4, `${asked.tanstack - 2} requests`)
})
