package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStockClients lets every version of the stock client by every transport log in, connect and listen as a page of the original would.
func TestStockClients(t *testing.T) {
	s := newServer(t, "")
	admin := s.admin()
	s.call("POST", "/api/v1/apps", admin, map[string]any{"id": "other", "name": "Other"})
	s.call("POST", "/api/v1/apps", admin, map[string]any{"id": "closed", "name": "Closed", "origins": []string{"https://good.example"}, "guests": true})
	// Logins are rare: their number is limited, and these tests keep to the limits.
	p := people{desk: s.login("testUser"), phone: s.login("testUser"), revoked: s.login("anna")}
	s.logout(p.revoked)
	for _, version := range versions {
		p.leaver = "leaver-" + version
		s.call("POST", "/api/v1/apps/demo/users", admin, map[string]any{"id": p.leaver})
		s.call("PUT", "/api/v1/apps/demo/users/"+p.leaver+"/password", admin, map[string]any{"password": p.leaver})
		for transports := range transportSets {
			t.Run(version+"/"+transports, func(t *testing.T) { talk(t, s, p, version, transports) })
		}
	}
}

// people are the sessions of TestStockClients; the leaver is a user whose session ends while it is connected.
type people struct{ desk, phone, revoked, leaver string }

func talk(t *testing.T, s *server, p people, version, transports string) {
	c := newStock(t, s.url)
	leaving := s.login(p.leaver)
	c.open("desk", version, transports, auth("demo", p.desk), nil)
	c.open("phone", version, transports, auth("demo", p.phone), nil)
	c.open("leaver", version, transports, auth("demo", leaving), nil)
	c.open("guest", version, transports, auth("demo", ""), nil)
	c.open("elsewhere", version, transports, auth("demo", ""), map[string]string{"Origin": "https://elsewhere.example"})
	c.open("good", version, transports, auth("closed", ""), map[string]string{"Origin": "https://good.example"})
	here := []string{"desk", "phone", "leaver", "guest", "elsewhere"}
	for _, name := range append(here, "good") {
		if h := c.want(name, "connect"); h.Recovered {
			t.Errorf("%s: a first connect is recovered", name)
		}
	}
	refused := map[string]string{
		"no such app": "app_unknown", "no auth": "app_unknown", "another app": "session_expired", "wrong session": "session_expired",
		"revoked session": "session_expired", "no guests": "session_expired", "bad origin": "origin_refused",
	}
	c.open("no such app", version, transports, auth("nowhere", p.desk), nil)
	c.open("no auth", version, transports, nil, nil)
	c.open("another app", version, transports, auth("other", p.desk), nil)
	c.open("wrong session", version, transports, auth("demo", strings.Repeat("x", len(p.desk))), nil)
	c.open("revoked session", version, transports, auth("demo", p.revoked), nil)
	c.open("no guests", version, transports, auth("other", ""), nil)
	c.open("bad origin", version, transports, auth("closed", ""), map[string]string{"Origin": "https://evil.example"})
	for name, code := range refused {
		if h := c.want(name, "refused"); h.Data.Code != code || h.Message == "" {
			t.Errorf("%s: refused with %q %q, want %s", name, h.Data.Code, h.Message, code)
		}
	}

	const awkward = "for <him> \u2028 é \x1e \"quoted\""
	s.push("*", "refresh-orders", "")
	s.push("testUser", "message", awkward)
	s.call("POST", "/api/v1/apps/demo/push", s.token, map[string]any{"to": p.leaver, "event": "news", "mode": "json", "message": map[string]any{"n": []int{1, 2}}})
	s.push("*", "end", version)
	end := "end:" + asJSON(t, version)
	for _, name := range []string{"desk", "phone"} {
		c.heard(name, `refresh-orders:""`, "message:"+asJSON(t, awkward))
		if h := c.want(name, "message"); h.Args != awkward {
			t.Errorf("%s: on('message') got %q", name, h.Args)
		}
		c.heard(name, end)
	}
	c.heard("leaver", `refresh-orders:""`, `news:{"n":[1,2]}`, end)
	c.heard("guest", `refresh-orders:""`, end)
	c.heard("elsewhere", `refresh-orders:""`, end)

	s.logout(leaving)
	began := time.Now()
	c.want("leaver", "disconnect", "message")
	if took := time.Since(began); took > time.Second {
		t.Errorf("a socket outlived its session by %v", took)
	}
	if h := c.want("leaver", "refused", "trouble"); h.Data.Code != "session_expired" {
		t.Errorf("an ended session comes back to %q", h.Data.Code)
	}
	for _, name := range append(here, "good") {
		c.do(name, "close", nil)
	}
}

// back wants clients to be connected again, recovered or not.
func back(t *testing.T, c *stock, when string, recovered bool, names ...string) {
	t.Helper()
	for _, name := range names {
		if h := c.want(name, "connect", "trouble", "disconnect", "message"); h.Recovered != recovered {
			t.Fatalf("%s: recovered is %v for %s", when, h.Recovered, name)
		}
	}
}

// TestCutOffClientsGetWhatTheyMissed cuts clients off, before their first push too, and kills the server: they go on where they were.
func TestCutOffClientsGetWhatTheyMissed(t *testing.T) {
	onEachStore(t, func(t *testing.T, s *server) {
		g := newGate(t, s)
		c := newStock(t, g.url)
		session := s.login("testUser")
		var users, guests []string
		for _, version := range versions[1:] {
			for transports := range transportSets {
				users = append(users, "user "+version+" "+transports)
				guests = append(guests, "guest "+version+" "+transports)
				c.open(users[len(users)-1], version, transports, auth("demo", session), nil)
				c.open(guests[len(guests)-1], version, transports, auth("demo", ""), nil)
			}
		}
		all := append(append([]string{}, users...), guests...)
		back(t, c, "first connect", false, all...)
		gone := func() {
			t.Helper()
			g.cut()
			for _, name := range all {
				c.want(name, "disconnect", "message")
			}
		}
		hear := func(to []string, events ...string) {
			t.Helper()
			for _, name := range to {
				c.heard(name, events...)
			}
		}

		gone()
		s.push("*", "news", "1")
		s.push("testUser", "own", "2")
		s.push("anna", "own", "not his")
		s.push("*", "news", "3")
		g.mend()
		back(t, c, "cut before the first push", true, all...)
		hear(users, `news:"1"`, `own:"2"`, `news:"3"`)
		hear(guests, `news:"1"`, `news:"3"`)

		gone()
		s.push("testUser", "own", "4")
		s.push("*", "news", "5")
		s.kill()
		s.push("anna", "own", "not his")
		s.push("*", "news", "6")
		s.push("testUser", "own", "7")
		g.mend()
		back(t, c, "cut and a killed server", true, all...)
		hear(users, `own:"4"`, `news:"5"`, `news:"6"`, `own:"7"`)
		hear(guests, `news:"5"`, `news:"6"`)

		s.kill()
		back(t, c, "a killed server", true, all...)
		s.push("*", "news", "8")
		hear(all, `news:"8"`)

		if code := s.stop(syscall.SIGTERM); code != 0 {
			t.Errorf("SIGTERM ends with exit code %d", code)
		}
		s.start()
		for _, name := range all {
			if h := c.want(name, "disconnect", "message", "trouble"); h.Reason == "io server disconnect" {
				t.Errorf("%s was sent away by the shutdown: %s", name, h.Reason)
			}
		}
		back(t, c, "a server that was stopped", true, all...)
		s.push("*", "news", "9")
		hear(all, `news:"9"`)

		anna := s.login("anna")
		for _, name := range users {
			c.do(name, "auth", map[string]any{"auth": auth("demo", anna)})
		}
		gone()
		s.push("testUser", "own", "the former user's")
		s.push("anna", "own", "before she came")
		g.mend()
		back(t, c, "another session on the old pid", false, users...)
		back(t, c, "another session on the old pid", true, guests...)
		s.push("testUser", "own", "the former user's")
		s.push("*", "news", "10")
		s.push("anna", "own", "hers")
		hear(users, `news:"10"`, `own:"hers"`)
		hear(guests, `news:"10"`)
	})
}

// TestCookiesOpenNothing connects from another site with a good login cookie of an administrator and with a user's session in cookies: who gives
// no session_id is a guest, or nobody where the app has no guests.
func TestCookiesOpenNothing(t *testing.T) {
	s := newServer(t, "")
	admin := s.admin()
	s.call("POST", "/api/v1/apps", admin, map[string]any{"id": "members", "name": "Members"})
	s.call("POST", "/api/v1/accounts", admin, map[string]any{"email": "root@example.com", "role": "admin", "password": "a long password"})
	a := s.call("POST", "/api/v1/session", "", map[string]any{"email": "root@example.com", "password": "a long password"})
	cookie, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	req, err := http.NewRequest("GET", s.url+"/api/v1/accounts", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	res, err := web.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the cookie %.12s… is no administrator's: %v %v", cookie, res, err)
	}
	_ = res.Body.Close()
	session := s.login("testUser")
	headers := map[string]string{
		"Origin": "https://evil.example",
		"Cookie": cookie + "; session_id=" + session + "; sessionID=" + session + "; sid=" + session,
	}
	c := newStock(t, s.url)
	for transports := range transportSets {
		t.Run(transports, func(t *testing.T) {
			c := &stock{t: t, url: c.url, in: c.in, ended: c.ended, news: c.news}
			guest, member := transports+" guest", transports+" member"
			c.open(guest, "4.8.4", transports, auth("demo", ""), headers)
			c.want(guest, "connect")
			c.open(member, "4.8.4", transports, auth("members", ""), headers)
			if h := c.want(member, "refused"); h.Data.Code != "session_expired" {
				t.Errorf("where there are no guests the answer is %q", h.Data.Code)
			}
			s.push("testUser", "own", "not for a guest")
			s.push("*", "end", "")
			c.heard(guest, `end:""`)
			c.do(guest, "close", nil)
		})
	}
}

// TestOldClientsComeBackFresh has clients from before recovery come back to a killed server: with nothing of the past, and to all that follows.
func TestOldClientsComeBackFresh(t *testing.T) {
	s := newServer(t, "")
	c := newStock(t, s.url)
	session := s.login("testUser")
	for transports := range transportSets {
		c.open(transports, "4.5.1", transports, auth("demo", session), nil)
	}
	for transports := range transportSets {
		back(t, c, "first connect", false, transports)
	}
	s.push("*", "news", "1")
	for transports := range transportSets {
		c.heard(transports, `news:"1"`)
	}
	s.kill()
	for transports := range transportSets {
		back(t, c, "a killed server", false, transports)
	}
	s.push("testUser", "own", "2")
	for transports := range transportSets {
		c.heard(transports, `own:"2"`)
	}
}

// TestThePageOfTheOriginalWorks runs the code of the original's own page about websockets, with only the blanks in it filled in: the module
// and the host (lost from the page with its links), the two ids, the closing braces, and the connect that `autoConnect: false` asks for.
func TestThePageOfTheOriginalWorks(t *testing.T) {
	s := newServer(t, "")
	clients := clientsDir(t)
	page, err := os.ReadFile(filepath.Join("testdata", "websockets-page.txt"))
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer(
		"import io from '';", "import io from 'socket.io-client';", "io('',", "io('"+s.url+"',", "var appID = ?", "var appID = 'demo'",
		"socket.onAny(", "socket.on('connect', () => console.log('connected'));\nsocket.onAny(",
		"${JSON.stringify(args)}`);", "${JSON.stringify(args)}`);\n});",
	)
	session := s.login("testUser")
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "node_modules"), 0o700); err != nil {
				t.Fatal(err)
			}
			// The client's own dependencies are found beside where it really lies.
			if err := os.Symlink(filepath.Join(clients, "node_modules", "client-"+version), filepath.Join(dir, "node_modules", "socket.io-client")); err != nil {
				t.Fatal(err)
			}
			code := strings.Replace(fill.Replace(string(page)), "var sessionID = ?", "var sessionID = "+asJSON(t, session), 1) +
				"\nconsole.log('message ' + msg);\n});\nsocket.connect();\nprocess.stdin.resume().on('end', () => process.exit());\n"
			if strings.Contains(code, "= ?") || strings.Contains(code, "('')") {
				t.Fatalf("a blank is left in\n%s", code)
			}
			if err := os.WriteFile(filepath.Join(dir, "page.mjs"), []byte(code), 0o600); err != nil {
				t.Fatal(err)
			}
			heard := make(chan string, 100)
			_, ended, _ := node(t, dir, func(line []byte) {
				if !strings.HasPrefix(string(line), demoClock+": ") {
					heard <- string(line)
				}
			}, "page.mjs")
			want := func(line string) {
				t.Helper()
				select {
				case got := <-heard:
					if got != line {
						t.Fatalf("heard %q, want %q", got, line)
					}
				case <-ended:
					t.Fatal("the page's code ended")
				case <-time.After(20 * time.Second):
					t.Fatalf("waited in vain for %q", line)
				}
			}
			want("connected")
			s.push("testUser", "message", "for you")
			want(`message: "for you"`)
			want("message for you")
			s.call("PATCH", "/api/v1/apps/demo/structures/Order/objects/1042", s.token, map[string]any{"note": "seen by " + version})
			want(`refresh-orders: ""`)
		})
	}
}

// TestLoginOfTheOriginal holds the login routes to the shapes that the original's clients read.
func TestLoginOfTheOriginal(t *testing.T) {
	s := newServer(t, "")
	session := s.login("testUser")
	for version, shape := range map[string]func(t *testing.T, result json.RawMessage){
		"v4": func(t *testing.T, result json.RawMessage) {
			var r struct {
				Result bool
				Token  struct{ Token, Username string }
			}
			if err := json.Unmarshal(result, &r); err != nil || !r.Result || r.Token.Token != session || r.Token.Username != "testUser" {
				t.Errorf("check answers %s %v", result, err)
			}
		},
		"v5": func(t *testing.T, result json.RawMessage) {
			var r struct {
				Result          bool
				Token, Username string
			}
			if err := json.Unmarshal(result, &r); err != nil || !r.Result || r.Token != session || r.Username != "testUser" {
				t.Errorf("check answers %s %v", result, err)
			}
		},
	} {
		t.Run(version, func(t *testing.T) {
			var out struct{ Result json.RawMessage }
			s.call("GET", "/good/api/"+version+"/auth/check?appID=demo&sessionID="+session, "", nil).into(t, &out)
			shape(t, out.Result)
		})
	}
	a, err := s.try("POST", "/good/api/v5/auth?appID=demo", "", map[string]any{"provider": "rest", "username": "testUser", "password": "wrong"})
	if err != nil || a.status != http.StatusBadRequest || !strings.Contains(string(a.body), `"code":108`) {
		t.Errorf("a wrong password: %d %s %v", a.status, a.body, err)
	}
}
