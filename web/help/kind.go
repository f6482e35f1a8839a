package help

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// kind is what steps and triggers have in common for their pages.
type kind struct {
	name, title, help string
	schema            json.RawMessage
	examples          []engine.Example
	trigger           bool
}

// Step is the page of a step kind in Markdown; the heading of the page has so many #.
func Step(k engine.StepKind, level int) string {
	return kind{k.Kind, k.Title, k.Help, k.Schema, k.Examples, false}.page(level)
}

// Trigger is the page of a trigger kind in Markdown.
func Trigger(k engine.TriggerKind, level int) string {
	return kind{k.Kind, k.Title, k.Help, k.Schema, k.Examples, true}.page(level)
}

// Groups are the groups of steps in the order of the palette, with their words.
var Groups = []struct{ ID, Title string }{
	{"logic", "Logic"}, {"data", "Data"}, {"send", "Send"}, {"wait", "Wait"}, {"reuse", "Reuse"},
}

// InGroups are step kinds in the order of the palette; a group that is not known comes last.
func InGroups(kinds []engine.StepKind) []engine.StepKind {
	place := func(k engine.StepKind) int {
		i := slices.IndexFunc(Groups, func(g struct{ ID, Title string }) bool { return g.ID == k.Group })
		if i < 0 {
			return len(Groups)
		}
		return i
	}
	sorted := slices.Clone(kinds)
	slices.SortStableFunc(sorted, func(a, b engine.StepKind) int { return place(a) - place(b) })
	return sorted
}

func (k kind) page(level int) string {
	var b strings.Builder
	mark := strings.Repeat("#", level)
	fmt.Fprintf(&b, "%s %s\n\n`kind: %s`\n\n%s\n\n%s# Settings\n\n%s\n", mark, k.title, k.name, k.sentences(), mark, k.settings())
	if len(k.examples) > 0 {
		fmt.Fprintf(&b, "%s# Examples\n\n", mark)
	}
	for _, ex := range k.examples {
		b.WriteString(k.example(ex))
	}
	return b.String()
}

// sentences is the help with what is code in it marked as such.
func (k kind) sentences() string { return Marked(k.help) }

// property is a setting as its JSON Schema has it.
type property struct {
	Title       string    `json:"title"`
	Description string    `json:"description"`
	Type        string    `json:"type"`
	Format      string    `json:"format"`
	Enum        []string  `json:"enum"`
	Default     string    `json:"default"`
	Items       *property `json:"items"`
}

// settings is the table of the settings.
func (k kind) settings() string {
	var schema struct {
		Properties map[string]property
		Required   []string
		Order      []string `json:"x-order"`
	}
	if err := json.Unmarshal(k.schema, &schema); err != nil {
		panic(fmt.Sprintf("schema of %s: %v", k.name, err)) // it was made by engine/schema at start
	}
	if len(schema.Order) == 0 {
		return "It has none of its own.\n"
	}
	var b strings.Builder
	b.WriteString("| setting | what it is | what it takes | needed |\n|---|---|---|---|\n")
	for _, name := range schema.Order {
		p := schema.Properties[name]
		need := ""
		if slices.Contains(schema.Required, name) {
			need = "required"
		}
		if p.Default != "" {
			need = "default `" + p.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, cell(Marked(p.Description)), cell(p.takes()), need)
	}
	return b.String()
}

// formats are the words for the formats that settings have.
var formats = map[string]string{
	"expression": "an expression", "template": "text with `{{ }}`", "tree": "text or any value; its texts may hold `{{ }}`",
	"steps": "a list of steps", "cases": "a list of cases, each `if` and `then`", "fields": "fields and their values",
	"arguments": "names and values", "variables": "names and values", "duration": "a time span: `90s`, `5m`, `2h`, `14d`", "filter": "a filter",
}

// takes says in words what values a setting has.
func (p property) takes() string {
	if len(p.Enum) > 0 {
		return "`" + strings.Join(p.Enum, "`, `") + "`"
	}
	if words := formats[p.Format]; words != "" {
		return words
	}
	switch p.Type {
	case "boolean":
		return "`true` or `false`"
	case "integer":
		return "a whole number"
	case "array":
		return "a list"
	}
	return "text"
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// code is what is code in the words of a spec; those are written as plain text, since forms show them too.
var code = regexp.MustCompile(`\{\{.*?\}\}|\b(steps|vars|error|secret|const)\.(<[a-z]+>|[a-z_]+)(\.[a-z_]+)*`)

// Marked puts code marks around what is code in a plain text, and lets no angle bracket begin a tag.
func Marked(text string) string {
	var b strings.Builder
	plain := func(s string) { b.WriteString(strings.ReplaceAll(s, "<", "&lt;")) }
	at := 0
	for _, m := range code.FindAllStringIndex(text, -1) {
		plain(text[at:m[0]])
		b.WriteString("`" + text[m[0]:m[1]] + "`")
		at = m[1]
	}
	plain(text[at:])
	return b.String()
}
