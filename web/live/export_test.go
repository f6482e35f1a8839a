package live

// The bounds that tests measure.
const (
	TicketTime        = ticketTime
	MaxTickets        = maxTickets
	MaxAccountTickets = maxAccountTickets
	ShownPush         = shownPush
)

// Dropped says how many messages wait to be told as dropped to the windows of an account.
func (s *Server) Dropped(account string) (n int64) {
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	for w := range s.watchers.all {
		if w.Account == account {
			n += w.dropped
		}
	}
	return n
}
