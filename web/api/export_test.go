package api

import "net/http"

// Pairs is the mux of the API's routes.
type Pairs = pairs

// NewPairs makes one without a route.
func NewPairs() Pairs { return pairs{http.NewServeMux()} }
