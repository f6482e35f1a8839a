// Chromium, and one check of a page in it.
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

import { startServer, until } from './server.mjs'

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
})
const results = { passed: 0, failed: 0 }
let finishing = false
browser.on('disconnected', () => {
  if (finishing) return
  console.log(`the browser is gone\n${results.passed} passed, ${results.failed + 1} failed`)
  process.exit(1)
})
const only = process.argv[2]

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** What the browser itself says of a request that failed, for the checks in which one has to. */
export const network = /Failed to load resource|WebSocket connection to/

/** One check: its own server, its own page; what the page throws, its CSP refuses or its console shows is a failure. */
export async function check(name, options, drive) {
  if (only && !name.includes(only)) return
  const server = await startServer(options)
  const tab = await (await browser.newContext(options.context)).newPage()
  const complaints = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => {
    if (line.type() === 'error' && !options.allow?.test(line.text())) complaints.push(line.text())
  })
  await tab.addInitScript(() => {
    window.heard = []
    for (const name of ['event', 'before-refresh', 'refreshed', 'error', 'status']) {
      addEventListener(`cuelight:${name}`, (e) =>
        window.heard.push({ name, ...e.detail, target: e.target.id ?? '', at: performance.now() }))
    }
  })
  const heard = (name) => tab.evaluate((wanted) => window.heard.filter((e) => e.name === wanted), name)
  const context = {
    server, tab, heard,
    status: (value) => until(() => tab.evaluate((v) => document.documentElement.dataset.cueStatus === v, value), value),
    refreshed: (n) => until(async () => (await heard('refreshed')).length >= n, `${n} refreshes`),
    text: (selector) => tab.textContent(selector),
    open: async (path = '/') => {
      await tab.goto(server.url + path)
      await tab.evaluate(() => (window.firstLoad = true))
    },
  }
  try {
    await drive(context)
    assert.deepEqual(complaints, [], 'the page complained')
    results.passed++
    console.log(`ok      ${name}`)
  } catch (error) {
    results.failed++
    console.log(`FAILED  ${name}\n${error.stack}\n${complaints.join('\n')}`)
  } finally {
    await tab.context().close()
    await server.stop().catch(() => {})
  }
}

/** Prints what passed and failed, and ends. */
export async function finish() {
  finishing = true
  await browser.close()
  console.log(`${results.passed} passed, ${results.failed} failed`)
  process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1)
}
