// Package live is the embedded Socket.IO server: it brings committed pushes to the devices that are connected to this node.
//
// The library (zishang520/socket.io) keeps the protocol: handshake, upgrade, namespaces, CONNECT. Everything that decides who gets what, and
// everything that can hold memory, is ours. From the outside inwards:
//
//	guard.go      an HTTP request is refused before the library sees it, or counted
//	transport.go  polling.go   bytes: one write at a time per socket, with a deadline; nothing is queued behind it but what the library says itself
//	parser.go     text packets only; a CONNECT is rewritten so that the library always asks RestoreSession
//	adapter.go    RestoreSession: who is it (Door), where does it go on (pid, offset), under a fresh socket id
//	conn.go       what we know of one engine socket, from handshake to close
//	tail.go       one app on this node: its ring, its cursors, and how it follows the push log
//	ring.go       the pushes of the replay window, encoded once, as one list per receiver
//	cursor.go     a socket's position in the ring, and the writer that moves it
//
// Beside "/" there is a namespace for accounts, which shares the guard and the transports and nothing else:
//
//	admin.go      a one-use ticket (ticket.go) lets a window of the web app in, for one app, while the login behind it stands
//	watch.go  told.go   what the windows are told: bounded, gathered ten times a second, sampled where it is too much to look at
//	console.go    the open connections and those that were refused
//
// A push is a row before it is a packet: a cursor that falls behind costs nothing, and one that falls out of the ring is closed and comes back.
package live
