package app

import (
	"fmt"
	"sync"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// BenchmarkRuns measures whole runs: update → condition → edit → push → done, with a number of clients that each wait for their write.
func BenchmarkRuns(b *testing.B) {
	for _, clients := range []int{1, 16, 128} {
		for name, open := range stores(b) {
			b.Run(fmt.Sprintf("%s/%d", name, clients), func(b *testing.B) {
				w := benchWorld(b, open(b))
				defer w.Close()
				b.ResetTimer()
				var wg sync.WaitGroup
				for c := range clients {
					wg.Go(func() {
						for i := c; i < b.N; i += clients {
							out, err := w.Write(b.Context(), engine.Write{
								App: app, Kind: engine.WritePatch, Structure: "Order", ID: fmt.Sprint(c),
								Fields: benchFields(i), Who: "bench",
							})
							if err != nil {
								b.Error(err)
								return
							}
							if _, err := w.Await(b.Context(), app, out.Runs); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
			})
		}
	}
}
