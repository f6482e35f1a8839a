// Leaves out of socket.io-client what a page with Cuelight never uses. The rest of it stays as published.
import { readFileSync } from 'node:fs'

const own = (name) => () => readFileSync(new URL(name, import.meta.url), 'utf8')

// Each turns the published text of a module into the one that is built in.
const replaced = {
  '/socket.io-client/build/esm/index.js': () => `export { Manager } from './manager.js'`,
  '/socket.io-parser/build/esm/index.js': own('socket-io-parser.js'),
  '/engine.io-parser/build/esm/index.js': own('engine-io-parser.js'),
  // Long polling by fetch, which every browser of today has, and no WebTransport, which the server does not speak.
  '/engine.io-client/build/esm/transports/index.js': () => `
    import { Fetch } from './polling-fetch.js'
    import { WS } from './websocket.js'
    export const transports = { websocket: WS, polling: Fetch }`,
  // Cookies of the page's own origin go along, as with XMLHttpRequest: a load balancer may need its own.
  '/engine.io-client/build/esm/transports/polling-fetch.js': (text) => text.replace('"omit"', '"same-origin"'),
  '/engine.io-client/build/esm/index.js': () => `
    export { Socket } from './socket.js'
    export { installTimerFunctions } from './util.js'
    export { nextTick } from './globals.js'`,
}

/** A plugin of the build: gives the shorter text for the modules above, and fails when one of them is no longer as it was. */
export function slim() {
  const met = new Set()
  return {
    name: 'slim',
    load(id) {
      const name = Object.keys(replaced).find((end) => id.endsWith(end))
      if (!name) return null
      const text = readFileSync(id, 'utf8')
      const shorter = replaced[name](text)
      if (shorter !== text) met.add(name)
      return shorter
    },
    generateBundle() {
      const missing = Object.keys(replaced).filter((name) => !met.has(name))
      if (missing.length > 0) this.error(`no longer part of socket.io-client: ${missing.join(', ')}`)
    },
  }
}
