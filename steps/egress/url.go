package egress

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// parse reads and checks the URL of a request.
func (c *Client) parse(text string) (*url.URL, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, refused("EGRESS_URL", "the URL cannot be read; it must be like https://example.com/path")
	}
	return c.check(u)
}

// checkText refuses what readers of URLs read differently: one might see another host than the next.
func checkText(text string) error {
	if len(text) > maxURL {
		return overLimit("EGRESS_URL", "http_url", "the URL is longer than %d bytes", maxURL)
	}
	for i := range len(text) {
		if b := text[i]; b <= ' ' || b == 0x7f || b == '\\' {
			return refused("EGRESS_URL", "the URL holds a space, a line break or a backslash; use url(…) for what comes from data")
		}
	}
	return nil
}

// check judges a URL and gives it back in one spelling: lower case, port only where it is not the usual one, no fragment.
func (c *Client) check(u *url.URL) (*url.URL, error) {
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, refused("EGRESS_SCHEME", "only http:// and https:// addresses can be called")
	}
	if u.Opaque != "" || u.Host == "" {
		return nil, refused("EGRESS_URL", "the URL names no host; it must be like https://example.com/path")
	}
	if u.User != nil {
		return nil, refused("EGRESS_URL", "the URL holds a user name or password; send them in an Authorization header")
	}
	host, err := checkHost(u.Hostname(), strings.HasPrefix(u.Host, "["))
	if err != nil {
		return nil, err
	}
	port, err := c.checkPort(u)
	if err != nil {
		return nil, err
	}
	out := *u
	out.Fragment, out.RawFragment = "", ""
	out.Host = host
	if strings.Contains(host, ":") {
		out.Host = "[" + host + "]"
	}
	if port != usualPort(u.Scheme) {
		out.Host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	return &out, nil
}

// checkHost gives a host in its one spelling: an address as it is written normally, or a name in ASCII and small letters.
func checkHost(host string, bracketed bool) (string, error) {
	if bracketed {
		ip, err := netip.ParseAddr(host)
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", refused("EGRESS_URL", "what stands in [ ] must be an IPv6 address, without a zone")
		}
		return ip.String(), nil
	}
	name := host
	if slices.ContainsFunc([]byte(host), func(b byte) bool { return b >= 0x80 }) {
		ascii, err := idna.Lookup.ToASCII(host)
		if err != nil {
			return "", refused("EGRESS_URL", "the host name has characters that a host name cannot have")
		}
		name = ascii
	}
	name = strings.ToLower(name)
	if !validName(name) {
		return "", refused("EGRESS_URL", "the host name has characters or a length that a host name cannot have")
	}
	if !endsInNumber(name) {
		return name, nil
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		// 127.1, 0x7f000001, 017700000001: some libraries take them for addresses, and none of them is needed.
		return "", refused("EGRESS_ADDRESS", "write an IPv4 address as four decimal numbers")
	}
	return ip.String(), nil
}

// validName tells whether a name can be asked of DNS: labels of letters, digits, - and _, with or without the dot at the end.
func validName(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			b := label[i]
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '_' {
				return false
			}
		}
	}
	return true
}

// endsInNumber tells whether a browser or a C library would take the host for an IPv4 address: its last part is a number.
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// checkPort judges the port as far as that is possible without knowing the address: a rule of Allow may open a port of one server.
func (c *Client) checkPort(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" {
		return usualPort(u.Scheme), nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, refused("EGRESS_PORT", "the port must be a number from 1 to 65535")
	}
	port := uint16(n)
	if !openPort(port) && !slices.ContainsFunc(c.opt.Allow, func(r Rule) bool { return r.Port == port }) {
		return 0, closedPort(port)
	}
	return port, nil
}

func closedPort(port uint16) *Error {
	return refused("EGRESS_PORT", "port %d cannot be called: possible are 80, 443 and those from 1024 that belong to no other protocol; an admin can allow this host and port for the app", port)
}

func usualPort(scheme string) uint16 {
	if scheme == "https" {
		return 443
	}
	return 80
}

// portOf is the port of a URL that check gave.
func portOf(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	return usualPort(u.Scheme)
}

// foreign are ports from 1024 on behind which other protocols listen that an HTTP request could talk into something: those that browsers
// refuse, and databases, caches, desktops and the doors of clusters.
var foreign = []uint16{
	1080, 1433, 1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 4369, 5060, 5061, 5222,
	5432, 5672, 5900, 5985, 5986, 6379, 6380, 6443, 6514, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 7000, 7001, 9042, 9092, 9418, 10080,
	10250, 10255, 11211, 26379, 27017, 27018, 27019,
}

// openPort tells whether every scenario may call a port.
func openPort(port uint16) bool {
	if port >= 6000 && port <= 6063 { // X11
		return false
	}
	return port == 80 || port == 443 || port >= 1024 && !slices.Contains(foreign, port)
}
