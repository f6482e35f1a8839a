// Runs stock clients for the Go tests. Commands come as JSON lines on stdin, everything that happens goes out as JSON lines on stdout.
const readline = require('node:readline');
const clients = new Map();
const say = (name, what, rest = {}) => process.stdout.write(JSON.stringify({ name, what, ...rest }) + '\n');

function open({ name, version, url, transports, auth, headers }) {
  const { io } = require('client-' + version);
  const socket = io(url, {
    transports, auth, extraHeaders: headers, forceNew: true,
    reconnectionDelay: 20, reconnectionDelayMax: 100, randomizationFactor: 0.1, timeout: 5000,
  });
  clients.set(name, socket);
  socket.on('connect', () => say(name, 'connect', { recovered: socket.recovered === true, id: socket.id, transport: socket.io.engine.transport.name }));
  socket.on('connect_error', (e) => say(name, e.data ? 'refused' : 'trouble', { message: e.message, data: e.data }));
  socket.on('disconnect', (reason) => say(name, 'disconnect', { reason }));
  socket.onAny((eventName, args) => say(name, 'any', { event: eventName, args }));
  socket.on('message', (msg) => say(name, 'message', { args: msg }));
  socket.io.on('open', () => socket.io.engine.on('upgrade', (t) => say(name, 'upgrade', { transport: t.name })));
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const c = JSON.parse(line);
  const socket = clients.get(c.name);
  if (c.do === 'open') open(c);
  if (c.do === 'auth') socket.auth = c.auth;
  if (c.do === 'emit') socket.emit(...c.args, (answer) => say(c.name, 'ack', { args: answer }));
  if (c.do === 'close') socket.disconnect();
}).on('close', () => process.exit(0));
