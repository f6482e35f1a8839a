// The real program with the demo in it, as a process of its own.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'cuelight-apps-'))
const binary = process.env.CUELIGHT_BINARY ?? join(dir, 'cuelight')
if (!process.env.CUELIGHT_BINARY) {
  execFileSync('go', ['build', '-o', binary, './cmd/cuelight'], { cwd: root, stdio: 'inherit', env: { ...process.env, CGO_ENABLED: '0' } })
}

const data = join(dir, 'data')
let child
let address = '127.0.0.1:0'

/** Starts the server, the next time with the same data at the same address, and returns where it is. */
export async function start() {
  child = spawn(binary, ['serve', '--demo', '--data', data, '--listen', address], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /^Demo page +(http\S+)\/demo\/$/.exec(line) ?? []
    if (url) address = new URL(url).host
    if (line.startsWith('Ready')) return `http://${address}`
  }
  throw new Error('the server did not start')
}

/** Ends the server: SIGTERM as a service manager does, SIGKILL as a power cut. */
export async function stop(signal = 'SIGTERM') {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

/** Makes a user of an app, with the id as the password. */
export function makeUser(app, id) {
  execFileSync(binary, ['user', 'create', '--data', data, '--app', app, '--password-stdin', id], { input: `${id}\n` })
}

export const clean = () => rmSync(dir, { recursive: true, force: true })
