// Runs go test with the given arguments: one line per package, the output of what failed or was skipped, and a plain
// closing line. With CI set a skipped test is a failed one: a green run must mean that everything ran.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const strict = Boolean(process.env.CI)
const go = spawn('go', ['test', '-json', ...process.argv.slice(2)], { stdio: ['ignore', 'pipe', 'inherit'] })
const count = { pass: 0, fail: 0, skip: 0 }
const output = new Map()

for await (const line of createInterface({ input: go.stdout })) {
  let event
  try {
    event = JSON.parse(line)
  } catch {
    console.log(line)
    continue
  }
  see(event)
}
const code = go.exitCode ?? (await new Promise((resolve) => go.once('close', resolve)))
if (code !== 0 && count.fail === 0) count.fail = 1 // vet, or a package that died
console.log(`${count.pass} passed, ${count.fail + (strict ? count.skip : 0)} failed${count.skip ? `, ${count.skip} skipped` : ''}`)
if (strict && count.skip) console.log('a skipped test fails here')
process.exit(code !== 0 || count.fail > 0 || count.pass === 0 || (strict && count.skip > 0) ? 1 : 0)

function see({ Action: action, Package: name, ImportPath: built, Test: test, Output: text, Elapsed: elapsed }) {
  const key = `${name ?? built} ${test ?? ''}`
  if (action === 'output' || action === 'build-output') {
    output.set(key, [...(output.get(key) ?? []), text])
    return
  }
  if (!['pass', 'fail', 'skip', 'build-fail'].includes(action)) return
  if (test) {
    count[action]++
    if (action !== 'pass') process.stdout.write(`--- ${action.toUpperCase()}: ${name} ${test}\n${(output.get(key) ?? []).join('')}`)
  } else if (action === 'fail' || action === 'build-fail') {
    // A package fails with its tests, or by itself: it does not compile, or it was killed.
    if (action === 'build-fail') count.fail++
    process.stdout.write(`FAIL    ${name ?? built}\n${(output.get(key) ?? []).join('')}`)
  } else if (action === 'pass') {
    console.log(`ok      ${name} ${elapsed}s`)
  }
  output.delete(key)
}
