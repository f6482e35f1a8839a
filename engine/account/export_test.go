package account

// HoldHashes takes every place at which a password is hashed, until it is released.
func HoldHashes(s *Service) (release func()) {
	for range hashesAtATime {
		s.hashes <- struct{}{}
	}
	return func() {
		for range hashesAtATime {
			<-s.hashes
		}
	}
}
