// Prints the sizes of what was built and fails when one is over its budget.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

// React and socket.io-client are the page's own and not in the hooks.
const budgets = { 'cuelight.js': 19 * 1024, 'react/index.js': 2 * 1024 }

for (const [name, budget] of Object.entries(budgets)) {
  const script = readFileSync(new URL(`../dist/${name}`, import.meta.url))
  const gzip = gzipSync(script, { level: 9 }).length
  console.log(`${name}: ${script.length} bytes, ${gzip} bytes gzip -9, budget ${budget}`)
  if (gzip > budget) {
    console.error(`${name} is ${gzip - budget} bytes over its budget`)
    process.exitCode = 1
  }
}
