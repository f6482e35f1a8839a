// Opens many stock clients that begin by polling and go over to a websocket, says "upgraded" when all have done so, and then says of each whether it lost, doubled or swapped anything.
const { createRequire } = require('node:module')
const { join } = require('node:path')
const readline = require('node:readline')

const { url, clients, version, sessions, count, lasting } = JSON.parse(process.argv[2])
const { io } = createRequire(join(clients, 'package.json'))(`client-${version}`)
const all = []
const sum = { connected: 0, upgraded: 0, cut: 0, refused: 0, events: 0, lost: 0, doubled: 0, swapped: 0 }

function open(session) {
  const socket = io(url, { forceNew: true, auth: { app_id: 'demo', session_id: session } })
  const client = { socket, connectedAt: 0, next: {}, first: {}, position: 0 }
  all.push(client)
  socket.on('connect', () => { client.connectedAt = Date.now(); sum.connected++ })
  socket.on('disconnect', () => sum.cut++)
  socket.on('connect_error', () => sum.refused++)
  socket.io.on('open', () => socket.io.engine.on('upgrade', () => {
    if (++sum.upgraded === count) process.stdout.write('"upgraded"\n')
  }))
  // Two lists, everybody's and the user's own, each numbered from 0 without a gap.
  socket.onAny((list, n, offset) => {
    const position = Number(offset.split('.')[1])
    if (position <= client.position) sum.swapped++
    client.position = position
    if (list === 'clock') return // the demo tells the time at each full minute
    sum.events++
    const next = client.next[list]
    if (next === undefined) client.first[list] = n
    else if (n > next) sum.lost += n - next
    else if (n < next) sum.doubled++
    client.next[list] = n + 1
  })
}

for (let i = 0; i < count; i++) setTimeout(() => open(sessions[i % sessions.length]), (i * lasting) / count)

// Each line names how many there are on each list; the answer comes when all have everything, or after the time.
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { ends, sent, within } = JSON.parse(line)
  const complete = () => all.every(({ next }) => Object.entries(ends).every(([list, end]) => next[list] === end))
  const end = Date.now() + within
  const look = setInterval(() => {
    if (!complete() && Date.now() < end) return
    clearInterval(look)
    for (const client of all) {
      for (const [list, end] of Object.entries(ends)) {
        sum.lost += end - (client.next[list] ?? 0)
        // The first of the list that was sent after the connect is where it has to begin, at the latest.
        const due = sent[list].findIndex((at) => at > client.connectedAt)
        if (due >= 0 && client.first[list] > due) sum.lost += client.first[list] - due
      }
    }
    process.stdout.write(JSON.stringify(sum) + '\n')
  }, 20)
}).on('close', () => process.exit())
