// Prints what the built app weighs and fails when it is over its budget (builder.md 2.3).
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const assets = new URL('../dist/assets/', import.meta.url)
const weigh = (name) => gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length
const names = readdirSync(assets).sort()
// The shell is what the page loads at once: its script and what that imports, and the styles.
const shell = new Set(['index.js'])
for (const name of shell) {
  for (const [, other] of readFileSync(new URL(name, assets), 'utf8').matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g)) shell.add(other)
}
const first = names.filter((name) => shell.has(name) || name.endsWith('.css'))
const sum = (list) => list.reduce((bytes, name) => bytes + weigh(name), 0)

for (const [what, list, budget] of [['shell and styles', first, 190 * 1024], ['everything', names, 480 * 1024]]) {
  const bytes = sum(list)
  console.log(`${what}: ${bytes} bytes gzip -9, budget ${budget}`)
  if (bytes > budget) {
    console.error(`${what}: ${bytes - budget} bytes over the budget`)
    process.exitCode = 1
  }
}
