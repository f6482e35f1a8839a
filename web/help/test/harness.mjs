// The program, as it is built from this tree, with a folder of its own, and a browser that complains about what pages should not do.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const root = fileURLToPath(new URL('../../..', import.meta.url))
export const folder = mkdtempSync(join(tmpdir(), 'cuelight-help-'))
const program = join(folder, 'cuelight')
execFileSync('go', ['build', '-o', program, './cmd/cuelight'], { cwd: root, stdio: 'inherit' })

let server
async function serve(listen) {
  server = spawn(program, ['serve', '--listen', listen], { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] })
  return new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    createInterface({ input: server.stdout }).on('line', (line) => line.startsWith('Server ') && resolve(line.split(/\s+/)[1]))
  })
}

async function stop() {
  server.removeAllListeners('exit')
  server.kill()
  await new Promise((resolve) => server.once('exit', resolve))
}

export const url = await serve('127.0.0.1:0')

/** Stops the server, calls between, and starts it again where it was. */
export async function restart(between) {
  await stop()
  await between()
  await serve(new URL(url).host)
}

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const results = { passed: 0, failed: 0 }

/** Gives drive a tab. What the console says and what leaves the server fail the check, unless free is set. */
export async function check(name, { free, ...settings }, drive) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings })
  const tab = await context.newPage()
  tab.setDefaultTimeout(15_000)
  const complaints = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (line) => !free && ['error', 'warning'].includes(line.type()) && complaints.push(line.text()))
  tab.on('request', (request) => free || request.url().startsWith(url) || complaints.push(`asked ${request.url()}`))
  try {
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

export async function end() {
  await browser.close()
  await stop()
  rmSync(folder, { recursive: true })
  console.log(`${results.passed} passed, ${results.failed} failed`)
  process.exit(results.failed === 0 && results.passed > 0 ? 0 : 1)
}
