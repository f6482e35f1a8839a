package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/web/api"
)

// limit is a limit that an operator can set.
type limit struct {
	field      func(*Config) *int
	otherwise  int
	unit, help string
}

// limits are the limits of clients by the names that /api/v1/limits and refusals give.
var limits = map[string]limit{
	"requests":          {func(c *Config) *int { return &c.Web.Requests }, 300, "per 10 s", "requests of one address"},
	"batches":           {func(c *Config) *int { return &c.Web.Batches }, 3, "per second", "batches of objects of one address"},
	"connections":       {func(c *Config) *int { return &c.Web.Connections }, 2500, "connections", "connections of one address"},
	"body_bytes":        {func(c *Config) *int { return &c.Web.API.BodyBytes }, 1 << 20, "bytes", "the body of one request"},
	"pushes":            {func(c *Config) *int { return &c.Web.API.Pushes }, 1000, "per second", "pushes of an app by the API, each receiver counted"},
	"sockets":           {func(c *Config) *int { return &c.Live.Sockets }, 10_000, "sockets", "open sockets of this process"},
	"app_sockets":       {func(c *Config) *int { return &c.Live.AppSockets }, 5000, "sockets", "open sockets of one app"},
	"user_sockets":      {func(c *Config) *int { return &c.Live.UserSockets }, 20, "sockets", "open sockets of one user"},
	"ip_sockets":        {func(c *Config) *int { return &c.Live.IPSockets }, 2000, "sockets", "open sockets of one address"},
	"ip_half_open":      {func(c *Config) *int { return &c.Live.IPHalfOpen }, 500, "sockets", "sockets of one address before CONNECT"},
	"ip_handshakes":     {func(c *Config) *int { return &c.Live.IPHandshakes }, 200, "per second", "new sockets of one address"},
	"messages":          {func(c *Config) *int { return &c.Live.Messages }, 20, "per second", "messages from one socket"},
	"message_bytes":     {func(c *Config) *int { return &c.Live.MessageBytes }, 64 << 10, "bytes", "one message from a socket"},
	"replay_pushes":     {func(c *Config) *int { return &c.Live.RingPushes }, 20_000, "pushes", "pushes of an app that are replayed, for 2 minutes"},
	"replay_bytes":      {func(c *Config) *int { return &c.Live.RingBytes }, 16 << 20, "bytes", "pushes of an app that are replayed, for 2 minutes"},
	"login_per_account": {func(c *Config) *int { return &c.Logins.LoginsPerAccount }, 5, "tries per minute", "logins with one name from one address"},
	"login_per_address": {func(c *Config) *int { return &c.Logins.LoginsPerAddress }, 20, "tries per minute", "logins from one address"},
}

// SetLimits sets limits by name. An unknown name or a value below 1 is refused.
func (c *Config) SetLimits(values map[string]int) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		l, ok := limits[name]
		if !ok {
			return fmt.Errorf("there is no limit %q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(limits)), ", "))
		}
		if values[name] < 1 {
			return fmt.Errorf("limit %s must be 1 or more", name)
		}
		*l.field(c) = values[name]
	}
	return nil
}

// shown are the rows of /api/v1/limits that the API does not know by itself.
func (c *Config) shown() []api.Limit {
	var rows []api.Limit
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		l := limits[name]
		if own := []string{"requests", "batches", "connections", "body_bytes", "pushes", "login_per_account", "login_per_address"}; slices.Contains(own, name) {
			continue
		}
		value := *l.field(c)
		if value == 0 {
			value = l.otherwise
		}
		rows = append(rows, api.Limit{Name: name, Value: int64(value), Unit: l.unit, Help: l.help})
	}
	return rows
}
