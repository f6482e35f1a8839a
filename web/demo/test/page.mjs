// Serves the golden page with the reference Socket.IO server behind it, drives it in Chromium and, with a directory
// as its argument, leaves screenshots there.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { Server } from 'socket.io'

const here = fileURLToPath(new URL('..', import.meta.url))
const shots = process.argv[2]
const types = { '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml' }
const csp = "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; connect-src 'self'; style-src 'self'; img-src 'self' data:"
let page = readFileSync(join(here, 'testdata/page.html'), 'utf8')

const http = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://test')
  const send = (status, type, body) => {
    response.writeHead(status, { 'content-type': type, 'content-security-policy': csp })
    response.end(body)
  }
  if (pathname === '/demo/') return send(200, 'text/html; charset=utf-8', page)
  if (pathname === '/cuelight.js') return send(200, types['.js'], readFileSync(join(here, '../client/dist/cuelight.js')))
  if (pathname.startsWith('/demo/assets/')) {
    return send(200, types[extname(pathname)], readFileSync(join(here, 'src/assets', pathname.slice(13))))
  }
  let body = ''
  for await (const chunk of request) body += chunk
  const json = body ? JSON.parse(body) : {}
  if (pathname.startsWith('/demo/orders/')) return send(...patch(pathname.split('/').pop(), json))
  if (pathname === '/good/api/v5/auth') {
    if (json.username !== json.password) return send(400, 'application/json', '{"msg":"User or password incorrect"}')
    return send(200, 'application/json', JSON.stringify({ result: { token: `s-${json.username}`, username: json.username } }))
  }
  if (pathname === '/good/api/v4/auth/logout') return send(200, 'application/json', '{}')
  send(404, 'text/plain', 'not found')
})
const io = new Server(http, { connectionStateRecovery: {} })
io.use((socket, next) => {
  const session = socket.handshake.auth.session_id
  if (session && !session.startsWith('s-')) {
    return next(Object.assign(new Error('the session has ended'), { data: { code: 'session_expired' } }))
  }
  if (session) socket.join(session.slice(2))
  next()
})

// What the server and the scenarios of the demo do.
function patch(id, { status, total }) {
  if (total.startsWith('-')) return [422, 'application/problem+json', JSON.stringify({ detail: 'total must not be negative' })]
  const row = new RegExp(`<tr id="order-${id}"[^]*?</tr>`)
  const [old] = page.match(row)
  const owner = old.match(/<td class="wide">(.*?)</)[1]
  page = page.replace(row, old
    .replace(/data-status="\w+"/, `data-status="${status}"`)
    .replace(/badge \w+">\w+/, `badge ${status}">${status}`)
    .replace(/data-total="[^"]*"/, `data-total="${total}"`)
    .replace(/<td class="num">[^<]*/, `<td class="num">${total}`))
  io.emit('refresh-orders', '')
  if (status === 'ready') io.to(owner).emit('message', `Order ${id} is ready`)
  if (Number(total) > 1000) io.emit('alert', `Order ${id} is over 1,000`)
  return [200, 'application/json', '{}']
}

await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve))
const url = `http://127.0.0.1:${http.address().port}/demo/`
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const results = { passed: 0, failed: 0 }

async function check(name, settings, drive) {
  const context = await browser.newContext(settings)
  const tab = await context.newPage()
  tab.setDefaultTimeout(10_000)
  const complaints = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => line.type() === 'error' && !/status of 4/.test(line.text()) && complaints.push(line.text()))
  try {
    await tab.goto(url)
    await tab.locator('html[data-cue-status=live]').waitFor()
    await drive(tab)
    assert.deepEqual(complaints, [], 'the page complained')
    results.passed++
    console.log(`ok      ${name}`)
  } catch (error) {
    results.failed++
    console.log(`FAILED  ${name}\n${error.stack}`)
  }
  await context.close()
}

const shoot = (tab, name) => shots && tab.screenshot({ path: join(shots, `${name}.png`), fullPage: true })

await check('an order changes, the half-typed note stays', { viewport: { width: 1280, height: 900 } }, async (tab) => {
  await tab.fill('#note', 'half typ')
  await tab.focus('#note')
  await fetch(`${url}orders/1042`, { method: 'PATCH', body: '{"status":"paid","total":"121.00"}' })
  await tab.locator('#order-1042 .badge.paid').waitFor()
  await tab.locator('#order-1042.flash').waitFor()
  assert.equal(await tab.inputValue('#note'), 'half typ')
  assert.equal(await tab.evaluate(() => document.activeElement.id), 'note')
  await tab.getByText(/Refreshed 1 part in \d+ ms by refresh-orders/).waitFor()
  await tab.locator('#events li', { hasText: 'refresh-orders' }).first().waitFor()
  assert.equal(await tab.textContent('#curl-status'), 'ready')
  await shoot(tab, 'light')
})

await check('the form changes an order and shows a refusal in words', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }, async (tab) => {
  await tab.click('#order-1043 .pick')
  assert.equal(await tab.inputValue('[name=total]'), '80.50')
  await tab.fill('[name=total]', '-5')
  await tab.getByRole('button', { name: 'Save' }).click()
  await tab.getByText('total must not be negative').waitFor()
  await tab.fill('[name=total]', '1500.00')
  await tab.getByRole('button', { name: 'Save' }).click()
  await tab.getByText('Order 1043 is saved.').waitFor()
  await tab.locator('.toast.alert', { hasText: 'Order 1043 is over 1,000' }).waitFor()
  await tab.locator('#order-1043', { hasText: '1500.00' }).waitFor()
  await shoot(tab, 'dark')
})

await check('a user gets what is for him alone, also after a reload; a guest does not', { viewport: { width: 390, height: 844 } }, async (tab) => {
  const ready = (status) => fetch(`${url}orders/1043`, { method: 'PATCH', body: JSON.stringify({ status, total: '80.50' }) })
  await ready('ready')
  await tab.locator('#order-1043 .badge.ready').waitFor()
  await tab.getByRole('textbox', { name: 'User' }).fill('anna')
  await tab.getByRole('button', { name: 'Log in' }).click()
  await tab.getByText('User or password is wrong.').waitFor()
  assert.equal(await tab.locator('.toast').count(), 0)
  await tab.getByLabel('Password').fill('anna')
  await tab.getByRole('button', { name: 'Log in' }).click()
  await tab.getByText('Messages to anna arrive here now.').waitFor()
  for (const step of ['logs in', 'reloads']) {
    await tab.locator('html[data-cue-status=live]').waitFor()
    while (io.of('/').adapter.rooms.get('anna')?.size !== 2) await new Promise((resolve) => setTimeout(resolve, 20))
    await ready('ready')
    await tab.locator('.toast.message', { hasText: 'Order 1043 is ready' }).waitFor()
    await tab.locator('#events li', { hasText: 'message "Order 1043 is ready"' }).first().waitFor()
    if (step === 'logs in') {
      await shoot(tab, 'phone')
      await tab.reload()
    }
  }
  assert.equal(await tab.textContent('#user'), 'anna')
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the phone scrolls sideways')
  await tab.getByRole('button', { name: 'Log out' }).click()
  await tab.getByText('You are a guest').waitFor()
})

await check('a session that has ended makes a guest', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' }, async (tab) => {
  await tab.evaluate(() => sessionStorage.setItem('cuelight-demo-session', '{"token":"old","username":"anna"}'))
  await tab.reload()
  await tab.locator('html[data-cue-status=live]').waitFor()
  await tab.getByText('You are a guest').waitFor()
  await shoot(tab, 'phone-dark')
})

await check('tabs go by keyboard and code is copied', { permissions: ['clipboard-read', 'clipboard-write'] }, async (tab) => {
  await tab.getByRole('tab', { name: 'HTML' }).focus()
  await tab.keyboard.press('ArrowRight')
  await tab.getByRole('tabpanel', { name: 'React' }).waitFor()
  await tab.getByRole('tabpanel').getByRole('button', { name: 'Copy' }).click()
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /^import \{ useEffect/)
  await shoot(tab, 'react')
})

await browser.close()
await io.close()
console.log(`${results.passed} passed, ${results.failed} failed`)
process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1)
