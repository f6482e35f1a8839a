package main

import (
	"testing"

	"github.com/alecthomas/kong"
)

func TestASettingSaysWhereItsValueComesFrom(t *testing.T) {
	t.Setenv("CUELIGHT_DATABASE", "postgres://anna:sesame@db/cue?password=sesame")
	t.Setenv("CUELIGHT_LISTEN", "127.0.0.1:1")
	var c cli
	parser, err := kong.New(&c, kong.DefaultEnvars("CUELIGHT"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse([]string{"serve", "--listen", "127.0.0.1:2", "--limit", "sockets=3;requests=4"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]string{}
	for _, s := range settingsOf(parsed, "kept") {
		got[s.Name] = [2]string{s.Value, s.From}
		if s.Flag != "--"+s.Name || s.Env == "" || s.Help == "" {
			t.Errorf("%+v does not say how it is set and what for", s)
		}
	}
	for name, want := range map[string][2]string{
		"listen": {"127.0.0.1:2", "flag"}, "database": {"postgres://anna:xxxxx@db/cue?password=xxxxx", "env"}, "data": {"kept", "default"},
		"limit": {"requests=4; sockets=3", "flag"}, "demo": {"false", "default"}, "log-level": {"info", "default"}, "public-url": {"", "default"},
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if text := settingText("host=db password=sesame"); text != "…" {
		t.Errorf("a password is shown: %s", text)
	}
}
