// Copies the stock Socket.IO client, as published, next to the page's own scripts.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const main = createRequire(import.meta.url).resolve('socket.io-client') // <package>/build/cjs/index.js
const source = readFileSync(join(dirname(main), '../../dist/socket.io.min.js'), 'utf8')
const target = new URL('../src/assets/socket.io.min.js', import.meta.url)
writeFileSync(target, source.replace(/\n\/\/# sourceMappingURL=.*\n?$/, '\n'))
