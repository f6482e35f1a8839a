package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// How a bomb ends: refused when the scenario is published, with this code of the field; or, when it is run, cut off by the budget, stopped by
// an error of its own, or done, since it is harmless.
const (
	refused = "refused with EXPRESSION"
	budget  = "run and cut off: BUDGET"
	failed  = "run and failed: EXPRESSION"
	done    = "run to its end"
)

// bomb is an expression that wants all of a processor or of its memory. Its data is object.text, 60,000 bytes of the letter a.
type bomb struct{ source, end string }

// bombs are the rows of guarantees 3.1, written with the functions that this language has, and their relatives.
var bombs = map[string]bomb{
	// Ranges and nested closures.
	"map of map":           {`len(map(1..1000000, map(1..1000000, #))) > 0`, budget},
	"long map":             {`len(map(1..999990, #)) > 0`, budget},
	"all in all in all":    {`let a = 1..1000; all(a, all(a, all(a, true)))`, budget},
	"all six deep":         {`let a = 1..1000; all(a, all(a, all(a, all(a, all(a, all(a, true))))))`, budget},
	"sum of sum":           {`let a = 1..1000; sum(a, sum(a, sum(a, #))) > 0`, budget},
	"count in count":       {`let a = 1..3000; count(a, count(a, count(a, count(a, # > 5) > 3) > 3) > 3) > 0`, budget},
	"filter of filter":     {`len(filter(filter(filter(1..100000, true), true), true)) > 0`, budget},
	"quadratic in":         {`let a = 1..20000; all(a, # in a)`, budget},
	"range to the end":     {`len(1..9007199254740992) > 0`, failed},
	"range past the end":   {`len(1..9223372036854775807) > 0`, refused},
	"overflowing range":    {`len((-9007199254740992)..9007199254740992) > 0`, failed},
	"closure over data":    {`count(1..100000, object.text contains "b") > 0`, budget},
	"equal texts":          {`count(1..100000, object.text == object.text + "") > 0`, budget},
	"text made per number": {`len(map(1..1000, object.text + object.text)) > 0`, budget},
	// Texts that grow. The first two are judged inside the commit, whose budget is smaller.
	"doubling":        {doubling(`object.text`, 30) + `len(x30) > 0`, budget},
	"eightfold":       {eightfold + `len(d) > 0`, budget},
	"doubling by run": {`any([1], (` + doubling(`object.text`, 30) + `len(x30) > 0))`, budget},
	"upper":           {`count(1..3000, len(upper(object.text)) == 0) > 0`, budget},
	"replace nothing": {`replace(object.text, "", object.text) == object.text`, done},
	"replace all":     {`len(replace(object.text, "a", object.text)) > 0`, budget},
	"replace again":   {`let b = replace(object.text, "a", "` + strings.Repeat("b", 60) + `"); len(replace(b, "b", b)) > 0`, budget},
	"url of url":      {`let a = replace(object.text, "a", "%"); len(url(url(url(url(url(url(a))))))) > 0`, budget},
	"json of json":    {`let a = replace(object.text, "a", "\""); len(json(json(json(json(json(json(a))))))) > 0`, budget},
	"letters":         {`len([split(object.text, ""), split(object.text, ""), split(object.text, "")]) > 0`, budget},
	"many letters":    {`count(1..100, len(split(object.text, "")) > 3) > 0`, budget},
	"joined":          {`len(join(map(1..9000, object.text))) > 0`, failed},
	"joined again":    {`let a = map(1..5, object.text); count(1..1000, len(join(a, object.text)) > 0) > 0`, budget},
	"sum of texts":    {`sum(map(1..100, object.text)) == 0`, failed},
	// Lists that share their elements: 10^12 of them when they are written out.
	"json of shared":   {shared(12) + `len(json(x12)) > 0`, budget},
	"string of shared": {shared(12) + `len(string(x12)) > 0`, budget},
	"join of shared":   {shared(12) + `len(join(x12, ",")) > 0`, budget},
	"equal shared":     {shared(12) + `x12 == map([x12], #)[0]`, budget},
	"in shared":        {shared(12) + `any(x12, # in x12)`, budget},
	"concat of lists":  {`let a = 1..1000; len(a + a) > 0`, refused},
	"two long lists":   {`len([1..100000, 1..100000]) > 0`, budget},
	"min of many":      {`count(1..1000, min(1..100000) == 1) > 0`, budget},
	// Patterns: linear in the text, with a factor of their size.
	"pattern stars":        {`object.text matches "(a*)*(a*)*b"`, done},
	"pattern stars often":  {`count(1..1000, object.text matches "(a*)*(a*)*b") > 0`, budget},
	"pattern repeats":      {`object.text matches "(x{0,30}){0,30}a*b"`, budget},
	"pattern too large":    {`object.text matches "(x{0,100}){0,100}a*b"`, refused},
	"pattern too long":     {`object.text matches "` + strings.Repeat("a", 300) + `"`, refused},
	"pattern of data":      {`object.text matches object.text`, failed},
	"pattern made anew":    {`count(1..5000, object.text matches ("(x{0,30}){0,30}a*b" + string(#))) > 0`, budget},
	"pattern on long text": {`(object.text + object.text) matches "b"`, failed},
	// Sources that nest, which break a parser that recurses.
	"9,000 parentheses":   {nested("(", "1", ")", 9_000) + " > 0", refused},
	"50,000 parentheses":  {nested("(", "1", ")", 50_000) + " > 0", refused},
	"400,000 parentheses": {nested("(", "1", ")", 400_000) + " > 0", refused},
	"600,000 open":        {strings.Repeat("(", 600_000), refused},
	"200,000 brackets":    {nested("[", "1", "]", 200_000), refused},
	"400,000 brackets":    {strings.Repeat("[", 400_000), refused},
	"600,000 minuses":     {strings.Repeat("-", 600_000) + "1 > 0", refused},
	"800,000 minuses":     {strings.Repeat("-", 800_000) + "1 > 0", refused},
	"200,000 nots":        {strings.Repeat("not ", 200_000) + "true", refused},
	"short parentheses":   {nested("(", "1", ")", 1_500) + " > 0", refused},
	"short brackets":      {nested("[", "1", "]", 1_500), refused},
	"short minuses":       {strings.Repeat("-", 4_000) + "1 > 0", refused},
	"in a comment":        {"//'\n" + nested("(", "1", ")", 1_500), refused},
	"chain of ors":        {"false" + strings.Repeat(" or false", 450), done},
	"ternaries":           {strings.Repeat("false ? true : ", 250) + "true", done},
	// Numbers.
	"modulo zero":        {`1 % 0 == 1`, failed},
	"division by zero":   {`1 / 0 > 0`, failed},
	"power":              {`2 ** 100000 > 0`, refused},
	"index out of range": {`[1][5] == 1`, done},
	"large decimal":      {`decimal("1e999999999") + decimal("1") > decimal("0")`, failed},
	"decimals":           {`count(1..200000, (1 / 3 + #) * 1.0000000000000001 / 7 > 0) > 0`, budget},
	// What other languages have and this one has not, so that nobody adds it without a price.
	"uniq":     {`len(uniq(1..60000)) > 0`, refused},
	"repeat":   {`len(repeat(repeat("a", 999999), 999)) > 0`, refused},
	"reduce":   {`len(reduce(1..40, #acc + #acc, "aa")) > 0`, refused},
	"toJSON":   {`len(toJSON(1..1000)) > 0`, refused},
	"toBase64": {`len(toBase64(object.text)) > 0`, refused},
	"flatten":  {`len(flatten([1..1000])) > 0`, refused},
	"concat":   {`len(concat(1..1000, 1..1000)) > 0`, refused},
	"sortBy":   {`len(sortBy(1..100000, -#)) > 0`, refused},
	"groupBy":  {`len(groupBy(1..100000, #)) > 0`, refused},
}

func nested(open, middle, closing string, n int) string {
	return strings.Repeat(open, n) + middle + strings.Repeat(closing, n)
}

const eightfold = `let a = object.text; let b = a+a+a+a+a+a+a+a; let c = b+b+b+b+b+b+b+b; let d = c+c+c+c+c+c+c+c; `

func doubling(from string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "let x0 = %s; ", from)
	for i := range n {
		fmt.Fprintf(&b, "let x%d = x%d + x%d; ", i+1, i, i)
	}
	return b.String()
}

// shared makes lists of ten times the list before.
func shared(n int) string {
	var b strings.Builder
	b.WriteString(`let x0 = "aaaaaaaaaa"; `)
	for i := range n {
		x := fmt.Sprintf("x%d", i)
		fmt.Fprintf(&b, "let x%d = [%s]; ", i+1, strings.TrimSuffix(strings.Repeat(x+",", 10), ","))
	}
	return b.String()
}

// bombsite is an app in which bombs go off.
type bombsite struct {
	s     *server
	admin string
	costs time.Duration // the most that one request cost the server's processors
	what  string
}

const bombApp = "/api/v1/apps/bombs"

func newBombsite(t *testing.T) *bombsite {
	t.Log("raised: 100,000 requests per 10 s")
	s := newServer(t, "", "--limit", "requests=100000")
	b := &bombsite{s: s, admin: s.admin()}
	s.call("POST", "/api/v1/apps", b.admin, map[string]any{"id": "bombs", "guests": true})
	s.call("PUT", bombApp+"/structures/Thing", b.admin, map[string]any{"kind": "structure", "id": "Thing", "fields": []any{map[string]any{"id": "text", "type": "string"}}})
	return b
}

// ask sends one request, which the server has to answer in one way or another, and notes what it cost.
func (b *bombsite) ask(t *testing.T, method, path string, body any) answer {
	t.Helper()
	before := b.s.cpu()
	a, err := b.s.try(method, path, b.admin, body)
	if err != nil {
		t.Fatalf("%s %.80s: %v", method, path, err)
	}
	if a.status >= 500 {
		t.Errorf("%s %.80s: %d %s", method, path, a.status, a.body)
	}
	if cost := b.s.cpu() - before; cost > b.costs {
		b.costs, b.what = cost, t.Name()+": "+method+" "+strings.SplitN(path, "?", 2)[0]
	}
	return a
}

// explode publishes a scenario, lets it work on an object, and says how that ended.
func (b *bombsite) explode(t *testing.T, id string, doc map[string]any) string {
	t.Helper()
	scenario := bombApp + "/scenarios/" + id
	doc["kind"], doc["id"], doc["structure"] = "scenario", id, "Thing"
	if a := b.ask(t, "PUT", scenario+"/draft", doc); a.status >= 300 {
		return fmt.Sprintf("the draft was answered %d %.300s", a.status, a.body)
	}
	defer b.ask(t, "DELETE", scenario, nil)
	if a := b.ask(t, "POST", scenario+"/publish", map[string]any{"start": true}); a.status >= 300 {
		var p struct{ Fields []struct{ Path, Code string } }
		a.into(t, &p)
		if a.status != http.StatusUnprocessableEntity || len(p.Fields) != 1 || !strings.HasSuffix(p.Fields[0].Path, ".if") {
			return fmt.Sprintf("refused with %d %.300s", a.status, a.body)
		}
		return "refused with " + p.Fields[0].Code
	}
	a := b.ask(t, "POST", bombApp+"/structures/Thing/objects?wait=30s", map[string]any{"text": strings.Repeat("a", 60_000)})
	if a.status != http.StatusCreated {
		return fmt.Sprintf("the write beside it is answered %d %.300s", a.status, a.body)
	}
	end := b.ended(t, scenario, a.header.Get("Cuelight-Runs"))
	b.ask(t, "POST", scenario+"/stop", map[string]any{})
	return end
}

// ended reads how a run ended, or what is noted about a condition that started none.
func (b *bombsite) ended(t *testing.T, scenario, run string) string {
	t.Helper()
	var shown struct {
		Status  string
		Error   *struct{ Code, Message string }
		Notices []struct{ Message string }
	}
	if run != "" {
		b.ask(t, "GET", bombApp+"/runs/"+run, nil).into(t, &shown)
		if shown.Error != nil {
			return fmt.Sprintf("run and %s: %s", map[bool]string{true: "cut off", false: shown.Status}[shown.Error.Code == "BUDGET"], shown.Error.Code)
		}
	}
	status := shown.Status
	b.ask(t, "GET", scenario, nil).into(t, &shown)
	switch {
	case len(shown.Notices) == 1 && (strings.Contains(shown.Notices[0].Message, "(limit: expression_") || strings.Contains(shown.Notices[0].Message, "(limit: inline_")):
		return budget
	case len(shown.Notices) == 1:
		return failed
	case run == "" || status == "done" || status == "not_matched":
		return done
	}
	return "the run is " + status
}

// TestBombs sends each bomb as the condition of a step, as that of a trigger and as a filter. Each has to end as it says, at a small price, no
// write may be refused for a scenario's bad condition, and the server stays small and alive.
func TestBombs(t *testing.T) {
	b := newBombsite(t)
	before, _ := b.s.memory()
	n := 0
	ends := map[string]int{}
	for name, bomb := range bombs {
		n++
		t.Run(name, func(t *testing.T) {
			condition := map[string]any{"id": "boom", "kind": "condition", "if": bomb.source, "then": []any{}}
			trigger := map[string]any{"id": "any", "kind": "object", "on": []string{"created"}}
			if end := b.explode(t, fmt.Sprintf("step-%d", n), map[string]any{"triggers": []any{trigger}, "steps": []any{condition}}); end != bomb.end {
				t.Errorf("as a step's condition it ends: %s; want: %s", end, bomb.end)
			}
			trigger["if"] = bomb.source
			if end := b.explode(t, fmt.Sprintf("trigger-%d", n), map[string]any{"triggers": []any{trigger}, "steps": []any{}}); end != bomb.end {
				t.Errorf("as a trigger's condition it ends: %s; want: %s", end, bomb.end)
			}
			ends[bomb.end]++
			// A filter has a language of its own, in which none of these may pass.
			if status := b.filter(t, bomb.source[:min(len(bomb.source), 5_000)]); status != http.StatusUnprocessableEntity {
				t.Errorf("as a filter it is answered %d", status)
			}
		})
	}
	b.cheap(t, time.Second)
	for name, filter := range filterBombs {
		t.Run(name, func(t *testing.T) {
			// A slow machine may run into the limit of a filter's time, which is a 422 as well.
			if status := b.filter(t, filter.source); status != filter.status && status != http.StatusUnprocessableEntity {
				t.Errorf("it is answered %d, want %d", status, filter.status)
			}
		})
	}
	_, peak := b.s.memory()
	b.cheap(t, 3*time.Second) // a filter reads a hundred objects of 60 KB
	t.Logf("%v; memory %d MB before, %d MB at its highest", ends, before>>20, peak>>20)
	if peak > 200<<20 {
		t.Errorf("memory rose to %d MB", peak>>20)
	}
	b.s.push("*", "refresh-orders", "") // it lives
}

// cheap wants the dearest request since the last look to have cost no more than this. The clock says little on a busy machine, so what counts
// is the processors' time.
func (b *bombsite) cheap(t *testing.T, most time.Duration) {
	t.Helper()
	t.Logf("the dearest request took %v of the processors (%s)", b.costs, b.what)
	if b.costs > most {
		t.Errorf("%s took %v of the processors", b.what, b.costs)
	}
	b.costs, b.what = 0, ""
}

var filterBombs = map[string]struct {
	source string
	status int
}{
	"filter of parentheses": {strings.Repeat("(", 3_000) + "text = 'a'" + strings.Repeat(")", 3_000), 422},
	"filter of nots":        {strings.Repeat("NOT ", 3_000) + "text = 'a'", 422},
	"filter of ors":         {"text = 'a'" + strings.Repeat(" OR text = 'a'", 1_000), 422},
	"filter of likes":       {"text like '" + strings.Repeat("%a", 5_000) + "b'", 422},
	"filter of many likes":  {"text like '%a%a%a%a%a%a%a%b'" + strings.Repeat(" OR text like '%a%a%a%a%a%a%a%a%a%a%b'", 30), 200},
	"filter with a list":    {"text in ('a'" + strings.Repeat(",'a'", 3_000) + ")", 422},
	"filter with quotes":    {"text = 'a'' OR 1=1 --'; DROP TABLE objects", 422},
}

func (b *bombsite) filter(t *testing.T, filter string) int {
	t.Helper()
	return b.ask(t, "GET", bombApp+"/structures/Thing/objects?filter="+url.QueryEscape(filter), nil).status
}
