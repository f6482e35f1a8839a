// Package client holds cuelight.js, the Refresher: the script that renews parts of a page when an event arrives.
package client

import _ "embed"

//go:embed dist/cuelight.js
var script []byte

// Script returns the built cuelight.js. It is the same for every build of the same sources, so a hash of it is a
// stable ETag. The caller must not change it.
func Script() []byte { return script }
