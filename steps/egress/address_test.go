package egress

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestEveryClosedRangeIsClosedToItsEdges(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for _, r := range closed {
		for _, ip := range []netip.Addr{r.prefix.Addr(), last(r.prefix)} {
			if err := c.judge("x.test", netip.AddrPortFrom(ip, 443)); err == nil {
				t.Errorf("%s of %s may be called", ip, r.prefix)
			}
		}
	}
}

// last is the highest address of a network.
func last(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	ip, _ := netip.AddrFromSlice(bytes)
	return ip
}

func TestPublicAddressesAreOpen(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0",
		"223.255.255.255", "::ffff:8.8.8.8", "2001:200::1", "2606:4700:4700::1111", "2a00:1450:4001::1", "2003::1", "2001:db7::1",
	} {
		for _, port := range []uint16{80, 443, 8080} {
			if err := c.judge("x.test", netip.AddrPortFrom(netip.MustParseAddr(text), port)); err != nil {
				t.Errorf("%s:%d: %v", text, port, err)
			}
		}
	}
}

func TestRulesOpenWhatTheySayAndNoMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, host, to string
		open           bool
	}{
		{"10.1.2.3", "a.test", "10.1.2.3:80", true},
		{"10.1.2.3", "a.test", "[::ffff:10.1.2.3]:80", true},
		{"10.1.2.3", "a.test", "10.1.2.4:80", false},
		{"10.1.2.3", "a.test", "10.1.2.3:6379", false},
		{"10.1.2.3:6379", "a.test", "10.1.2.3:6379", true},
		{"10.1.2.3:6379", "a.test", "10.1.2.3:80", false},
		{"10.1.2.3:6379", "a.test", "8.8.8.8:6379", false},
		{"10.1.0.0/16", "a.test", "10.1.255.255:8080", true},
		{"10.1.0.0/16", "a.test", "10.2.0.0:8080", false},
		{"fd00::5", "a.test", "[fd00::5]:80", true},
		{"[fd00::5]:81", "a.test", "[fd00::5]:81", true},
		{"crm.internal", "crm.internal", "10.9.9.9:443", true},
		{"crm.internal", "crm.internal.", "10.9.9.9:443", true},
		{"CRM.internal:81", "crm.internal", "10.9.9.9:81", true},
		{"crm.internal", "other.internal", "10.9.9.9:443", false},
		{"crm.internal", "crm.internal", "169.254.169.254:80", false},
		{"0.0.0.0/0", "a.test", "10.0.0.1:80", true},
		{"0.0.0.0/0", "a.test", "169.254.169.254:80", false},
		{"0.0.0.0/0", "a.test", "0.0.0.0:80", false},
		{"0.0.0.0/0", "a.test", "224.0.0.1:80", false},
		{"0.0.0.0/0", "a.test", "255.255.255.255:80", false},
		{"::/0", "a.test", "[::]:80", false},
		{"169.254.169.254", "a.test", "169.254.169.254:80", true},
	} {
		rule, err := ParseRule(c.rule)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if again, err := ParseRule(rule.String()); err != nil || again != rule {
			t.Errorf("%s: written again as %s: %v", c.rule, rule, err)
		}
		err = New(Options{Allow: []Rule{rule}}).judge(c.host, netip.MustParseAddrPort(c.to))
		if (err == nil) != c.open {
			t.Errorf("with %s, %s at %s: %v", c.rule, c.host, c.to, err)
		}
	}
	for _, text := range []string{"", "10.1.2.3:0", "10.1.2.3:x", "a b", "fe80::1%eth0", "*", "http://a.test", "127.1", "::ffff:10.0.0.0/104", "a.test:99999"} {
		if rule, err := ParseRule(text); err == nil {
			t.Errorf("%q is taken as %s", text, rule)
		}
	}
}

func TestOwnServerIsRefusedWhateverIsAllowed(t *testing.T) {
	t.Parallel()
	own := serve(t, nil)
	for _, listens := range []string{"127.0.0.1", "0.0.0.0", "::"} {
		c := client(t, Options{Own: func() []netip.AddrPort {
			return []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(listens), own.port)}
		}}, own)
		e := failure(t, c, Request{URL: own.at("hook.test", "/")}, "EGRESS_ADDRESS")
		if !strings.Contains(e.Message, "own address") {
			t.Errorf("the message is %q", e.Message)
		}
	}
	if n := own.conns.Load(); n != 0 {
		t.Errorf("%d connections reached the server", n)
	}
	// A server that listens everywhere has the addresses of every interface.
	c := New(Options{Own: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("[::]:8090")} }})
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, _ := netip.AddrFromSlice(n.IP); !c.isOwn(ip.Unmap(), 8090) || c.isOwn(ip.Unmap(), 8091) {
				t.Errorf("%s is not taken for our own", ip)
			}
		}
	}
}

// twins are two servers on one port: one that may be called, and one that lies behind another answer of the same name.
func twins(t *testing.T) (open, victim *site, where netip.Addr) {
	t.Helper()
	where = netip.MustParseAddr("127.0.0.2")
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Skipf("no second loopback address: %v", err)
		}
		port := netip.MustParseAddrPort(l.Addr().String()).Port()
		other, err := net.Listen("tcp", netip.AddrPortFrom(loopback, port).String())
		if err != nil {
			_ = l.Close() // the port is taken there; try another
			continue
		}
		open = unstarted(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
		victim = unstarted(nil)
		for s, l := range map[*site]net.Listener{open: l, victim: other} {
			_ = s.Listener.Close()
			s.Listener = l
			s.Start()
			s.ready(t)
		}
		return open, victim, where
	}
	t.Fatal("no port is free on both addresses")
	return nil, nil, where
}

func TestRebindingNameReachesNothing(t *testing.T) {
	t.Parallel()
	open, victim, where := twins(t)
	asked := 0
	c := New(Options{
		Allow: []Rule{{Prefix: netip.PrefixFrom(where, 32)}},
		Resolver: names(func(context.Context, string) ([]netip.Addr, error) {
			if asked++; asked == 1 {
				return []netip.Addr{where}, nil
			}
			return []netip.Addr{loopback}, nil
		}),
	})
	t.Cleanup(c.Close)
	if res := do(t, c, Request{URL: open.at("rebind.test", "/")}); res.Status != 200 || asked != 1 {
		t.Fatalf("got %d after %d look-ups", res.Status, asked)
	}
	for range 5 {
		fail(t, c, Request{URL: open.at("rebind.test", "/")}, "EGRESS_ADDRESS")
	}
	if n := victim.conns.Load(); n != 0 {
		t.Errorf("%d connections reached the victim", n)
	}
}

func TestOneClosedAddressOfANameIsPassedOver(t *testing.T) {
	t.Parallel()
	open, victim, where := twins(t)
	c := New(Options{
		Allow: []Rule{{Prefix: netip.PrefixFrom(where, 32)}},
		Resolver: names(func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{loopback, netip.MustParseAddr("::ffff:127.0.0.1"), netip.MustParseAddr("10.0.0.1"), where}, nil
		}),
	})
	t.Cleanup(c.Close)
	do(t, c, Request{URL: open.at("mixed.test", "/")})
	if n := victim.conns.Load(); n != 0 {
		t.Errorf("%d connections reached the victim", n)
	}
}

func TestNothingDialsInOurPlace(t *testing.T) {
	t.Parallel()
	c := New(Options{})
	if c.transport.Proxy != nil || c.transport.DialTLSContext != nil || c.transport.Protocols.HTTP2() || c.transport.Protocols.UnencryptedHTTP2() {
		t.Error("a request could pass by the dialer")
	}
}
