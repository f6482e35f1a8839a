package egress

import (
	"net"
	"net/netip"
	"slices"
)

// closed are the ranges that scenarios may not call, by the registries of special addresses: what is not the public network, and what stands
// for an address of another kind and would carry us into one.
var closed = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private network"},
	{netip.MustParsePrefix("100.64.0.0/10"), "a provider's inner network"},
	{netip.MustParsePrefix("127.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("169.254.0.0/16"), "the local link"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private network"},
	{netip.MustParsePrefix("192.0.0.0/24"), "protocol assignments"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "the sink of reverse look-ups"},
	{netip.MustParsePrefix("192.52.193.0/24"), "multicast tunnels"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relays"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private network"},
	{netip.MustParsePrefix("192.175.48.0/24"), "the sink of reverse look-ups"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved addresses and broadcast"},
	{netip.MustParsePrefix("::/96"), "this machine"},
	{netip.MustParsePrefix("::ffff:0:0/96"), "mapped IPv4 addresses"},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), "translated IPv4 addresses"},
	{netip.MustParsePrefix("64:ff9b::/96"), "translated IPv4 addresses"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "translated IPv4 addresses"},
	{netip.MustParsePrefix("100::/64"), "addresses to discard"},
	{netip.MustParsePrefix("100:0:0:1::/64"), "a dummy prefix"},
	{netip.MustParsePrefix("2001::/32"), "Teredo tunnels"},
	{netip.MustParsePrefix("2001::/23"), "protocol assignments"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4 tunnels"},
	{netip.MustParsePrefix("2620:4f:8000::/48"), "the sink of reverse look-ups"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("5f00::/16"), "segment routing"},
	{netip.MustParsePrefix("fc00::/7"), "a private network"},
	{netip.MustParsePrefix("fe80::/10"), "the local link"},
	{netip.MustParsePrefix("fec0::/10"), "a private network"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// global holds every IPv6 address that has been given out so far; what lies outside is closed although no row names it.
var global = netip.MustParsePrefix("2000::/3")

// closedRange says what an unmapped address belongs to if scenarios may not call it, else nothing.
func closedRange(ip netip.Addr) string {
	for _, c := range closed {
		if c.prefix.Contains(ip) {
			return c.what
		}
	}
	if ip.Is6() && !global.Contains(ip) {
		return "addresses that are not given out"
	}
	return ""
}

// judge decides about the address that is about to be dialled for a host of a URL: nil means it may be.
func (c *Client) judge(host string, to netip.AddrPort) error {
	ip, port := to.Addr(), to.Port()
	if !ip.IsValid() || ip.Zone() != "" {
		return refused("EGRESS_ADDRESS", "the address of %s has a zone; only addresses without one can be called", host)
	}
	ip = ip.Unmap()
	if c.isOwn(ip, port) {
		return refused("EGRESS_ADDRESS", "%s is Cuelight's own address; use the steps for objects and scenarios instead of a request to it", host)
	}
	allowed := func(named bool) bool {
		return slices.ContainsFunc(c.opt.Allow, func(r Rule) bool { return r.opens(host, ip, port) && (!named || r.Port == port) })
	}
	if what := closedRange(ip); what != "" && !allowed(false) {
		return refused("EGRESS_ADDRESS", "the address of %s belongs to %s, which scenarios may not call; an admin can allow this address for the app", host, what)
	}
	if !openPort(port) && !allowed(true) {
		return closedPort(port)
	}
	return nil
}

// isOwn tells whether our own server listens at an address. A server that listens everywhere has all addresses of this machine.
func (c *Client) isOwn(ip netip.Addr, port uint16) bool {
	for _, own := range c.opt.Own() {
		if own.Port() != port {
			continue
		}
		if listens := own.Addr().Unmap(); listens == ip || ip.IsUnspecified() || listens.IsUnspecified() && isLocal(ip) {
			return true
		}
	}
	return false
}

func isLocal(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // not knowing our own addresses, we keep away from all
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		if !ok {
			return false
		}
		own, ok := netip.AddrFromSlice(n.IP)
		return ok && own.Unmap() == ip
	})
}
