package steps

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// FuzzDocument checks that any text is either refused with words or a document that means the same after being written again.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"id":"a","structure":"User","triggers":[],"steps":[{"id":"p","kind":"push","to":"*","event":"e","message":{"a":["{{ object.name }}"]}}]}`))
	f.Add([]byte(`{"id":"a","steps":[{"id":"c","kind":"condition","if":"vars.x == null","then":[{"id":"d","kind":"delay","for":"5m"}],"else":[{"id":"s","kind":"stop"}]}]}`))
	f.Add([]byte(`{"id":"a","steps":[{"id":"v","kind":"set_variables","set":{"x":1,"y":"{{ vars.x }}"}}],"catch":[{"id":"e","kind":"push","to":"{{ error.step }}","event":"x"}]}`))
	f.Add([]byte(`{"id":"Order","fields":[{"id":"n","type":"string","auto":"A-{000}","unique":true},{"id":"d","type":"decimal","default":"1.50"}]}`))
	f.Add([]byte(`{"id":"a","steps":[{"id":"x","kind":"edit_object","set":{"name":null}}]}{}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		kinds := engine.Kinds{Steps: All()}
		for _, kind := range []string{"scenario", "structure"} {
			problems := engine.NewChecker(kinds).Check(kind, doc)
			for _, p := range problems {
				if p.Message == "" || p.Code == "" {
					t.Errorf("problem without words: %+v", p)
				}
			}
			if len(problems) > 0 {
				continue
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, doc); err != nil {
				t.Fatalf("accepted %q, which is no JSON", doc)
			}
			if again := engine.NewChecker(kinds).Check(kind, compact.Bytes()); len(again) > 0 {
				t.Errorf("accepted %q and then refused %q: %v", doc, compact.Bytes(), again)
			}
		}
	})
}
