// The `alert` event, in both of its shapes.
import assert from 'node:assert/strict'

import { check } from './harness.mjs'
import { page, until } from './server.mjs'

const routes = (script) => {
  const html = () => page('<main id="m" data-cue-on="x">page</main>', { script: `data-app="shop" ${script}` })
  return { '/': html, '/profile/edit': html, '/other': html }
}
const toasts = (tab) => tab.evaluate(() => [...document.querySelectorAll('.cue-toast')].map((toast) => ({
  text: [...toast.children].filter((child) => child.localName !== 'button').map((child) => child.textContent).join('|'),
  variant: toast.dataset.variant, position: toast.parentElement.dataset.position, role: toast.parentElement.role,
})))
const count = (tab, n) => until(async () => (await toasts(tab)).length === n, `${n} toasts`)
const on = routes('data-alerts="bottom-left"')

await check('an alert of plain text is shown as text, for a screen reader too', { routes: on }, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(1)
  assert.equal(await tab.getByRole('status').count(), 1, 'the live region is there before its first message')
  server.io.emit('alert', '<img src=x onerror="window.ran=1"> hi')
  await count(tab, 1)
  assert.deepEqual(await toasts(tab), [
    { text: '<img src=x onerror="window.ran=1"> hi', variant: 'default', position: 'bottom-left', role: 'status' },
  ])
  assert.equal(await tab.locator('.cue-toast img').count(), 0)
  const box = await tab.locator('.cue-toast').boundingBox()
  const { width, height } = tab.viewportSize()
  assert.ok(box.x < width / 2 && box.y > height / 2, 'the strict CSP keeps the styles away')
  await tab.getByRole('button', { name: 'Close' }).click()
  await count(tab, 0)
})

await check('an alert of JSON has a title, a description, a variant and parameters', { routes: on }, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(1)
  const alert = { title: 'Saved', description: 'Order 42', variant: 'success', parameters: { position: 'top-center', icon: '✓', duration: 60_000 } }
  server.io.emit('alert', alert)
  server.io.emit('alert', JSON.stringify({ message: 'as text', parameters: { duration: 60_000 }, variant: 'destructive' }))
  await count(tab, 2)
  assert.deepEqual(await toasts(tab), [
    { text: 'as text', variant: 'destructive', position: 'bottom-left', role: 'status' },
    { text: '✓|Saved|Order 42', variant: 'success', position: 'top-center', role: 'status' },
  ])
  server.io.emit('alert', { ...alert, parameters: {} })
  server.io.emit('alert', 'another')
  await count(tab, 3)
  assert.equal((await toasts(tab)).filter((toast) => toast.text.includes('Saved')).length, 1, 'the same is shown once')
  server.io.emit('x', '')
  await refreshed(2)
  await count(tab, 3)
})

await check('an alert goes by itself after its duration, but not while it is read', { routes: on }, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(1)
  server.io.emit('alert', { message: 'read me', parameters: { duration: 1000 } })
  await count(tab, 1)
  await tab.hover('.cue-toast')
  const shownFor = (ms) => until(() => tab.evaluate((least) => performance.now() - (window.since ??= performance.now()) > least, ms), `${ms} ms`)
  await shownFor(1500)
  assert.equal((await toasts(tab)).length, 1)
  await tab.mouse.move(600, 10)
  await count(tab, 0)
})

await check('an alert for certain pages is shown there and below', { routes: on }, async ({ server, tab, open, refreshed }) => {
  const send = () => {
    server.io.emit('alert', { message: 'for profiles', page: 'my-home-page, profile' })
    server.io.emit('alert', 'for all')
  }
  for (const [path, expected] of [['/profile/edit', ['for profiles', 'for all']], ['/other', ['for all']]]) {
    await open(path)
    await refreshed(1)
    send()
    await count(tab, expected.length)
    assert.deepEqual((await toasts(tab)).map((toast) => toast.text), expected)
  }
})

await check('alerts are off by default, and an event that the page cancelled is not shown', { routes: { '/': routes('')['/'], '/other': on['/'] } }, async ({ server, tab, open, refreshed, heard }) => {
  await open()
  await refreshed(1)
  server.io.emit('alert', 'nobody asked')
  await until(async () => (await heard('event')).length === 1, 'the event')
  assert.equal((await toasts(tab)).length, 0)
  await open('/other')
  await refreshed(1)
  await tab.evaluate(() => document.addEventListener('cuelight:event', (e) => e.detail.message === 'mine' && e.preventDefault()))
  server.io.emit('alert', 'mine')
  server.io.emit('alert', 'yours')
  await count(tab, 1)
  assert.equal((await toasts(tab))[0].text, 'yours')
})

await check('data-nonce marks the styles for a page that allows only those', {
  csp: (csp) => csp.replace("style-src 'self'", "style-src 'nonce-n1'"), routes: routes('data-alerts data-nonce="n1"'),
}, async ({ server, tab, open, refreshed }) => {
  await open()
  await refreshed(1)
  server.io.emit('alert', 'styled')
  await count(tab, 1)
  assert.equal(await tab.evaluate(() => getComputedStyle(document.querySelector('.cue-toasts')).position), 'fixed')
  assert.equal(await tab.evaluate(() => document.querySelector('style').nonce), 'n1')
  assert.equal((await toasts(tab))[0].position, 'top-right')
})
