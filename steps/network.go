package steps

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/steps/egress"
)

// Network is the way out of scenarios: one client for each app, since apps differ in what they may reach. It is safe for concurrent use;
// pass it to the engine as its Services.
type Network struct {
	// Own gives the addresses of our own server, which no request may reach.
	Own func() []netip.AddrPort

	mu      sync.Mutex
	clients map[engine.AppID]appClient
}

type appClient struct {
	rules  string
	client *egress.Client
}

// NewNetwork makes the way out.
func NewNetwork(own func() []netip.AddrPort) *Network {
	return &Network{Own: own, clients: map[engine.AppID]appClient{}}
}

// client is the app's own client, made anew when its rules have changed.
func (n *Network) client(app engine.App) (*egress.Client, error) {
	rules := strings.Join(app.PrivateHosts, "\n")
	n.mu.Lock()
	defer n.mu.Unlock()
	if c, ok := n.clients[app.ID]; ok && c.rules == rules {
		return c.client, nil
	}
	var allow []egress.Rule
	for _, text := range app.PrivateHosts {
		rule, err := egress.ParseRule(text)
		if err != nil {
			return nil, engine.StepError("EGRESS_RULE", "the app's private_hosts can not be read: %s", err)
		}
		allow = append(allow, rule)
	}
	if c, ok := n.clients[app.ID]; ok {
		c.client.Close()
	}
	made := egress.New(egress.Options{Allow: allow, Own: n.Own})
	n.clients[app.ID] = appClient{rules, made}
	return made, nil
}

// Close gives the idle connections of all apps back.
func (n *Network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.clients {
		c.client.Close()
	}
}

// CheckPrivateHosts says which of an app's private hosts is wrong.
func CheckPrivateHosts(hosts []string) error {
	i := slices.IndexFunc(hosts, func(text string) bool { _, err := egress.ParseRule(text); return err != nil })
	if i < 0 {
		return nil
	}
	_, err := egress.ParseRule(hosts[i])
	return err
}
