package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Delivery counts what became of the pushes that one step of a run sent. What is written adds to what is there.
type Delivery struct {
	App AppID
	Run RunID
	Seq int64
	// Node is the node that counted, and told apart from its earlier lives; the engine fills it in. It is empty in a sum over nodes.
	Node string
	// Online is how many sockets of the receivers were open when the pushes were handed to the sockets.
	Online int64
	// Delivered is to how many sockets the pushes were written, replays after a reconnect included.
	Delivered int64
	// Received is how many of those sockets confirmed it.
	Received int64
}

const (
	deliveriesAtOnce = 500
	deliveryBytes    = 160 // about what one weighs in memory
)

// Deliveries adds to the log of runs what this node has counted. It is not repeated after an error, since that would count twice; the error
// names what may be missing.
func (e *Engine) Deliveries(ctx context.Context, counted []Delivery) error {
	byApp := map[AppID][]*Delivery{}
	var apps []AppID // in the order of their first one, so that no map's order decides
	for _, d := range counted {
		if byApp[d.App] == nil {
			apps = append(apps, d.App)
		}
		d.Node = e.node
		byApp[d.App] = append(byApp[d.App], &d)
	}
	var errs []error
	for _, app := range apps {
		for chunk := range slices.Chunk(byApp[app], deliveriesAtOnce) {
			_, err := e.commit(ctx, Op{
				App: app, Bytes: len(chunk) * deliveryBytes,
				Decide: func(*Loaded) (Effects, error) { return Effects{Deliveries: chunk}, nil },
			})
			if err != nil {
				errs = append(errs, fmt.Errorf("write %d deliveries of app %s: %w", len(chunk), app, err))
			}
		}
	}
	return errors.Join(errs...)
}
