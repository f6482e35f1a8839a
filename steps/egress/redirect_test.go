package egress

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// redirect answers every path with a redirect; ?to= says where, the path's last part is the status.
func redirect(w http.ResponseWriter, r *http.Request) {
	status, _ := strconv.Atoi(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	if status == 0 {
		return
	}
	w.Header()["Location"] = []string{r.URL.Query().Get("to")}
	w.WriteHeader(status)
}

func TestRedirectsAreJudgedAsAddressesAre(t *testing.T) {
	t.Parallel()
	s, victim := serve(t, redirect), serve(t, nil)
	c := client(t, Options{}, s)
	for to, code := range map[string]string{
		"http://169.254.169.254/latest/meta-data/": "EGRESS_ADDRESS",
		"http://[fd00:ec2::254]/":                  "EGRESS_ADDRESS",
		"http://metadata.test/":                    "EGRESS_ADDRESS",
		"http://2130706433/":                       "EGRESS_ADDRESS",
		"//10.0.0.1/":                              "EGRESS_ADDRESS",
		"//[::1]/":                                 "EGRESS_ADDRESS",
		victim.URL:                                 "EGRESS_ADDRESS",
		victim.at("x.test", "/"):                   "EGRESS_ADDRESS",
		victim.at("[::ffff:7f00:1]", "/"):          "EGRESS_URL",
		"file:///etc/passwd":                       "EGRESS_SCHEME",
		"gopher://127.0.0.1:70/_x":                 "EGRESS_SCHEME",
		"ftp://x.test/":                            "EGRESS_SCHEME",
		"javascript:alert(1)":                      "EGRESS_SCHEME",
		"http://x.test:6379/":                      "EGRESS_PORT",
		"http://x.test:22/":                        "EGRESS_PORT",
		"http://u:p@x.test/":                       "EGRESS_URL",
		"http://x.test\\@127.0.0.1/":               "EGRESS_URL",
		"http:x":                                   "EGRESS_URL",
		"%":                                        "EGRESS_URL",
	} {
		e := failure(t, c, Request{URL: s.at("a.test", "/302?to=") + escape(to)}, code)
		if !e.Reached || e.Temporary() || !strings.Contains(e.Message, "a.test") && code != "EGRESS_ADDRESS" {
			t.Errorf("%s: %+v: %v", to, e, e)
		}
	}
	if n := victim.conns.Load(); n != 0 {
		t.Errorf("%d connections reached the victim", n)
	}
}

func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

func TestRedirectsChangeTheMethodAsBrowsersDo(t *testing.T) {
	t.Parallel()
	s := serve(t, redirect)
	c := client(t, Options{}, s)
	for _, x := range []struct {
		status        int
		method, after string
	}{
		{301, "GET", "GET"},
		{301, "POST", "GET"},
		{301, "PUT", "PUT"},
		{302, "POST", "GET"},
		{302, "DELETE", "DELETE"},
		{302, "HEAD", "HEAD"},
		{303, "POST", "GET"},
		{303, "PUT", "GET"},
		{303, "HEAD", "HEAD"},
		{307, "POST", "POST"},
		{307, "PATCH", "PATCH"},
		{308, "POST", "POST"},
		{308, "HEAD", "HEAD"},
	} {
		res := do(t, c, Request{
			Method: x.method, URL: s.at("a.test", fmt.Sprintf("/%d?to=/there", x.status)), Body: []byte("body"),
			Headers: []Header{{Name: "Content-Type", Value: "text/plain"}, {Name: "X-Own", Value: "1"}, {Name: "Authorization", Value: "Bearer t"}},
		})
		got := s.requests()
		last := got[len(got)-1]
		if last.Method != x.after || last.Path != "/there" || res.URL != s.at("a.test", "/there") {
			t.Errorf("%d: %s became %s %s", x.status, x.method, last.Method, last.Path)
		}
		kept := x.after == x.method
		if (last.Body == "body") != kept || (last.Header.Get("Content-Type") != "") != kept {
			t.Errorf("%d: %s: body %q, type %q", x.status, x.method, last.Body, last.Header.Get("Content-Type"))
		}
		if last.Header.Get("X-Own") != "1" || last.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("%d: the headers are %v", x.status, last.Header)
		}
	}
}

func TestRedirectsAreCounted(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		if n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d", n-1), http.StatusFound)
		}
	})
	c := client(t, Options{}, s)
	if res := do(t, c, Request{URL: s.at("a.test", "/5")}); res.Status != 200 {
		t.Errorf("five redirects gave %d", res.Status)
	}
	fail(t, c, Request{URL: s.at("a.test", "/6")}, "EGRESS_REDIRECT")
	fail(t, c, Request{URL: s.at("a.test", "/2"), Redirects: 1}, "EGRESS_REDIRECT")
	if res := do(t, c, Request{URL: s.at("a.test", "/2"), Redirects: -1}); res.Status != 302 || res.Headers.Get("Location") != "/1" {
		t.Errorf("without following, got %d to %q", res.Status, res.Headers.Get("Location"))
	}
	fail(t, c, Request{URL: s.at("a.test", "/2"), Redirects: 6}, "HTTP_REQUEST")
}

func TestARedirectWithoutAnAddressIsAnAnswer(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
	if res := do(t, client(t, Options{}, s), Request{URL: s.at("a.test", "/")}); res.Status != 302 {
		t.Errorf("got %d", res.Status)
	}
}

var credentials = []Header{
	{Name: "Authorization", Value: "Bearer t"},
	{Name: "Cookie", Value: "a=b"},
	{Name: "X-Api-Key", Value: "k"},
	{Name: "apikey", Value: "k"},
	{Name: "X-Auth-Token", Value: "t"},
	{Name: "X-Hub-Signature-256", Value: "s"},
	{Name: "X-Shop", Value: "hidden", Secret: true},
}

func TestSecretsStayWithTheirHost(t *testing.T) {
	t.Parallel()
	other := serve(t, redirect)
	s := serve(t, redirect)
	c := client(t, Options{}, s, other)
	open := []Header{{Name: "Idempotency-Key", Value: "r.1"}, {Name: "Accept", Value: "text/plain"}}
	for name, to := range map[string]string{
		"another port": other.at("a.test", "/"),
		"another name": s.at("b.test", "/"),
		"a sub-domain": s.at("x.a.test", "/"),
		"there and back": other.at("b.test", "/302") + "?to=" +
			escape(s.at("a.test", "/")),
	} {
		do(t, c, Request{URL: s.at("a.test", "/307?to=") + escape(to), Headers: append(open, credentials...)})
		all := append(s.requests(), other.requests()...)
		for _, got := range all {
			first := strings.HasPrefix(got.Path, "/307")
			for _, h := range credentials {
				if (got.Header.Get(h.Name) != "") != first {
					t.Errorf("%s: %s of %s is %q", name, h.Name, got.Path, got.Header.Get(h.Name))
				}
			}
			for _, h := range open {
				if got.Header.Get(h.Name) != h.Value {
					t.Errorf("%s: %s was lost", name, h.Name)
				}
			}
		}
	}
	// A body that holds a secret is not repeated to another host; one that holds none is, and a GET has none.
	req := Request{Method: "POST", URL: s.at("a.test", "/307?to=") + escape(other.at("b.test", "/")), Body: []byte("hidden"), SecretBody: true}
	before := other.conns.Load()
	fail(t, c, req, "EGRESS_REDIRECT")
	if other.conns.Load() != before {
		t.Error("the other host was called")
	}
	req.SecretBody = false
	do(t, c, req)
	req.SecretBody, req.URL = true, s.at("a.test", "/303?to=")+escape(other.at("b.test", "/"))
	do(t, c, req)
}

func TestSameHost(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for _, x := range []struct {
		from, to string
		same     bool
	}{
		{"http://a.test/", "http://a.test/x", true},
		{"http://a.test/", "http://A.test:80/x", true},
		{"https://a.test/", "https://a.test:443/", true},
		{"http://a.test/", "https://a.test/", true},
		{"https://a.test/", "http://a.test/", false},
		{"http://a.test:8080/", "https://a.test/", false},
		{"http://a.test/", "https://a.test:8443/", false},
		{"https://a.test/", "https://a.test:8443/", false},
		{"https://a.test/", "https://b.a.test/", false},
		{"https://b.a.test/", "https://a.test/", false},
	} {
		from, err := c.parse(x.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := c.parse(x.to)
		if err != nil {
			t.Fatal(err)
		}
		if sameHost(from, to) != x.same {
			t.Errorf("%s to %s: %v", x.from, x.to, !x.same)
		}
	}
}
