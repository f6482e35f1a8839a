package storetest

import "testing"

// StartServer starts a server for a program that is not a test; Close it.
func StartServer() (*Server, error) { return newServer() }

// Close stops the server and removes its data.
func (s *Server) Close() { s.remove() }

// NeedServer skips a test where no server can be started, and fails it when CI is set.
func NeedServer(t testing.TB) {
	if _, err := programs(); err != nil {
		without(t, err)
	}
}
