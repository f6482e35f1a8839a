// The `redirect` event.
import assert from 'node:assert/strict'

import { check } from './harness.mjs'
import { page, until } from './server.mjs'

const here = (script) => () => page('<p id="a" data-cue-on="x">1</p>', { script: `data-app="shop" ${script}` })
const paths = ['/', '/start', '/a/b/c', '/a/b', '/a', '/a/b/c/42', '/a/b/c/d/e', '/a/b/x', '/a/b/c/evil.example', '/x', '/orders', '/javascript:alert(1)']
const routes = Object.fromEntries(paths.map((path) => [path, here('data-redirects')]))

await check('redirect: back, up, appended, a page, an address of this site', { routes }, async ({ server, tab, open, refreshed }) => {
  await open('/start')
  const cases = [
    ['../', '/a/b'], ['../../', '/a'], ['../x', '/a/b/x'], ['/42', '/a/b/c/42'], ['/d/e?q=1', '/a/b/c/d/e?q=1'], ['orders', '/orders'],
    [`${server.url}/x`, '/x'], ['<=', '/start'], ['../../../../../', '/'], ['//evil.example', '/a/b/c/evil.example'], ['javascript:alert(1)', '/javascript:alert(1)'],
  ]
  for (const [message, expected] of cases) {
    await open('/start')
    await open('/a/b/c?old=1#part')
    await refreshed(1)
    server.io.emit('redirect', message)
    await until(() => tab.url() === server.url + expected, `${message} to ${expected}, not ${tab.url()}`)
  }
})

await check('redirect: another site is refused', { routes }, async ({ server, tab, open, refreshed, heard }) => {
  await open('/start')
  await refreshed(1)
  const targets = ['https://evil.example/', 'HTTPS://evil.example', 'http://127.0.0.1:1/', `${server.url}@evil.example/`, { url: '/x' }]
  for (const target of targets) server.io.emit('redirect', target)
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(tab.url(), `${server.url}/start`)
  assert.deepEqual((await heard('error')).map((e) => e.reason), Array(4).fill('redirect_refused'))
})

await check('redirect: nothing happens unless the page opted in', { routes: { '/': here(''), '/x': here('') } }, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(1)
  server.io.emit('redirect', '/x')
  server.io.emit('x', '')
  await refreshed(2)
  assert.equal(tab.url(), `${server.url}/`)
})
