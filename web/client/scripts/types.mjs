// Writes the type declarations of the packages: those that their entries lead to, with the extensions that Node asks for.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const packages = { client: ['index'], react: ['react/index', 'react/query'] }

const all = mkdtempSync(join(tmpdir(), 'cuelight-types-'))
const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--stripInternal', '--rootDir', 'src', '--outDir', all]
execFileSync(process.execPath, [tsc, '-p', here, ...options], { cwd: here, stdio: 'inherit' })
for (const [name, entries] of Object.entries(packages)) {
  const written = new Set()
  for (const entry of entries) write(entry, join(here, 'dist', name, 'types'), written)
}
rmSync(all, { recursive: true })

function write(module, target, written) {
  if (written.has(module)) return
  written.add(module)
  const file = join(target, `${module}.d.ts`)
  const text = readFileSync(join(all, `${module}.d.ts`), 'utf8').replace(/(from |import\()(['"])(\.[^'"]*)\2/g, (_, before, quote, path) => {
    write(normalize(join(dirname(module), path)), target, written)
    return `${before}${quote}${path}.js${quote}`
  })
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}
