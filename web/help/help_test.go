package help_test

import (
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/steps"
	"github.com/cuelight/cuelight/triggers"
	"github.com/cuelight/cuelight/web/help"
)

var handler = help.New(engine.Kinds{Steps: steps.All(), Triggers: triggers.All()})

func get(t *testing.T, path string, headers ...string) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

var (
	link = regexp.MustCompile(`(?:href|src|action)="([^"]*)"`)
	id   = regexp.MustCompile(` id="([^"]*)"`)
)

// all gives every page that can be reached from the first one, by its address.
func all(t *testing.T) map[string]string {
	t.Helper()
	pages, open := map[string]string{}, []string{"/help/"}
	for len(open) > 0 {
		path := open[0]
		open = open[1:]
		if _, seen := pages[path]; seen {
			continue
		}
		status, body, _ := get(t, path)
		if status != 200 {
			t.Errorf("%s answers %d", path, status)
		}
		pages[path] = body
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			target, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			if strings.HasPrefix(target, "/help/") && !strings.HasPrefix(target, "/help/assets/") {
				open = append(open, target)
			}
		}
	}
	return pages
}

func TestEveryLinkAndAnchorLeadsSomewhere(t *testing.T) {
	t.Parallel()
	pages := all(t)
	if len(pages) < 40 {
		t.Errorf("only %d pages can be reached", len(pages))
	}
	for path, body := range pages {
		ids := id.FindAllStringSubmatch(body, -1)
		seen := map[string]bool{}
		for _, m := range ids {
			if seen[m[1]] {
				t.Errorf("%s has the id %s twice", path, m[1])
			}
			seen[m[1]] = true
		}
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			target, anchor, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			if target == "" {
				target = path
			}
			there, ok := pages[target]
			switch {
			case ok && anchor != "" && !strings.Contains(there, ` id="`+anchor+`"`):
				t.Errorf("%s links to %s#%s, which is not there", path, target, anchor)
			case ok, target == "/api/openapi.json":
			case strings.HasPrefix(target, "/help/assets/"):
				if status, _, _ := get(t, target); status != 200 {
					t.Errorf("%s: %s answers %d", path, target, status)
				}
			default:
				t.Errorf("%s links to %s, which is no page of the help", path, m[1])
			}
		}
	}
}

func TestEveryKindHasItsPage(t *testing.T) {
	t.Parallel()
	pages := all(t)
	check := func(path, title, text string) {
		body := html.UnescapeString(pages[path])
		first, _, _ := strings.Cut(text, ". ")
		first, _, _ = strings.Cut(first, "vars.")
		if !strings.Contains(body, "<h1>"+title+"</h1>") || !strings.Contains(body, first) || !strings.Contains(body, ">Settings</h2>") {
			t.Errorf("%s does not explain %q", path, title)
		}
	}
	for _, k := range steps.All() {
		check("/help/steps/"+k.Kind, k.Title, k.Help)
	}
	for _, k := range triggers.All() {
		check("/help/triggers/"+k.Kind, k.Title, k.Help)
	}
}

func TestEveryFunctionIsExplained(t *testing.T) {
	t.Parallel()
	body := html.UnescapeString(all(t)["/help/expressions"])
	for _, f := range expr.Functions() {
		if !strings.Contains(body, "<code>"+f.Signature+"</code>") || !strings.Contains(body, f.Help) {
			t.Errorf("%s is not explained", f.Name)
		}
	}
	for _, name := range expr.Reserved() {
		if !strings.Contains(body, "<code>"+name) {
			t.Errorf("the name %s is not explained", name)
		}
	}
}

func TestEveryWordOfTheRefresherIsExplained(t *testing.T) {
	t.Parallel()
	body := all(t)["/help/refresher"]
	found := 0
	sources := os.DirFS("../client/src")
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(sources, path)
		for _, m := range regexp.MustCompile(`setting\(\w+, '(\w+)'\)|duration\(\w+, '(\w+)'`).FindAllStringSubmatch(string(text), -1) {
			found++
			if name := m[1] + m[2]; !strings.Contains(body, "data-cue-"+name) {
				t.Errorf("data-cue-%s of %s is not explained", name, path)
			}
		}
		return err
	})
	if err != nil || found < 10 {
		t.Fatalf("found %d attributes in the sources (%v)", found, err)
	}
	main, err := fs.ReadFile(sources, "main.ts")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`const \{ (.*) \} = script.dataset`).FindStringSubmatch(string(main))
	if names == nil {
		t.Fatal("main.ts reads no attributes of its script")
	}
	for name := range strings.SplitSeq(names[1], ", ") {
		kebab := regexp.MustCompile(`[A-Z]`).ReplaceAllStringFunc(name, func(c string) string { return "-" + strings.ToLower(c) })
		if !strings.Contains(body, "data-"+kebab) {
			t.Errorf("data-%s is not explained", kebab)
		}
	}
}

func TestPagesAreStrictAndCached(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/help/", "/help/five-minutes", "/help/steps/push", "/help/search?q=push", "/help/assets/help.css"} {
		status, body, header := get(t, path)
		policy := header.Get("Content-Security-Policy")
		if status != 200 || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %d, policy %q", path, status, policy)
		}
		if regexp.MustCompile(`(?i)<style|\sstyle=|\son\w+=|<script>|javascript:`).MatchString(body) {
			t.Errorf("%s holds styles or scripts inside", path)
		}
		if strings.HasPrefix(header.Get("Content-Type"), "text/html") && regexp.MustCompile(`(src|href|action)="(https?:)?//`).MatchString(body) {
			t.Errorf("%s loads something from elsewhere", path)
		}
		if status, body, _ := get(t, path, "If-None-Match", header.Get("ETag")); status != 304 || body != "" {
			t.Errorf("%s is sent again: %d", path, status)
		}
	}
	if status, body, _ := get(t, "/help/nothing"); status != 404 || !strings.Contains(body, `name="q"`) {
		t.Errorf("a page that is not there: %d", status)
	}
	if status, _, _ := get(t, "/help/assets/..%2fhelp.go"); status != 404 {
		t.Errorf("a file outside of the assets: %d", status)
	}
}

func TestTheSearchFindsWhatOneLooksFor(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"push":                          "/help/steps/push",
		"send push":                     "/help/steps/push",
		"send push-message":             "/help/steps/push",
		"refresher":                     "/help/refresher",
		"data-cue-on":                   "/help/refresher",
		"jitter":                        "/help/refresher",
		"recovered":                     "/help/any-client",
		"guest":                         "/help/any-client",
		"session_expired":               "/help/any-client",
		"login":                         "/help/any-client",
		"react":                         "/help/react",
		"useCueQuery":                   "/help/react",
		"cron":                          "/help/triggers/schedule",
		"schedule":                      "/help/triggers/schedule",
		"addDays":                       "/help/expressions",
		"functions":                     "/help/expressions",
		"null":                          "/help/expressions",
		"templ":                         "/help/expressions",
		"filter":                        "/help/filters",
		"retry":                         "/help/scenarios",
		"catch error":                   "/help/words",
		"link scenario":                 "/help/steps/call_scenario",
		"edit object":                   "/help/steps/edit_object",
		"for each":                      "/help/steps/for_each",
		"loop":                          "/help/steps/for_each",
		"websocket":                     "/help/any-client",
		"chat":                          "/help/messenger",
		"backup":                        "/help/operating",
		"postgresql":                    "/help/operating",
		"idempotency":                   "/help/api",
		"token":                         "/help/api",
		"export":                        "/help/files",
		"secret":                        "/help/secrets",
		"debounce":                      "/help/scenario-settings",
		"messenger":                     "/help/messenger",
		"PUSH_TO":                       "/help/trouble",
		"nothing happened":              "/help/trouble",
		"scheduled every minute":        "/help/triggers/schedule",
		"send only to one user":         "/help/steps/push",
		"several values in message":     "/help/steps/push",
		"unread count":                  "/help/messenger",
		"array":                         "/help/structures",
		"insert row":                    "/help/steps/create_object",
		"current user":                  "/help/expressions",
		"cors":                          "/help/any-client",
		"time zone":                     "/help/triggers/schedule",
		"max concurrent":                "/help/scenario-settings",
		"stop scenario":                 "/help/scenarios",
		"write from page":               "/help/messenger",
		"how do I make a status board?": "/help/five-minutes",
	} {
		_, body, _ := get(t, "/help/search?q="+url.QueryEscape(query))
		var found []string
		for _, m := range regexp.MustCompile(`<li><a href="(/help/[^"]*)">`).FindAllStringSubmatch(body[strings.Index(body, "<main"):], -1) {
			page, _, _ := strings.Cut(m[1], "#")
			if !slices.Contains(found, page) {
				found = append(found, page)
			}
		}
		if i := slices.Index(found, want); i < 0 || i > 2 {
			t.Errorf("%q finds %v, want %s among the first three", query, found[:min(5, len(found))], want)
		}
	}
}

func TestTheSearchIsHarmless(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "   ", "\"><script>alert(1)</script>", strings.Repeat("a b ", 1000), "…", "\xff\xfe", "nosuchwordanywhere"} {
		status, body, _ := get(t, "/help/search?q="+url.QueryEscape(query))
		if status != 200 || strings.Contains(body, "<script>") {
			t.Errorf("%.20q answers %d", query, status)
		}
	}
	if _, body, _ := get(t, "/help/search?q=nosuchwordanywhere"); !strings.Contains(body, "Nothing was found") {
		t.Error("nothing found is not said")
	}
	_, body, _ := get(t, "/help/search?q=owner+name")
	if !strings.Contains(body, "<mark>owner</mark>") {
		t.Error("what was looked for is not marked")
	}
}

// TestTheExpressionsOfTheHelpAreGood compiles every expression that stands in the tables of the page about them.
func TestTheExpressionsOfTheHelpAreGood(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("pages/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind expr.Kind) expr.Type { return expr.Type{Kind: kind} }
	order := expr.ObjectOf(map[string]expr.Type{
		"status": text(expr.KindString), "note": text(expr.KindString), "total": text(expr.KindDecimal), "count": text(expr.KindInt), "created_at": text(expr.KindTime),
		"owner": text(expr.KindString), "from": text(expr.KindString),
	})
	scope := &expr.Scope{Object: &order, Names: map[string]expr.Type{
		"before": order, "changed": expr.ListOf(text(expr.KindString)), "vars": expr.Any, "steps": expr.Any, "user": expr.Any, "error": expr.Any, "app": expr.Any,
	}}
	_, tables, _ := strings.Cut(string(source), "## What you can write")
	code := regexp.MustCompile("`([^`]+)`")
	compiled := 0
	for line := range strings.Lines(tables) {
		for _, m := range code.FindAllStringSubmatch(line, -1) {
			if !strings.HasPrefix(line, "|") || !regexp.MustCompile(`[ (]`).MatchString(m[1]) || strings.HasPrefix(m[1], "matches") || strings.HasPrefix(m[1], ".format") {
				continue
			}
			compiled++
			if _, err := expr.Compile(m[1], scope, expr.Any); err != nil {
				t.Errorf("%s: %v", m[1], err)
			}
		}
	}
	if compiled < 10 {
		t.Errorf("only %d expressions were found", compiled)
	}
}
