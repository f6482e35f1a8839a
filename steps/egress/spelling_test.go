package egress

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
)

// numbers are spellings of 127.0.0.1 that some reader of addresses or other takes for it.
func numbers() []string {
	part := func(n, base int) string {
		return map[int]string{10: fmt.Sprintf("%d", n), 8: fmt.Sprintf("0%o", n), 16: fmt.Sprintf("0x%x", n)}[base]
	}
	var all []string
	bases := []int{10, 8, 16}
	for _, a := range bases {
		all = append(all, part(0x7f000001, a), part(0x7f000001, a)+".")
		for _, b := range bases {
			all = append(all, part(127, a)+"."+part(1, b))
			for _, c := range bases {
				all = append(all, part(127, a)+"."+part(0, b)+"."+part(1, c))
				for _, d := range bases {
					all = append(all, part(127, a)+"."+part(0, b)+"."+part(0, c)+"."+part(1, d))
				}
			}
		}
	}
	return append(
		all, "127.0.0.1.", "127.000.000.001", "0127.0.0.1", "00000000177.0.0.1", "0x7F000001", "0X7F.1", "4294967296", "2130706433.", "127.0.1",
		"127.255.255.254", "127.0.0.1.0", "0", "0.0.0.0", "0x0", "0.0", "00", "127.0.0.256", "1.127.0.0.1", "127..0.0.1", "127.0.0.1..", "-127.0.0.1",
		"%31%32%37.0.0.1", "127.0.0.%31", "127%2e0%2e0%2e1", "127。0。0。1", "127.0.0.1", "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127.0.0.１", "٧٧.٠.٠.١",
		"127.0.0.1%00.example.com", "127.0.0.1\u200b", "xn--127-0-0-1", "0x7f.0x0.0x0.0x1.",
	)
}

var sixes = []string{
	"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::0001]", "[0:0::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::FFFF:7F00:0001]",
	"[0:0:0:0:0:ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:0:127.0.0.1]", "[::ffff:0:7f00:1]",
	"[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[64:ff9b:1:ffff::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]",
	"[2001:0:7f00:1::]", "[2001::80ff:fffe]", "[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]", "[::1%25eth0]", "[::1%lo]", "[fe80::1%251]", "[fc00::1]",
	"[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[ff0e::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]", "[5f00::1]", "[4000::1]", "[::ffff:0.0.0.0]",
	"[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[127.0.0.1]", "[localhost]", "[::1", "::1]", "[[::1]]", "[]", "::1",
	"[::1]x", "[0:0:0:0:0:0:127.0.0.1]", "[1::127.0.0.1]", "[fd12:3456:789a::1]", "[2001:10::1]", "[2001:2::1]", "[::ffff:7f.0.0.1]",
}

var words = []string{
	"localhost", "LOCALHOST", "localhost.", "LocalHost.", "localhost..", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback",
	"foo.localhost", "foo.localhost.", "127.0.0.1.nip.io", "127-0-0-1.sslip.io", "localtest.me", "lvh.me", "ｌｏｃａｌｈｏｓｔ", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "loc\u00adalhost",
	"xn--localhost-", "localhost\u3002", "rebind.example.com", "metadata.google.internal", "metadata", "kubernetes.default.svc", "host.docker.internal",
	"_local_", "local_host", "a..b", ".localhost", "broadcasthost", "пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f", "localhost%00", "local host", "local\thost",
}

var inner = []string{
	"10.0.0.1", "10.255.255.255", "100.64.0.1", "127.1.2.3", "127.255.255.255", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
	"192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1",
	"203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0.1.2.3", "100.100.100.200", "192.0.0.170",
}

// tricks are whole URLs; PORT is the server's.
var tricks = []string{
	"http://example.com@127.0.0.1:PORT/", "http://127.0.0.1:PORT@example.com/", "http://a:b@127.0.0.1:PORT/", "http://@127.0.0.1:PORT/", "http://:@127.0.0.1:PORT/",
	"http://example.com#@127.0.0.1:PORT/", "http://example.com?@127.0.0.1:PORT/", "http://example.com:PORT#@127.0.0.1/", "http://example.com\\@127.0.0.1:PORT/",
	"http://127.0.0.1:PORT\\@example.com/", "http:\\\\127.0.0.1:PORT/", "http:/127.0.0.1:PORT/", "http:127.0.0.1:PORT/", "http:///127.0.0.1:PORT/",
	"http:////127.0.0.1:PORT/", "//127.0.0.1:PORT/", "/etc/passwd", "127.0.0.1:PORT", "", " ", "http://", "http://:PORT/", "http:// 127.0.0.1:PORT/",
	"http://127.0.0.1 :PORT/", "http://127.0.0.1:PORT/\r\nX: y", "http://127.0.0.1:PORT\t/", "http://127.0.0.1\r\n:PORT/", "\thttp://127.0.0.1:PORT/",
	"http://127.0.0.1:PORT:PORT/", "http://127.0.0.1:+PORT/", "http://127.0.0.1:-1/", "http://127.0.0.1:0/", "http://127.0.0.1:00000/", "http://127.0.0.1:99999/",
	"http://127.0.0.1:22/", "http://127.0.0.1:25/", "http://127.0.0.1:6379/", "http://example.com:6379/", "http://example.com:25/", "http://127.0.0.1:0xPORT/",
	"file:///etc/passwd", "file://127.0.0.1/etc/passwd", "gopher://127.0.0.1:PORT/_GET%20/", "dict://127.0.0.1:PORT/", "ftp://127.0.0.1:PORT/", "ldap://127.0.0.1:PORT/",
	"ws://127.0.0.1:PORT/", "wss://127.0.0.1:PORT/", "unix:///var/run/docker.sock", "jar:http://127.0.0.1:PORT!/", "javascript:alert(1)", "data:text/plain,x",
	"httpx://127.0.0.1:PORT/", "HTTP://127.0.0.1:PORT/", "hTtP://LOCALHOST:PORT/", "https+unix://127.0.0.1/", "http+unix://x/", "url:http://127.0.0.1:PORT/",
	"http://127.0.0.1:PORT?x=http://example.com", "http://127.0.0.1:PORT/../..", "http://127.0.0.1:PORT;@example.com/", "http://example.com,127.0.0.1:PORT/",
	"http://example.com%2f@127.0.0.1:PORT/", "http://127.0.0.1%23.example.com:PORT/", "http://127.0.0.1%2eexample.com:PORT/", "http://[::1]:PORT@example.com/", "http://{127.0.0.1}:PORT/",
	"http://example.com&@127.0.0.1:PORT/", "http://<127.0.0.1>:PORT/", "http://127.0.0.1:PORT\x00/", "http://127.0.0.1\x00:PORT/", "https://127.0.0.1:PORT/", "https://localhost.:PORT/",
}

func TestNoSpellingReachesThisMachine(t *testing.T) {
	t.Parallel()
	victim := serve(t, nil)
	if l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", victim.port)); err == nil {
		six := http.Server{Handler: victim.Config.Handler, ConnState: victim.Config.ConnState}
		ended := make(chan struct{})
		go func() { _ = six.Serve(l); close(ended) }()
		t.Cleanup(func() { _ = six.Close(); <-ended })
	}
	port := fmt.Sprint(victim.port)
	urls := map[string]bool{}
	for _, list := range [][]string{numbers(), sixes, words, inner} {
		for _, host := range list {
			urls["http://"+host+":"+port+"/"] = true
		}
	}
	for _, u := range tricks {
		urls[strings.ReplaceAll(u, "PORT", port)] = true
	}
	if len(urls) < 300 {
		t.Fatalf("only %d spellings", len(urls))
	}
	c := client(t, Options{Resolver: home})
	for u := range urls {
		res, err := c.Do(t.Context(), Request{URL: u})
		if err == nil {
			t.Errorf("%q was answered with %d", u, res.Status)
			continue
		}
		if e, ok := asError(err); !ok || !strings.HasPrefix(engine.ErrorCode(err), "EGRESS_") || e.Temporary() || e.Reached {
			t.Errorf("%q: %s: %v", u, engine.ErrorCode(err), err)
		}
	}
	if n := victim.conns.Load(); n != 0 {
		t.Errorf("%d connections reached the server", n)
	}
	t.Logf("%d spellings, %d connections", len(urls), victim.conns.Load())
}

// The spellings above would have reached the server: with a rule that opens it they do.
func TestSpellingsReachWhatIsAllowed(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := client(t, Options{}, s)
	hosts := []string{"127.0.0.1", "localhost", "LOCALHOST.", "::ffff:7f00:1", "::ffff:127.0.0.1", "anything.test", "пример.испытание"}
	for _, host := range hosts {
		do(t, c, Request{URL: s.at(host, "/")})
	}
	do(t, c, Request{URL: strings.Replace(s.at("x.test", "/#fragment"), "http", "HTTP", 1)})
	if n := len(s.requests()); n != len(hosts)+1 {
		t.Errorf("%d requests came", n)
	}
	if got := s.requests()[6].Host; !strings.HasPrefix(got, "xn--") {
		t.Errorf("the host is %q", got)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	c := New(Options{Allow: []Rule{{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Port: 81}}})
	for port, open := range map[uint16]bool{
		1: false, 21: false, 22: false, 25: false, 80: true, 81: false, 443: true, 465: false, 1023: false, 1024: true, 3000: true, 3306: false,
		5432: false, 5900: false, 6000: false, 6063: false, 6064: true, 6379: false, 6667: false, 8080: true, 8443: true, 9200: true, 11211: false, 65535: true,
	} {
		if err := c.judge("x.test", netip.AddrPortFrom(netip.MustParseAddr("8.8.8.8"), port)); (err == nil) != open {
			t.Errorf("port %d: %v", port, err)
		}
	}
	// The spelling may pass, since a rule knows the port; the address then decides.
	for port, open := range map[int]bool{81: true, 82: false, 8080: true} {
		if _, err := c.prepare(Request{URL: fmt.Sprintf("http://x.test:%d/", port)}); (err == nil) != open {
			t.Errorf("port %d: %v", port, err)
		}
	}
}
