package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/secret"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
)

// canary is a secret that must not be found where it does not belong.
const canary = "can4ry/of+the mine"

func newBox(t *testing.T) *secret.Box {
	t.Helper()
	key := make([]byte, secret.KeyBytes)
	_, _ = rand.Read(key)
	box, err := secret.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// sealed gives the world an engine that keeps secrets with a key.
func sealed(t *testing.T, w *world, box *secret.Box) {
	t.Helper()
	w.restart(t, engine.Options{Secrets: box})
	if _, err := w.e.ChangeApp(w.ctx, app, func(a *engine.App) error { a.PrivateHosts = []string{"127.0.0.0/8"}; return nil }); err != nil {
		t.Fatal(err)
	}
}

func (w *world) setSecret(id, value string, hosts ...string) {
	w.t.Helper()
	if _, _, _, err := w.e.PutSecret(w.ctx, engine.SecretWrite{App: app, ID: id, Value: &value, Hosts: &hosts, Who: "test"}); err != nil {
		w.t.Fatal(err)
	}
}

// echo answers with all that it was sent, and counts.
func echo(t *testing.T, asked *atomic.Value) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		all := fmt.Sprint(r.URL, r.Header["Authorization"], r.Header["X-Key"], string(body))
		asked.Store(all)
		if r.URL.Path == "/fail" {
			http.Error(rw, all, http.StatusBadGateway)
			return
		}
		rw.Header().Set("X-Echo", url.QueryEscape(r.Header.Get("Authorization"))+" "+base64.StdEncoding.EncodeToString(body))
		_ = json.NewEncoder(rw).Encode(map[string]string{"echo": all})
	}))
	t.Cleanup(server.Close)
	return server
}

// everything is all that the store keeps of the app, as text.
func (w *world) everything() string {
	w.t.Helper()
	var all strings.Builder
	add := func(v any, err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = fmt.Fprintf(&all, "%+v\n", v)
	}
	_, records, err := w.store.Catalogue(w.ctx, app, engine.RecordSecret, engine.RecordScenario, engine.RecordApp)
	add(nil, err)
	for _, r := range records {
		add(string(r.Body), nil)
	}
	runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Limit: 1000})
	add(nil, err)
	for _, r := range runs {
		add(string(r.State), nil)
		add(r.Error, nil)
		steps, err := w.store.Steps(w.ctx, app, r.ID, 0, 1000)
		add(nil, err)
		for _, s := range steps {
			add(string(s.Settings)+string(s.Output)+s.Error, nil)
		}
		values, err := w.store.Values(w.ctx, app, r.ID)
		add(nil, err)
		for _, v := range values {
			add(string(v.Value), nil)
		}
	}
	return all.String() + w.pushed()
}

// holds says in which form a text holds the canary.
func holds(text string) string {
	i := strings.Index(text, canary[:6])
	if i < 0 {
		return ""
	}
	return text[max(0, i-20):min(len(text), i+40)]
}

func TestASecretIsSentAndIsFoundNowhereElse(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		var asked atomic.Value
		server := echo(t, &asked)
		w.setSecret("crm", canary, server.URL)
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
			{"id":"h","kind":"http_request","method":"POST","url":"` + server.URL + `/{{ object.note }}?key={{ url(secret.crm) }}","headers":{"Authorization":"Bearer {{ secret.crm }}"},"body":{"key":["{{ secret.crm }}"]}},
			{"id":"v","kind":"set_variables","set":{"got":"{{ steps.h.body.echo }}"}},
			{"id":"p","kind":"push","to":"*","event":"got","message":"{{ vars.got }} {{ json(steps.h.headers) }}"}]}`)
		for _, path := range []string{"ok", "fail"} {
			w.mustWrite(engine.WriteCreate, "Order", path, `{"note":"`+path+`"}`)
			w.settle()
			if got, _ := asked.Load().(string); strings.Count(got, canary) != 2 || !strings.Contains(got, "can4ry%2F") {
				t.Errorf("the server was sent %s", got)
			}
		}
		if form := holds(w.everything()); form != "" {
			t.Errorf("the store holds the secret as %q", form)
		}
		if !strings.Contains(w.pushed(), secret.Mask) {
			t.Errorf("what the server echoed is not there with the secret masked: %s", w.pushed())
		}
		list, err := w.e.Secrets(w.ctx, app)
		if doc, _ := json.Marshal(list); err != nil || len(list) != 1 || !list[0].Value.Set || list[0].Value.By != "test" || holds(string(doc)) != "" {
			t.Errorf("the list of secrets is %s (%v)", doc, err)
		}
	})
}

func TestASecretDoesNotGoToAnotherHost(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		var asked, other atomic.Value
		server, wrong := echo(t, &asked), echo(t, &other)
		redirect := httptest.NewServer(http.RedirectHandler(wrong.URL, http.StatusTemporaryRedirect))
		t.Cleanup(redirect.Close)
		w.setSecret("crm", canary, "api.example.com", "*.example.org", redirect.URL)
		for id, step := range map[string]string{
			"host":     `"url":"` + server.URL + `","headers":{"X-Key":"{{ secret.crm }}"}`,
			"in-url":   `"url":"` + server.URL + `/{{ url(secret.crm) }}"`,
			"no-tls":   `"url":"http://api.example.com/","headers":{"X-Key":"{{ secret.crm }}"}`,
			"as-host":  `"url":"https://{{ secret.crm }}.evil.example/"`,
			"one-of":   `"url":"` + server.URL + `","headers":{"X-Key":"{{ object.urgent == true ? secret.crm : \"none\" }}"}`,
			"redirect": `"method":"POST","url":"` + redirect.URL + `","body":"{{ secret.crm }}"`,
			"header":   `"url":"` + redirect.URL + `","headers":{"X-Key":"{{ secret.crm }}"}`,
		} {
			w.mustPublish(`{"id":"` + id + `","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request",` + step + `}]}`)
		}
		w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		w.settle()
		runs, err := w.store.Runs(w.ctx, engine.RunQuery{App: app, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		codes := map[string]string{}
		for _, r := range runs {
			codes[r.Scenario] = string(r.Status)
			if r.Error != nil {
				codes[r.Scenario] = r.Error.Code
			}
		}
		want := "map[as-host:SECRET_HOST header:done host:SECRET_HOST in-url:SECRET_HOST no-tls:SECRET_HOST one-of:SECRET_HOST redirect:EGRESS_REDIRECT]"
		if got := fmt.Sprint(codes); got != want {
			t.Errorf("runs ended as\n%s, want\n%s", got, want)
		}
		if got, was := other.Load().(string); was && holds(got) != "" || asked.Load() != nil {
			t.Errorf("the secret reached another host: %v, %v", got, asked.Load())
		}
		if form := holds(w.everything()); form != "" {
			t.Errorf("the store holds the secret as %q", form)
		}
	})
}

func TestASecretWithoutValueOrWithAnotherKeySaysSo(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		hosts := []string{"api.example.com"}
		if _, _, _, err := w.e.PutSecret(w.ctx, engine.SecretWrite{App: app, ID: "empty", Hosts: &hosts}); err != nil {
			t.Fatal(err)
		}
		w.setSecret("lost", canary, hosts...)
		for _, id := range []string{"empty", "lost"} {
			w.mustPublish(`{"id":"` + id + `","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[
				{"id":"h","kind":"http_request","url":"https://api.example.com/","headers":{"X":"{{ secret.` + id + ` }}"}}],
				"catch":[{"id":"p","kind":"push","to":"*","event":"` + id + `","message":"{{ error.code }}: {{ error.message }}"}]}`)
		}
		sealed(t, w, newBox(t)) // another key
		w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		w.settle()
		for _, want := range []string{`"SECRET_EMPTY: the secret empty has no value yet`, `"SECRET_KEY: the secret lost was sealed with another key`} {
			if !strings.Contains(w.pushed(), want) {
				t.Errorf("pushed %s, want %s", w.pushed(), want)
			}
		}
		list, err := w.e.Secrets(w.ctx, app)
		if err != nil || len(list) != 2 || list[0].Value.Set || !list[1].Value.Unreadable {
			t.Errorf("the list is %+v (%v)", list, err)
		}
	})
}

func TestSecretsAreNamedWhereTheyAreSentOnly(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		w.setSecret("crm", canary, "api.example.com")
		for step, want := range map[string]string{
			`{"id":"p","kind":"push","to":"*","event":"e","message":"{{ secret.crm }}"}`:                                "only in fields that are sent",
			`{"id":"p","kind":"set_variables","set":{"x":"{{ secret.crm }}"}}`:                                          "only in fields that are sent",
			`{"id":"p","kind":"http_request","url":"https://api.example.com/{{ secret.crn }}"}`:                         "crm",
			`{"id":"p","kind":"http_request","url":"https://api.example.com/","body":"{{ json(secret) }}"}`:             "must name the secret",
			`{"id":"p","kind":"http_request","url":"https://api.example.com/","headers":{"X":"{{ secret.crm }}"}}`:      "",
			`{"id":"p","kind":"http_request","url":"https://api.example.com/","headers":{"X":"{{ secret[\"crm\"] }}"}}`: "",
		} {
			problems, err := w.e.Validate(w.ctx, app, []byte(`{"id":"x","structure":"Order","steps":[`+step+`]}`))
			if got := fmt.Sprint(problems); err != nil || want == "" && len(problems) > 0 || !strings.Contains(got, want) {
				t.Errorf("%s: %s (%v), want %q", step, got, err, want)
			}
		}
		w.mustPublish(`{"id":"x","structure":"Order","steps":[{"id":"h","kind":"http_request","url":"https://api.example.com/","headers":{"X":"{{ secret.crm }}"}}]}`)
		if err := w.e.DeleteSecret(w.ctx, app, "crm", 0); engine.ErrorCode(err) != "SECRET_IN_USE" {
			t.Errorf("a secret that a scenario names is deleted: %v", err)
		}
		for value, hosts := range map[string][]string{"abc": {"a.example"}, canary: {}, canary + "x": {"*"}, canary + "y": {"https://a.example/path"}} {
			if _, _, _, err := w.e.PutSecret(w.ctx, engine.SecretWrite{App: app, ID: "bad", Value: &value, Hosts: &hosts}); engine.ErrorCode(err) == "INTERNAL" || err == nil || holds(err.Error()) != "" {
				t.Errorf("a secret for %v: %v", hosts, err)
			}
		}
	})
}

func TestAConstantIsReadByEveryExpression(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		set := func(id, value string) {
			t.Helper()
			if _, _, err := w.e.PutConstant(w.ctx, app, engine.Constant{ID: id, Value: json.RawMessage(value)}, 0); err != nil {
				t.Fatal(err)
			}
		}
		set("limit", "100")
		set("shop", `"Corner"`)
		set("vat", "1.21")
		w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"],"if":"object.total > const.limit"}],"steps":[
			{"id":"p","kind":"push","to":"*","event":"e","message":"{{ const.shop }} {{ object.total * const.vat }} {{ GlobalVar.limit }}"}]}`)
		w.mustWrite(engine.WriteCreate, "Order", "1", `{"total":"50"}`)
		w.mustWrite(engine.WriteCreate, "Order", "2", `{"total":"150"}`)
		w.settle()
		set("limit", "10")
		w.mustWrite(engine.WriteCreate, "Order", "3", `{"total":"50"}`)
		w.settle()
		if got, want := w.pushed(), "* e \"Corner 181.50 100\"\n* e \"Corner 60.50 10\"\n"; got != want {
			t.Errorf("pushed %s, want %s", got, want)
		}
		if _, _, err := w.e.PutConstant(w.ctx, app, engine.Constant{ID: "limit", Value: json.RawMessage(`"many"`)}, 0); engine.ErrorCode(err) != "CONSTANT_IN_USE" || !strings.Contains(err.Error(), "x") {
			t.Errorf("a constant's type changes under a scenario: %v", err)
		}
		if err := w.e.DeleteConstant(w.ctx, app, "vat", 0); engine.ErrorCode(err) != "CONSTANT_IN_USE" {
			t.Errorf("a constant that a scenario reads is deleted: %v", err)
		}
		problems, err := w.e.Validate(w.ctx, app, []byte(`{"id":"y","steps":[{"id":"p","kind":"push","to":"*","event":"{{ const.shopp }}"}]}`))
		if err != nil || !strings.Contains(fmt.Sprint(problems), "shop") {
			t.Errorf("an unknown constant: %v (%v)", problems, err)
		}
	})
}

// 200 secrets of 16 KB each made a masker of 1.8 GB, anew for every change of the app.
func TestTheSecretsOfAnAppAreBoundedTogether(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		long := strings.Repeat(canary, secret.MaxBytes/len(canary))
		hosts := []string{"api.example.com"}
		put := func(id, value string) error {
			_, _, _, err := w.e.PutSecret(w.ctx, engine.SecretWrite{App: app, ID: id, Value: &value, Hosts: &hosts})
			return err
		}
		for i := range engine.MaxSecretsBytes / secret.MaxBytes {
			if err := put(fmt.Sprint("long", i), long); err != nil {
				t.Fatal(err)
			}
		}
		rest := engine.MaxSecretsBytes - engine.MaxSecretsBytes/secret.MaxBytes*len(long)
		if err := put("last", strings.Repeat("x", rest)); err != nil {
			t.Errorf("a secret that just fits is refused: %v", err)
		}
		inv, is := errors.AsType[*engine.InvalidError](put("more", "more"))
		if !is || !inv.Conflict || inv.Fields[0].Path != "value" || inv.Fields[0].Limit != "secrets_bytes" {
			t.Errorf("a secret beyond the bound: %v", inv)
		}
		if err := put("long0", long+"x"); err == nil {
			t.Error("a secret grows beyond the bound")
		}
		if err := put("long0", long[1:]); err != nil {
			t.Errorf("a secret can not shrink: %v", err)
		}
		if err := put("more", "y"); engine.ErrorCode(err) != "LIMIT" || err == nil {
			t.Errorf("a secret that is too short: %v", err)
		}
		if !slices.ContainsFunc(engine.Limits(), func(l engine.Limit) bool { return l.Name == "secrets_bytes" && l.Value == engine.MaxSecretsBytes }) {
			t.Error("the bound is not among the limits")
		}
	})
}

// What upper makes of a secret is not found by its value: it stood in the log, as a part of the address.
func TestAnAddressThatIsMadeWithASecretIsNotLogged(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		sealed(t, w, newBox(t))
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/fail" {
				rw.WriteHeader(http.StatusBadGateway)
			}
		}))
		t.Cleanup(server.Close)
		away := httptest.NewServer(http.NotFoundHandler())
		away.Close()
		w.setSecret("crm", canary, server.URL, away.URL)
		for id, address := range map[string]string{
			"plain": server.URL + "/ok?note=upper", "made": server.URL + "/ok?key={{ url(upper(secret.crm)) }}", "failed": server.URL + "/fail?key={{ url(upper(secret.crm)) }}",
			"away": away.URL + "/{{ url(upper(secret.crm)) }}",
		} {
			w.mustPublish(`{"id":"` + id + `","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"h","kind":"http_request","url":"` + address + `"}]}`)
		}
		w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
		w.settle()
		all := w.everything()
		if i := strings.Index(all, strings.ToUpper(canary[:6])); i >= 0 {
			t.Errorf("the store holds %s", all[max(0, i-80):i+20])
		}
		if n := strings.Count(all, server.URL+"/"+secret.Mask); n != 2 {
			t.Errorf("the hidden addresses are told %d times, want 2: %s", n, all)
		}
		if !strings.Contains(all, server.URL+"/ok?note=upper") {
			t.Errorf("an address without a secret is not told: %s", all)
		}
	})
}

type breaks struct {
	Key *engine.Template `json:"key" type:"string" sent:"true" title:"Key" doc:"What it breaks with."`
}

func TestAStepThatBreaksWithASecretLogsNone(t *testing.T) {
	for name, open := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := engine.StepSpec[breaks]{
				Kind: "breaks", Title: "Breaks", Group: "logic", Help: "A test's own.", Effect: true,
				Outside: func(_ context.Context, o *engine.Outside, c *breaks) (any, error) {
					key, err := c.Key.Text(o.Scope)
					panic(fmt.Sprint("key ", key, err))
				},
				Describe: func(context.Context, *engine.Outside, *breaks) (any, error) { return nil, nil },
				Run:      func(*engine.Scope, *breaks) (engine.Outcome, error) { return engine.Outcome{}, nil },
			}.Build()
			w := newWorld(t, open(t))
			w.e.Close()
			var log lockedBuffer
			w.e = engine.New(w.store, engine.Options{
				Kinds: engine.Kinds{Steps: append(steps.All(), kind), Triggers: triggers.All()}, Secrets: newBox(t), Log: slog.New(slog.NewJSONHandler(&log, nil)),
			})
			if err := w.e.Start(w.ctx); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(w.e.Close)
			w.setSecret("crm", canary, "api.example.com")
			w.mustPublish(`{"id":"x","structure":"Order","triggers":[{"id":"c","kind":"object","on":["created"]}],"steps":[{"id":"b","kind":"breaks","key":"{{ secret.crm }}"}]}`)
			w.mustWrite(engine.WriteCreate, "Order", "o", `{}`)
			w.settle()
			all := w.everything()
			if form := holds(all + log.String()); form != "" || !strings.Contains(all, "broke: key "+secret.Mask) || !strings.Contains(log.String(), "key "+secret.Mask) {
				t.Errorf("found %q; the log is %s\nthe store %s", form, log.String(), all)
			}
		})
	}
}
