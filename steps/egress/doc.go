// Package egress is the only door through which scenarios reach the network. It speaks HTTP with servers of the outside world and refuses
// everything else: what lies in private networks, this machine, our own server, other schemes and ports.
//
// The rule that counts stands where a connection is made: the address that is about to be dialled is judged then and there, so neither a
// name whose answer changes nor a redirect gets past it. Names and spellings of addresses are checked before only for better words.
package egress
