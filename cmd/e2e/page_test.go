package e2e

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// said is one line of browser.cjs: how a check went, or what the test shall do.
type said struct {
	Check, Error, Ask string
	OK, Done          bool
	Figures           map[string]int
}

// TestDemoPageInChromium drives the demo page, and pages of another origin, in a real browser. With CUELIGHT_SCREENSHOTS it leaves pictures in
// the folder screenshots at the repository's top, which git ignores.
func TestDemoPageInChromium(t *testing.T) {
	web := playwright(t)
	onEachStore(t, func(t *testing.T, s *server) {
		g := newGate(t, s)
		setup := map[string]string{"url": s.url, "page": g.url, "token": s.token, "web": web, "chromium": chromium()}
		if os.Getenv("CUELIGHT_SCREENSHOTS") != "" && s.database == "" {
			setup["shots"] = filepath.Join(root(), "screenshots")
		}
		news := make(chan said, 100)
		in, ended, _ := node(t, "testdata", func(line []byte) {
			var h said
			if err := json.Unmarshal(line, &h); err != nil {
				h = said{Check: "the browser's script", Error: string(line)}
			}
			news <- h
		}, "browser.cjs", asJSON(t, setup))
		do := map[string]func(){
			"cut":     g.cut,
			"mend":    g.mend,
			"hold":    g.held.Lock,
			"release": g.held.Unlock,
			"killed":  s.kill,
			"stopped": func() {
				if code := s.stop(syscall.SIGTERM); code != 0 {
					t.Errorf("SIGTERM ends with exit code %d", code)
				}
				s.start()
			},
		}
		for end := time.After(3 * time.Minute); ; {
			select {
			case h := <-news:
				switch {
				case h.Done:
					return
				case h.Ask != "":
					do[h.Ask]()
					if _, err := io.WriteString(in, "done\n"); err != nil {
						t.Fatal(err)
					}
				default:
					t.Run(h.Check, func(t *testing.T) {
						t.Log(h.Figures)
						if !h.OK {
							t.Error(h.Error)
						}
					})
				}
			case <-ended:
				if len(news) == 0 {
					t.Fatal("the browser's script ended early")
				}
			case <-end:
				t.Fatal("the browser takes more than three minutes")
			}
		}
	})
}
