// Fails when a component of the kit is used whose styles src/styles.ts does not import.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const kit = dirname(createRequire(import.meta.url).resolve('@mantine/core/styles/global.css'))
const styles = readFileSync(new URL('../src/styles.ts', import.meta.url), 'utf8')
const used = new Set()
const src = new URL('../src/', import.meta.url)
for (const file of readdirSync(src, { recursive: true }).filter((name) => name.endsWith('.tsx'))) {
  for (const [, names] of readFileSync(new URL(file, src), 'utf8').matchAll(/import \{([^}]*)\} from '@mantine\/core'/g)) {
    for (const name of names.split(',')) used.add(name.trim())
  }
}
const missing = [...used].filter((name) => existsSync(join(kit, `${name}.css`)) && !styles.includes(`/${name}.css'`))
if (missing.length > 0) {
  console.error(`src/styles.ts lacks ${missing.join(', ')}`)
  process.exitCode = 1
}
