// Does what the walk-throughs of the help say, with the files and commands that stand in them.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { browser, check, folder, restart, url } from './harness.mjs'

const cue = url.replace(/\/$/, '')
const pages = new URL('../pages/', import.meta.url)
const children = []

export async function walk() {
  // What npm install socket.io-client gives.
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  await check('five minutes: the status board shows what happens', { free: true }, board)
  await check('the order desk renews itself, and half-typed text stays', { free: true }, desk)
  await check('two people write to each other, through a restart too', { free: true }, messenger)
  await check('an object is pushed into a scenario by hand, and reaches one user', { free: true }, byHand)
  for (const child of children) child.kill()
}

/** Writes the files of a page, carries its commands out, and gives what they printed, with the token that they made. */
function follow(name) {
  const text = readFileSync(new URL(`${name}.md`, pages), 'utf8').replaceAll('http://127.0.0.1:8090', cue)
  const commands = []
  for (const [, file, body] of text.matchAll(/^```(?:\w+ )?(\S*)\n([^]*?)^```$/gm)) {
    if (file.includes('.')) writeFileSync(join(folder, file), body)
    else if (!file) commands.push(...body.replaceAll('\\\n', ' ').split('\n'))
  }
  const printed = {}
  let token = ''
  for (const command of commands.filter((line) => /^(cuelight|curl) /.test(line) && !/^cuelight serve/.test(line))) {
    printed[command] = carryOut(command, token)
    token = /^cue_\S+/.exec(printed[command])?.[0] ?? token
  }
  return { printed, token }
}

function carryOut(command, token) {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const line = command.replaceAll('cue_…', token).replace(/^curl /, 'curl -sS --fail-with-body ')
  return execFileSync('sh', ['-c', line], { cwd: folder, env, encoding: 'utf8' })
}

/** Starts the page's own server and gives its address. */
async function start(file, token) {
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
  children.push(spawn('node', [file], { cwd: folder, env: { ...process.env, CUE_URL: cue, CUE_TOKEN: token, PORT: port }, stdio: 'inherit' }))
  const address = `http://127.0.0.1:${port}/`
  await until(`${file} to answer`, () => fetch(address).then(() => true, () => false))
  return address
}

async function until(what, done) {
  for (const last = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await done()) return
    if (Date.now() > last) throw new Error(`waited in vain for ${what}`)
  }
}

const live = (tab) => tab.locator('html[data-cue-status=live]').waitFor()

async function board(tab) {
  const { printed, token } = follow('five-minutes')
  assert.match(printed['cuelight validate board.yaml'], /3 documents are valid/)
  await tab.goto(pathToFileURL(join(folder, 'board.html')).href)
  await live(tab)
  await tab.locator('li', { hasText: 'Shop' }).locator('b[data-state=down]').waitFor()
  await tab.locator('li', { hasText: 'Phone' }).locator('b[data-state=slow]').waitFor()
  await fetch(`${cue}/api/v1/apps/board/structures/Service/objects/mail`, {
    method: 'PATCH', body: '{"state":"slow"}', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  })
  await tab.locator('li', { hasText: 'Mail' }).locator('b[data-state=slow]').waitFor()
}

async function desk(tab) {
  const address = await start('desk.mjs', follow('order-desk').token)
  const other = await tab.context().newPage()
  for (const one of [tab, other]) {
    await one.goto(address)
    await live(one)
  }
  await other.fill('[name=customer]', 'half typ')
  await tab.fill('[name=customer]', 'Eva')
  await tab.fill('[name=total]', '1200.50')
  await tab.getByRole('button', { name: 'New order' }).click()
  await other.locator('#orders li', { hasText: 'ORD-0001 Eva, 1200.50: new' }).waitFor()
  await other.locator('.cue-toast', { hasText: 'Order ORD-0001 of Eva is over 1000: 1200.50' }).waitFor()
  await tab.getByRole('button', { name: 'paid' }).click()
  await other.locator('#orders li', { hasText: 'ORD-0001 Eva, 1200.50: paid' }).waitFor()
  assert.equal(await other.inputValue('[name=customer]'), 'half typ')
}

async function messenger(anna) {
  const { printed, token } = follow('messenger')
  const password = (user) => Object.entries(printed).find(([command]) => command.includes(`--app chat ${user} `))[1].match(/password: (.*)/)[1]
  const address = await start('chat.mjs', token)
  const ben = await (await browser.newContext()).newPage()
  for (const [tab, user] of [[anna, 'anna'], [ben, 'ben']]) {
    await tab.goto(address)
    await tab.getByLabel('User').fill(user)
    await tab.getByLabel('Password').fill('not the password')
    await tab.getByRole('button', { name: 'Log in' }).click()
    await tab.getByRole('alert').waitFor()
    await tab.getByLabel('User').fill(user)
    await tab.getByLabel('Password').fill(password(user))
    await tab.getByRole('button', { name: 'Log in' }).click()
    await live(tab)
  }
  const heard = listen('ben', password('ben'))
  await until('the stock client to connect', () => heard.some((line) => line.startsWith('connected')))
  const write = async (tab, text) => {
    await tab.getByLabel('Text').fill(text)
    await tab.getByRole('button', { name: 'Send' }).click()
  }
  const says = (tab, text) => tab.locator('#messages li', { hasText: text }).waitFor()
  await write(anna, 'Hello <b>Ben</b>')
  await says(ben, 'anna to ben: Hello <b>Ben</b>')
  await says(anna, 'anna to ben: Hello <b>Ben</b>')
  await write(ben, 'Hi')
  await says(anna, 'ben to anna: Hi')
  await until('the stock client to hear', () => heard.some((line) => line.includes('Hello <b>Ben</b>')))
  await restart(() => anna.locator('html[data-cue-status=reconnecting]').waitFor())
  await live(anna)
  await write(anna, 'Still there?')
  await says(ben, 'anna to ben: Still there?')
  await until('the stock client to come back', () => heard.some((line) => line.includes('and nothing was missed')) && heard.some((line) => line.includes('Still there?')))
}

async function byHand() {
  const { printed, token } = follow('react')
  const [made] = Object.keys(printed).filter((command) => command.includes('user create'))
  const [, password] = /password: (.*)/.exec(printed[made])
  const call = Object.keys(printed).find((command) => command.includes('/call'))
  assert.equal(JSON.parse(printed[call]).status, 'done')
  writeFileSync(join(folder, 'listen.mjs'), readFileSync(join(folder, 'listen.mjs'), 'utf8').replaceAll("chat'", "shop'").replace('appID=chat', 'appID=shop'))
  const heard = listen('testUser', password)
  await until('the stock client to connect', () => heard.some((line) => line.startsWith('connected')))
  carryOut(call, token)
  await until('the message', () => heard.includes('message Order 1042'))
}

/** Runs the page's listen.mjs and gives the lines that it prints. */
function listen(user, password) {
  const child = spawn('node', ['listen.mjs', user, password], { cwd: folder, env: { ...process.env, CUE_URL: cue } })
  children.push(child)
  const lines = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  return lines
}
