package app

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestEveryLimitThatCanBeSetIsShownWithWhatItIsSetTo also sees that an operator sets a limit by the name that refusals give.
func TestEveryLimitThatCanBeSetIsShownWithWhatItIsSetTo(t *testing.T) {
	t.Parallel()
	for name, raised := range map[string]int{"defaults": 0, "set": 123_457} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, want := Config{Data: t.TempDir()}, map[string]int{}
			for name, l := range limits {
				if want[name] = l.otherwise; raised > 0 {
					want[name] = raised
				}
			}
			if raised > 0 {
				if err := cfg.SetLimits(want); err != nil {
					t.Fatal(err)
				}
			}
			a, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(a.Close)
			rec := httptest.NewRecorder()
			a.Handler(true).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v1/limits", nil))
			var got struct {
				Items []struct {
					Name  string
					Value int
				}
			}
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, rec.Body)
			}
			for _, row := range got.Items {
				if value, settable := want[row.Name]; settable && value != row.Value {
					t.Errorf("%s is shown as %d, it is %d", row.Name, row.Value, value)
				}
				delete(want, row.Name)
			}
			if len(want) > 0 {
				t.Errorf("not shown are %s", strings.Join(slices.Sorted(maps.Keys(want)), ", "))
			}
		})
	}
	if err := (&Config{}).SetLimits(map[string]int{"login_attempts": 5}); err == nil || !strings.Contains(err.Error(), "login_per_account") {
		t.Errorf("an unknown limit is answered %v", err)
	}
}
