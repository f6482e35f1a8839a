// The program with its demo, as it is built from this tree, and a browser that complains about what pages should not do.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'cuelight-app-'))
const program = join(folder, 'cuelight')
execFileSync('go', ['build', '-o', program, './cmd/cuelight'], { cwd: root, stdio: 'inherit' })

let server
process.on('exit', () => server?.kill('SIGKILL')) // also where a check script itself breaks
async function serve(listen) {
  server = spawn(program, ['serve', '--demo', '--data', join(folder, 'data'), '--listen', listen, '--limit', 'requests=100000', '--limit', 'pushes=100000', '--limit', 'batches=100000'], { cwd: folder, env: { ...process.env, CUELIGHT_LOG_LEVEL: 'error' }, stdio: ['ignore', 'pipe', 'ignore'] })
  const said = {}
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    createInterface({ input: server.stdout }).on('line', (line) => {
      const [what, value] = line.split(/\s{2,}/)
      said[what] = value
      if (line.startsWith('Ready')) resolve(said)
    })
  })
}

/** Ends the server at once, as a crash does. */
export async function kill() {
  server.removeAllListeners('exit')
  server.kill('SIGKILL')
  await new Promise((resolve) => server.once('exit', resolve))
}

const said = await serve('127.0.0.1:0')
export const url = new URL(said['Demo page']).origin
export const setup = said['Set-up'].split(' ')[0]
export const token = said['API token']

/** What the command line of the program says of this server. */
export const run = (...args) => execFileSync(program, [...args, '--data', join(folder, 'data')], { cwd: folder, encoding: 'utf8' })

/** Starts the server again where it was. */
export const revive = () => serve(new URL(url).host)

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})

const results = { passed: 0, failed: 0 }
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const shots = process.argv[2]

/** Everything that a check opens shares this login. */
export const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', colorScheme: 'light' })

/** Gives drive a tab. What the console says and what leaves the server fail the check, unless free is set. */
export async function check(name, { free, as = context } = {}, drive) {
  const tab = await as.newPage()
  tab.setDefaultTimeout(15_000)
  const complaints = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => !free && ['error', 'warning'].includes(line.type()) && complaints.push(line.text()))
  tab.on('request', (request) => request.url().startsWith(url) || request.url().startsWith('data:') || complaints.push(`asked ${request.url()}`))
  try {
    await drive(tab)
    assert.deepEqual(complaints, [], 'the page complained')
    results.passed++
    console.log(`ok      ${name}`)
  } catch (error) {
    results.failed++
    console.log(`FAILED  ${name}\n${error.stack}`)
    if (shots) await tab.screenshot({ path: join(shots, `failed-${name.replaceAll(' ', '-')}.png`) }).catch(() => {})
  } finally {
    if (shots) await tab.screenshot({ path: join(shots, `${name.replaceAll(' ', '-')}.png`), fullPage: true }).catch(() => {})
    await tab.close()
  }
}

/** Asks the API as the login of the tab, below /api/v1; anything but success fails. */
export async function call(tab, method, path, body, headers = {}) {
  const answer = await tab.request.fetch(`${url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { data: body }) })
  const text = await answer.text()
  assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${text}`)
  return text ? JSON.parse(text) : undefined
}

/** The same in the demo's app. */
export const api = (tab, method, path, body, headers) => call(tab, method, `/apps/demo${path}`, body, headers)

/** Saves a draft of a scenario about orders. */
export const make = (tab, id, doc = {}) => api(tab, 'PUT', `/scenarios/${id}/draft`, { kind: 'scenario', id, name: id, structure: 'Order', triggers: [], steps: [], ...doc })

/** Makes the first account, by the printed link. */
export async function signIn(tab) {
  await tab.goto(setup)
  await tab.getByLabel('E-mail').fill('ada@example.com')
  await tab.getByLabel(/Password/).fill('a long enough password 1')
  await tab.getByRole('button').click()
  await tab.getByRole('heading', { name: 'Your first five minutes' }).waitFor()
}

/** A page of a user of the demo that is connected; its title is the last event with its message, window.seen are all. */
export async function pageOf(user) {
  const page = await context.newPage()
  const login = await page.request.post(`${url}/good/api/v5/auth?appID=demo`, { data: { username: user, password: user } })
  await page.goto(`${url}/a/demo/`)
  await page.evaluate((session) => {
    window.seen = []
    const script = document.createElement('script')
    script.src = '/cuelight.js'
    script.dataset.app = 'demo'
    script.dataset.session = session
    document.addEventListener('cuelight:event', (e) => {
      document.title = `${e.detail.event}: ${e.detail.message}`
      window.seen.push(`${e.detail.event}: ${e.detail.message}`)
    })
    document.head.append(script)
  }, (await login.json()).result.token)
  await page.locator('html[data-cue-status=live]').waitFor()
  return page
}

/** Fails when the page has barriers that axe knows (WCAG 2.2 AA). */
export async function accessible(tab, where) {
  // Evaluated by the driver, which no policy of the page forbids.
  await tab.evaluate(axe)
  const found = await tab.evaluate(() => window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))
  const barriers = found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}`))
  assert.deepEqual(barriers, [], `barriers at ${where}`)
}

/** Ends all and says how it went. */
export async function finish() {
  await browser.close()
  await kill()
  rmSync(folder, { recursive: true, force: true })
  console.log(`${results.passed} passed, ${results.failed} failed`)
  process.exitCode = results.failed > 0 ? 1 : 0
}
