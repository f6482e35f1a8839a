package expr

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Completion is what may stand at a caret: an item takes the place of the characters from From up to To.
type Completion struct {
	From, To int
	Items    []CompletionItem
}

// CompletionItem is one thing that may stand there.
type CompletionItem struct {
	// Label is its name as people look for it, Insert what is written.
	Label, Insert string
	// Detail is a line of help; it may be empty.
	Detail string
	// Type is what is known of its value; Signature, instead, is how a function is called.
	Type      Type
	Signature string
	// Path is where its value stands among the names; nil for a function or a fixed value.
	Path []string
}

// MaxCompletions is how many items a completion has at most.
const MaxCompletions = 100

// CompleteExpression says what may stand at a caret in a bare expression, which may be of any form. The caret counts characters.
func CompleteExpression(source string, caret int, scope *Scope) Completion {
	at := byteAt(source, caret)
	c := completer{scope: scope, source: source, functions: true}
	return c.place(c.expression(at))
}

// CompleteTemplate says what may stand at a caret in a text with {{ }}: names inside, and names in {{ }} of their own elsewhere. Where want
// has options, they are offered too.
func CompleteTemplate(source string, caret int, scope *Scope, want Type) Completion {
	at := byteAt(source, caret)
	c := completer{scope: scope, source: source, functions: true}
	if inner, ok := c.braces(at); ok {
		return inner
	}
	return c.place(c.outside(at, want))
}

// CompleteFilter says what may stand at a caret in a filter on these fields; in its {{ }} stand expressions.
func CompleteFilter(source string, caret int, fields map[string]Type, scope *Scope) Completion {
	at := byteAt(source, caret)
	c := completer{scope: scope, source: source, functions: true}
	if inner, ok := c.braces(at); ok {
		return inner
	}
	c.scope, c.functions = &Scope{Names: fields}, false
	return c.place(c.expression(at))
}

// completer looks at a source around a caret. Its offsets are bytes.
type completer struct {
	scope     *Scope
	source    string
	functions bool
}

// span is what items take the place of.
type span struct {
	from, to int
	items    []CompletionItem
}

func byteAt(source string, caret int) int {
	for i := range source {
		if caret <= 0 {
			return i
		}
		caret--
	}
	return len(source)
}

func (c completer) place(s span) Completion {
	if len(s.items) > MaxCompletions {
		s.items = s.items[:MaxCompletions]
	}
	from := utf8.RuneCountInString(c.source[:s.from])
	return Completion{From: from, To: from + utf8.RuneCountInString(c.source[s.from:s.to]), Items: s.items}
}

// braces completes inside of a {{ }}, if the caret stands in one.
func (c completer) braces(at int) (Completion, bool) {
	for begin := 0; ; {
		open := strings.Index(c.source[begin:], "{{")
		if open < 0 || begin+open+2 > at {
			return Completion{}, false
		}
		start := begin + open + 2
		inner, closed := Inside(c.source[start:])
		if closed && start+len(inner) < at {
			if begin = start + len(inner) + 2; begin > at {
				return Completion{}, false
			}
			continue
		}
		in := c
		if in.source = c.source[start:]; closed {
			in.source = inner
		}
		s := in.expression(at - start)
		for i := range s.items {
			if s.from == 0 {
				s.items[i].Insert = " " + s.items[i].Insert
			}
			if !closed && s.items[i].Type.Kind != KindMap && s.items[i].Signature == "" {
				s.items[i].Insert += " }}"
			}
		}
		s.from, s.to = s.from+start, s.to+start
		return c.place(s), true
	}
}

// slash is how somebody asks for a name while writing a text.
var slash = regexp.MustCompile(`(?:^|\s)(/[A-Za-z0-9_.]*)$`)

// outside completes in the text of a template.
func (c completer) outside(at int, want Type) span {
	s := span{from: at, to: at}
	prefix := ""
	if m := slash.FindStringSubmatchIndex(c.source[:at]); m != nil {
		s.from, prefix = m[2], c.source[m[2]+1:at]
	} else if len(want.Options) > 0 && !strings.Contains(c.source, "{{") {
		s.from, s.to = 0, len(c.source)
	}
	for _, o := range want.Options {
		s.items = append(s.items, CompletionItem{Label: o, Insert: o, Type: Type{Kind: KindString}})
	}
	for _, item := range c.names(prefix) {
		item.Insert = "{{ " + item.Label + " }}"
		s.items = append(s.items, item)
	}
	return s
}

// compared is what stands before a text that something is compared with.
var compared = regexp.MustCompile(`([A-Za-z_][\w?.]*)\s*(?:==|!=|=|in\s*[\[(](?:[^\])]*,)?)\s*$`)

// expression completes in an expression, of which only what stands around the caret has to make sense.
func (c completer) expression(at int) span {
	for i := 0; i < at; {
		step := skip(c.source[i:])
		if strings.HasPrefix(c.source[i:], "//") {
			step = comment(c.source[i:], "\n")
		}
		open := c.source[i]
		if i+step > at && step > 1 || i+step == at && !closes(c.source[i:], step) {
			if open == '"' || open == '\'' {
				return c.choices(i, at)
			}
			return span{from: at, to: at}
		}
		i += step
	}
	chain, ok := c.chain(at)
	if !ok {
		return span{from: at, to: at}
	}
	prefix := chain[len(chain)-1]
	s := span{from: at - len(prefix), to: at}
	for s.to < len(c.source) && word(c.source[s.to]) {
		s.to++
	}
	if len(chain) > 1 {
		s.items = c.members(chain[:len(chain)-1], prefix)
		return s
	}
	s.items = append(c.names(prefix), c.calls(prefix)...)
	return s
}

// closes says whether what skip passed over has its end.
func closes(s string, step int) bool {
	switch s[0] {
	case '"', '\'', '`':
		return step > 1 && s[step-1] == s[0]
	case '/':
		return step == 1 || strings.HasPrefix(s, "/*") && step >= 4 && s[step-2:step] == "*/"
	}
	return true
}

// choices are the options of what the text at quote is compared with.
func (c completer) choices(quote, at int) span {
	s := span{from: quote + 1, to: at}
	if s.from > at {
		s.from = at
	}
	end := strings.IndexByte(c.source[at:], c.source[quote])
	closed := end >= 0
	if closed {
		s.to = at + end
	}
	m := compared.FindStringSubmatch(c.source[:quote])
	if m == nil {
		return span{from: at, to: at}
	}
	t, _ := c.scope.at(strings.Split(strings.ReplaceAll(m[1], "?", ""), "."))
	for _, o := range t.Options {
		insert := o
		if !closed {
			insert += string(c.source[quote])
		}
		s.items = append(s.items, CompletionItem{Label: o, Insert: insert, Type: Type{Kind: KindString}})
	}
	s.items = fitting(s.items, c.source[min(quote+1, at):at])
	return s
}

func word(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// chain are the names before the caret, as object, owner, na; an index into a list is [].
func (c completer) chain(at int) ([]string, bool) {
	var chain []string
	i := at
	for {
		end := i
		for i > 0 && word(c.source[i-1]) {
			i--
		}
		name := c.source[i:end]
		for i > 0 && c.source[i-1] == ']' && name == "" && end < at {
			open := strings.LastIndexByte(c.source[:i], '[')
			if open < 0 || strings.Trim(c.source[open+1:i-1], "0123456789 -") != "" {
				return nil, false
			}
			chain = append(chain, "[]")
			i = open
			for end = i; i > 0 && word(c.source[i-1]); {
				i--
			}
			name = c.source[i:end]
		}
		if name == "" && end < at || name != "" && name[0] >= '0' && name[0] <= '9' {
			return nil, false
		}
		chain = append(chain, name)
		if i == 0 || c.source[i-1] != '.' {
			if i > 0 && (c.source[i-1] == '#' || c.source[i-1] == ')' || c.source[i-1] == ']') && name == "" {
				return nil, false
			}
			break
		}
		if i--; i > 0 && c.source[i-1] == '?' {
			i--
		}
	}
	slices.Reverse(chain)
	return chain, true
}

// at is the type of what a path of names means.
func (s *Scope) at(path []string) (Type, bool) {
	if s == nil || len(path) == 0 {
		return Type{}, false
	}
	t, ok := s.lookup(cmp.Or(aliases[path[0]], path[0]))
	if !ok {
		if t, ok = s.field(path[0]); !ok {
			return Type{}, false
		}
	}
	for _, name := range path[1:] {
		if t, ok = s.inside(t, name); !ok {
			return Type{}, false
		}
	}
	return t, true
}

// inside is the type of a member, by way of a link too.
func (s *Scope) inside(t Type, name string) (Type, bool) {
	if name == "[]" {
		return t.elem(), t.Kind == KindList
	}
	if t.Link != "" {
		if s.Linked == nil {
			return Type{}, false
		}
		linked, ok := s.Linked(t.Link)
		if !ok {
			return Type{}, false
		}
		t = linked
	}
	if t.Fields == nil {
		return t.elem(), t.Kind == KindMap
	}
	member, ok := t.Fields[name]
	return member, ok
}

// members are the fields of what a path means.
func (c completer) members(path []string, prefix string) []CompletionItem {
	t, ok := c.scope.at(path)
	if !ok {
		return nil
	}
	if t.Link != "" && c.scope.Linked != nil {
		t, _ = c.scope.Linked(t.Link)
	}
	var items []CompletionItem
	for _, name := range ownFirst(t) {
		items = append(items, CompletionItem{Label: name, Insert: name, Type: t.Fields[name], Path: append(slices.Clone(path), name)})
	}
	return fitting(items, prefix)
}

// builtIn are the fields that every object has; they come after its own.
var builtIn = ObjectOf(nil).Fields

func ownFirst(t Type) []string {
	names := fieldNames(t)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

func rank(name string) int {
	if _, ok := builtIn[name]; ok {
		return 1
	}
	return 0
}

// listed is how names are listed; others come after them.
var listed = []string{"object", "item", "index", "target", "error", "vars", "steps", "user", "before", "changed", "event", "message", "webhook", "const", "secret", "app"}

// names are all names, and the fields of those that have any.
func (c completer) names(prefix string) []CompletionItem {
	if c.scope == nil {
		return nil
	}
	all := slices.Clone(listed)
	for _, name := range c.scope.known() {
		if _, field := c.scope.field(name); !field && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	var items []CompletionItem
	for _, name := range all {
		t, ok := c.scope.lookup(name)
		if !ok || (name == "vars" || name == "steps" || name == "const" || name == "secret") && len(t.Fields) == 0 {
			continue
		}
		items = append(items, CompletionItem{Label: name, Insert: name, Type: t, Path: []string{name}})
		for _, field := range ownFirst(t) {
			label := name + "." + field
			items = append(items, CompletionItem{Label: label, Insert: label, Type: t.Fields[field], Path: []string{name, field}})
		}
	}
	return fitting(items, prefix)
}

// calls are the functions whose name begins so.
func (c completer) calls(prefix string) []CompletionItem {
	var items []CompletionItem
	if !c.functions {
		return items
	}
	for _, f := range Functions() {
		if strings.HasPrefix(strings.ToLower(f.Name), strings.ToLower(prefix)) {
			items = append(items, CompletionItem{Label: f.Name, Insert: f.Name + "()", Signature: f.Signature, Detail: f.Help})
		}
	}
	return items
}

// fitting are the items in whose label the prefix is found, first those that begin with it.
func fitting(items []CompletionItem, prefix string) []CompletionItem {
	if prefix == "" {
		return items
	}
	prefix = strings.ToLower(prefix)
	begins := func(i CompletionItem) int {
		label := strings.ToLower(i.Label)
		last := label[strings.LastIndexByte(label, '.')+1:]
		if strings.HasPrefix(label, prefix) || strings.HasPrefix(last, prefix) {
			return 0
		}
		return 1
	}
	items = slices.DeleteFunc(items, func(i CompletionItem) bool { return !strings.Contains(strings.ToLower(i.Label), prefix) })
	slices.SortStableFunc(items, func(a, b CompletionItem) int { return begins(a) - begins(b) })
	return items
}
