// A stand-in for Cuelight: pages over HTTP and the reference Socket.IO server with connection state recovery.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const script = readFileSync(new URL('../dist/cuelight.js', import.meta.url))
const strict = "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'"

/** Starts a server on the port (0: any free one). `routes` maps a path to (request) => body or {status, headers, body}. */
export async function startServer({ port = 0, routes = {}, admit, csp = (strict) => strict, cors = false } = {}) {
  const send = sender(csp(strict))
  const requests = []
  const http = createServer((request, response) => {
    const url = new URL(request.url, 'http://test')
    requests.push({ path: url.pathname, refresh: request.headers['x-cuelight-refresh'] ?? '' })
    if (url.pathname === '/cuelight.js') return send(response, { type: 'text/javascript', body: script })
    if (url.pathname === '/favicon.ico') return send(response, { status: 204 })
    const route = routes[url.pathname]
    Promise.resolve(route ? route(request) : { status: 404, body: 'not found' }).then((answer) =>
      send(response, typeof answer === 'string' ? { body: answer } : answer),
    )
  })
  const io = new Server(http, { connectionStateRecovery: { maxDisconnectionDuration: 60_000 }, pingInterval: 2000, cors: cors && { origin: '*' } })
  const auths = []
  const receipts = []
  if (admit) io.use((socket, next) => next(admit(socket.handshake.auth)))
  io.on('connection', (socket) => {
    auths.push(socket.handshake.auth)
    socket.on('cue:got', (offset) => receipts.push({ offset, at: Date.now() }))
  })
  await new Promise((resolve) => http.listen(port, '127.0.0.1', resolve))
  const bound = http.address().port
  return {
    io, http, auths, receipts, requests, port: bound, url: `http://127.0.0.1:${bound}`,
    /** How often the path was fetched by the Refresher. */
    fetches: (path) => requests.filter((request) => request.path === path && request.refresh === '1').length,
    /** Waits until n sockets are connected. */
    connected: (n = 1) => until(() => io.of('/').sockets.size >= n, `${n} sockets`),
    /** Stops as a killed process does: no goodbye. */
    stop: async () => {
      for (const socket of io.of('/').sockets.values()) socket.conn.transport.close()
      http.closeAllConnections()
      await io.close()
    },
  }
}

const sender = (csp) => (response, { status = 200, type = 'text/html; charset=utf-8', headers = {}, body = '' }) => {
  response.writeHead(status, { 'content-type': type, 'content-security-policy': csp, ...headers })
  response.end(body)
}

/** Polls until the condition holds; fails with its name after 10 s. */
export async function until(condition, name) {
  const end = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited 10 s for: ${name}`)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
}

/** A page around the body. */
export function page(body, { html = '', script = 'data-app="shop"' } = {}) {
  return `<!doctype html><html ${html}><head><meta charset="utf-8"><title>Test</title>
<script src="/cuelight.js" ${script} defer></script></head><body>${body}</body></html>`
}
