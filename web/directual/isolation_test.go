package directual_test

import "testing"

// TestAnAppKnowsNothingOfAnothersUsers asks the app other for what belongs to shop; both have a user anna.
func TestAnAppKnowsNothingOfAnothersUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, body, _ := w.do("POST", "/good/api/v5/auth", `{"appID":"shop","username":"anna","password":"secret of shop"}`)
	secret := token.FindString(body)
	if secret == "" {
		t.Fatalf("login answered %s", body)
	}
	never := "x" + secret[1:]
	if never == secret {
		never = "y" + secret[1:]
	}
	for _, version := range []string{"v4", "v5"} {
		base := "/good/api/" + version + "/auth"
		// The body's app counts, whatever the address says.
		for _, login := range []struct{ query, body string }{
			{"?appID=other", `{"username":"anna","password":"secret of shop"}`},
			{"?appID=shop", `{"appID":"other","username":"anna","password":"secret of shop"}`},
		} {
			if status, body, _ := w.do("POST", base+login.query, login.body); status != 400 || body != wrong {
				t.Errorf("%s%s: a password of shop answered %d %s in other", base, login.query, status, body)
			}
		}
		for _, path := range []string{"/check", "/logout"} {
			_, got, _ := w.do("GET", base+path+"?appID=other&sessionID="+secret, "")
			if _, none, _ := w.do("GET", base+path+"?appID=other&sessionID="+never, ""); got != none {
				t.Errorf("%s%s in other answers %s for a session of shop and %s for none", base, path, got, none)
			}
		}
		// Logging out in other has not logged out in shop.
		if _, body, _ := w.do("GET", base+"/check?appID=shop&sessionID="+secret, ""); token.FindString(body) != secret {
			t.Errorf("the session of shop is gone: %s", body)
		}
	}
}
