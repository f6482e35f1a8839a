// Prints the size of the built script and fails when it is over its budget.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const budget = 19 * 1024
const script = readFileSync(new URL('../dist/cuelight.js', import.meta.url))
const gzip = gzipSync(script, { level: 9 }).length

console.log(`cuelight.js: ${script.length} bytes, ${gzip} bytes gzip -9, budget ${budget}`)
if (gzip > budget) {
  console.error(`cuelight.js is ${gzip - budget} bytes over its budget`)
  process.exit(1)
}
