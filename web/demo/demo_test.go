package demo

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/page.html")

func sample() PageData {
	return PageData{
		AppID: "demo", BaseURL: "http://localhost:8090", Token: "cue_sample", Offset: "e1.42", Apps: true,
		Orders: []Order{
			{ID: "1042", Number: "1042", Status: "new", Total: "120.00", Owner: "testUser", ChangedAt: "2026-11-23T16:20:06.123Z"},
			{ID: "1043", Number: "1043", Status: "paid", Total: "80.50", Owner: "anna", Note: "gift wrap", ChangedAt: "2026-11-23T15:01:44Z"},
			{ID: "1044", Number: "1044", Status: "ready", Total: "1240.00", Owner: "anna", ChangedAt: "2026-11-23T14:11:09Z"},
			{ID: "1045", Number: "1045", Status: "shipped", Total: "15.90", Owner: "testUser", Note: "<b>fragile</b>", ChangedAt: "not a date"},
		},
	}
}

func render(t *testing.T, data PageData) string {
	t.Helper()
	var out bytes.Buffer
	if err := Page(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPageIsTheGoldenOne(t *testing.T) {
	got := render(t, sample())
	if *update {
		if err := os.WriteFile("testdata/page.html", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page differs from testdata/page.html; look at it and run go test ./web/demo -update\n%s", got)
	}
}

func TestPagesRunUnderAStrictContentPolicy(t *testing.T) {
	for name, page := range map[string]string{
		"shop": render(t, sample()), "board": renderBoard(t, sampleBoard()), "messenger": renderMessenger(t, sampleMessenger()),
		"login": renderMessenger(t, MessengerData{AppID: Messenger}),
	} {
		for _, inline := range []string{`<style`, `\sstyle=`, `\son[a-z]+=`, `<script[^>]*>[^<]`, `javascript:`} {
			if found := regexp.MustCompile(inline).FindString(strings.ReplaceAll(page, "&#34;", "")); found != "" {
				t.Errorf("%s: the page has %q inline", name, found)
			}
		}
		asked := regexp.MustCompile(`(?:src|href)="/demo/assets/([^"]+)"`).FindAllStringSubmatch(page, -1)
		if len(asked) < 3 {
			t.Errorf("%s: the page asks for %v only", name, asked)
		}
		for _, m := range asked {
			if _, err := fs.Stat(Assets(), m[1]); err != nil {
				t.Errorf("%s: the page asks for an asset that is not there: %v", name, err)
			}
		}
	}
}

func TestPageWithoutOrdersTokenAndOffset(t *testing.T) {
	page := render(t, PageData{AppID: "demo", BaseURL: "http://localhost:8090"})
	for _, want := range []string{"No orders.", "$CUELIGHT_TOKEN", "printed when the server starts", "a guest"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "data-cue-at") {
		t.Error("the page claims a position without one")
	}
}
