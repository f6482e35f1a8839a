package egress

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Rule opens what is refused otherwise: the addresses of Prefix, or whatever Host resolves to. With a Port it opens only that one, and
// then also one that nobody may call.
type Rule struct {
	Prefix netip.Prefix
	Host   string
	Port   uint16
}

// ParseRule reads a rule as an admin writes it: 10.1.2.3, 10.1.0.0/16, fd00::5, [fd00::5]:8080, crm.internal, crm.internal:8080.
func ParseRule(text string) (Rule, error) {
	bad := fmt.Errorf("%q is no address, network or host; write it like 10.1.2.3:8080, 10.1.0.0/16 or crm.internal", text)
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Addr().Is4In6() {
			return Rule{}, fmt.Errorf("%q: write a network of IPv4 addresses as such", text)
		}
		return Rule{Prefix: p.Masked()}, nil
	}
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		return rulesFor(ip, 0), nil
	}
	if to, err := netip.ParseAddrPort(text); err == nil && to.Addr().Zone() == "" && to.Port() != 0 {
		return rulesFor(to.Addr(), to.Port()), nil
	}
	name, portText, hasPort := strings.Cut(text, ":")
	var port uint64
	if hasPort {
		var err error
		if port, err = strconv.ParseUint(portText, 10, 16); err != nil || port == 0 {
			return Rule{}, bad
		}
	}
	host, err := checkHost(name, false)
	if err != nil {
		return Rule{}, bad
	}
	return Rule{Host: strings.TrimSuffix(host, "."), Port: uint16(port)}, nil
}

func rulesFor(ip netip.Addr, port uint16) Rule {
	ip = ip.Unmap()
	return Rule{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Port: port}
}

// String is the rule as ParseRule reads it.
func (r Rule) String() string {
	text := r.Host
	if text == "" && r.Prefix.IsSingleIP() {
		if r.Port != 0 {
			return netip.AddrPortFrom(r.Prefix.Addr(), r.Port).String()
		}
		return r.Prefix.Addr().String()
	}
	if text == "" {
		return r.Prefix.String()
	}
	if r.Port != 0 {
		text += ":" + strconv.Itoa(int(r.Port))
	}
	return text
}

// opens tells whether the rule opens an address for a host of a URL. Some are opened by none: they name no single server. The local link,
// where clouds hand out credentials, is opened only by rules that name it, never by a wide network or a name.
func (r Rule) opens(host string, ip netip.Addr, port uint16) bool {
	if r.Port != 0 && r.Port != port {
		return false
	}
	if ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return false
	}
	if ip.IsLinkLocalUnicast() && !r.Prefix.Addr().IsLinkLocalUnicast() {
		return false
	}
	if r.Host != "" {
		return r.Host == strings.TrimSuffix(host, ".")
	}
	return r.Prefix.Contains(ip)
}
