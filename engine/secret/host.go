package secret

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// Host is one address that a secret may be sent to.
type Host struct {
	scheme, name, port string
	// below says that any name below it is meant: *.example.com.
	below bool
}

var errHost = errors.New("must be a host such as api.example.com, *.example.com or api.example.com:8443; write http:// before it only where the " +
	"secret may travel unencrypted")

// ParseHost reads a host as it is written: a name or an address, with an optional port. *. before a name means every name below it. Without a
// scheme, https is meant; without a port, the usual one of the scheme.
func ParseHost(text string) (Host, error) {
	h := Host{scheme: "https"}
	rest := strings.ToLower(text)
	for _, scheme := range []string{"https", "http"} {
		if after, ok := strings.CutPrefix(rest, scheme+"://"); ok {
			h.scheme, rest = scheme, after
			break
		}
	}
	if after, ok := strings.CutPrefix(rest, "*."); ok {
		h.below, rest = true, after
	}
	to, err := url.Parse(h.scheme + "://" + rest)
	if err != nil || rest == "" || len(text) > 300 || to.Host != rest || to.User != nil || to.Hostname() == "" ||
		strings.ContainsAny(to.Hostname(), "*% ") || h.below && net.ParseIP(to.Hostname()) != nil || h.below && !strings.Contains(to.Hostname(), ".") {
		return Host{}, errHost
	}
	h.name, h.port = to.Hostname(), port(to)
	return h, nil
}

// Allows says whether the host is the one that an address leads to.
func (h Host) Allows(to *url.URL) bool {
	name := strings.TrimSuffix(strings.ToLower(to.Hostname()), ".")
	if h.scheme != strings.ToLower(to.Scheme) || h.port != port(to) {
		return false
	}
	if h.below {
		return strings.HasSuffix(name, "."+h.name)
	}
	return name == h.name
}

// port is an address's port, the usual one of its scheme where it names none.
func port(to *url.URL) string {
	switch {
	case to.Port() != "":
		return to.Port()
	case strings.EqualFold(to.Scheme, "http"):
		return "80"
	}
	return "443"
}

// Covers says whether the host allows every address that another one allows.
func (h Host) Covers(o Host) bool {
	if h.scheme != o.scheme || h.port != o.port {
		return false
	}
	if h.below {
		return strings.HasSuffix(o.name, "."+h.name) || o.below && o.name == h.name
	}
	return !o.below && o.name == h.name
}

// One says that the host is one and not all below a name.
func (h Host) One() bool { return !h.below }

// String writes the host with its scheme and port.
func (h Host) String() string {
	name := h.name
	if h.below {
		name = "*." + name
	}
	return h.scheme + "://" + net.JoinHostPort(name, h.port)
}
