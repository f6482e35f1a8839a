package engine

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/url"
	"testing"

	"github.com/cuelight/cuelight/engine/secret"
)

// Publishing a scenario of an app with many secrets took as long as making its masker anew.
func TestAnUnrelatedChangeKeepsTheMasker(t *testing.T) {
	t.Parallel()
	box, err := secret.NewBox(bytes.Repeat([]byte{7}, secret.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	c := &catalogues{log: slog.New(slog.DiscardHandler), secrets: box}
	sealed := func(id, value string, rev int64) *Record {
		body, err := marshal(secretRecord{ID: id, Hosts: []string{"a.example"}, Sealed: box.Seal(value, "shop", id)})
		if err != nil {
			t.Fatal(err)
		}
		return &Record{App: "shop", Kind: RecordSecret, ID: id, Rev: rev, Body: body}
	}
	number := int64(0)
	load := func(records ...*Record) *catalogue {
		t.Helper()
		number++
		cat, err := c.compile("shop", number, records)
		if err != nil {
			t.Fatal(err)
		}
		c.keep(cat)
		return cat
	}
	crm := sealed("crm", "the canary", 1)
	first := load(crm)
	second := load(crm, &Record{App: "shop", Kind: RecordConstant, ID: "vat", Body: []byte(`{"id":"vat","value":1}`)})
	if second.mask != first.mask || second.mask.String("the canary") != secret.Mask {
		t.Error("a constant has the masker made anew")
	}
	// Deleted and made anew, the secret has the same revision and another value.
	if third := load(sealed("crm", "the parrot", 1)); third.mask.String("the parrot, the canary") != secret.Mask+", the canary" {
		t.Errorf("the masker of another secret leaves %q", third.mask.String("the parrot, the canary"))
	}
	if last := load(); last.mask != nil {
		t.Error("without secrets there is a masker")
	}
}

func TestAnAddressThatIsMadeWithASecretTellsNoMoreThanItsHosts(t *testing.T) {
	t.Parallel()
	opened := func(hosts ...string) *openedSecret {
		s := &openedSecret{}
		for _, text := range hosts {
			h, err := secret.ParseHost(text)
			if err != nil {
				t.Fatal(err)
			}
			s.hosts = append(s.hosts, h)
		}
		return s
	}
	o := &Outside{secrets: []string{"crm", "key"}, cat: &catalogue{secrets: map[string]*openedSecret{
		"crm": opened("*.example.com", "http://10.1.2.3:8080"), "key": opened("api.example.com", "*.example.com", "http://10.1.2.3:8080"),
	}}}
	for address, want := range map[string]string{
		"https://api.example.com/CANARY?x=CANARY#CANARY": "https://api.example.com/•••• false",
		"http://10.1.2.3:8080/CANARY":                    "http://10.1.2.3:8080/•••• false",
		"https://CANARY.example.com/":                    "https://*.example.com:443/•••• true",
	} {
		to, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if text, hidden := o.Told(to); fmt.Sprint(text, " ", hidden) != want {
			t.Errorf("%s is told as %s, %t; want %s", address, text, hidden, want)
		}
	}
}
