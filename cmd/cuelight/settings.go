package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/cuelight/cuelight/web/api"
)

// settingsOf lists the flags of the command that was chosen, each with its value and where that comes from.
// data is the data directory in the end.
func settingsOf(parsed *kong.Context, data string) []api.Setting {
	given := map[string]bool{}
	for _, p := range parsed.Path {
		if p.Flag != nil && !p.Resolved {
			given[p.Flag.Name] = true
		}
	}
	list := []api.Setting{}
	for _, f := range parsed.Selected().Flags {
		if f.Name == "help" || f.Hidden {
			continue
		}
		s := api.Setting{Name: f.Name, Value: settingText(f.Target.Interface()), From: "default", Flag: "--" + f.Name, Help: f.Help}
		if f.Name == "data" {
			s.Value = data
		}
		if len(f.Envs) > 0 {
			s.Env = f.Envs[0]
		}
		if _, set := os.LookupEnv(s.Env); set && s.Env != "" {
			s.From = "env"
		}
		if given[f.Name] {
			s.From = "flag"
		}
		list = append(list, s)
	}
	return list
}

// settingText is a value as it is shown. What is a URL with a password is shown without it.
func settingText(value any) string {
	switch v := value.(type) {
	case map[string]int:
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			pairs = append(pairs, fmt.Sprintf("%s=%d", name, v[name]))
		}
		return strings.Join(pairs, "; ")
	case string:
		if strings.Contains(v, "://") {
			u, err := url.Parse(v)
			if err != nil {
				return "…" // it may hold a password
			}
			query := u.Query()
			if query.Has("password") {
				query.Set("password", "xxxxx")
				u.RawQuery = query.Encode()
			}
			return u.Redacted()
		}
		if strings.Contains(v, "password=") {
			return "…"
		}
		return v
	}
	return fmt.Sprint(value)
}
