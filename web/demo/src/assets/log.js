// A stock socket.io-client, as any front-end would use it, and a list of all that it hears.
import { now } from './now.js'

const limit = 50

/** Starts the log and returns its socket. */
export function startLog(list, app) {
  const socket = window.io({ autoConnect: false })
  socket.auth = { app_id: app }
  socket.onAny((event, ...args) => add(list, event, args.map((arg) => JSON.stringify(arg)).join(', ')))
  socket.on('connect', () => add(list, 'connect', socket.recovered ? 'recovered' : socket.id, 'quiet'))
  socket.on('disconnect', (reason) => add(list, 'disconnect', reason, 'quiet'))
  socket.on('connect_error', (error) => add(list, 'connect_error', error.message, 'bad'))
  socket.connect()
  return socket
}

function add(list, event, text, kind = '') {
  const line = Object.assign(document.createElement('li'), { className: kind })
  for (const [tag, content] of [['time', now()], ['b', event], ['span', text]]) {
    line.append(Object.assign(document.createElement(tag), { textContent: content }), ' ')
  }
  list.prepend(line)
  while (list.children.length > limit) list.lastChild.remove()
}
