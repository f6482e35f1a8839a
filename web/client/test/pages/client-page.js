import { Cuelight } from '@cuelight/client'
import { io } from 'socket.io-client'

const socket = io({ autoConnect: false, auth: { app_id: 'shop', session_id: 's1' } })
const start = () => {
  window.cue = new Cuelight({ socket, alerts: 'top-right' })
  window.got = []
  window.cue.on('x', (...args) => window.got.push(args))
}

// As a page that connects early and renews itself later.
if (location.pathname === '/late') socket.on('connect', () => setTimeout(start))
else start()
socket.connect()
