package postgres

import (
	"context"
	"errors"

	"github.com/cuelight/cuelight/engine"
)

// Objects returns a page of objects.
func (s *Store) Objects(ctx context.Context, q engine.ObjectQuery) (engine.ObjectPage, error) {
	return engine.ObjectPage{}, errors.New("not written yet")
}
