package main

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/cuelight/cuelight/store/storetest"
)

// binary is the server under torture, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cuelight-torture-")
	if err == nil {
		binary, err = build(context.Background(), dir)
	}
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// testOutput shows what a torture did beside the test.
type testOutput struct{ t *testing.T }

func (o testOutput) Write(p []byte) (int, error) {
	o.t.Logf("%s", p)
	return len(p), nil
}

func TestNothingAcknowledgedIsLostWhenTheServerIsKilled(t *testing.T) {
	for name, p := range map[string]plan{
		"sqlite":   {store: "sqlite", kills: 20},
		"postgres": {store: "postgres", kills: 20, stops: 5},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "postgres" {
				storetest.NeedServer(t)
			}
			p.writers, p.pages, p.binary, p.seed = 6, 6, binary, rand.Uint64()
			t.Logf("again with: go run ./cmd/torture -store %s -kills %d -stops %d -seed %d", p.store, p.kills, p.stops, p.seed)
			p.mustPass(t)
		})
	}
}

func TestALoopThatIsKilledEditsEveryObjectOnce(t *testing.T) {
	for _, store := range []string{"sqlite", "postgres"} {
		t.Run(store, func(t *testing.T) {
			if store == "postgres" {
				storetest.NeedServer(t)
			}
			p := plan{store: store, loop: 2000, kills: 5, binary: binary, seed: rand.Uint64()}
			t.Logf("again with: go run ./cmd/torture -loop -objects %d -store %s -kills %d -seed %d", p.loop, p.store, p.kills, p.seed)
			p.mustPass(t)
		})
	}
}

// mustPass carries the plan out and fails the test for each violation.
func (p plan) mustPass(t *testing.T) {
	t.Helper()
	faults, err := p.run(t.Context(), testOutput{t})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range faults {
		if i < 20 {
			t.Error(f)
		}
	}
}
