package help

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cuelight/cuelight/engine"
)

// example shows an example: its placed step or trigger as YAML, what was there before, and what it does.
func (k kind) example(ex engine.Example) string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n```yaml\n%s```\n\n", upperFirst(ex.Name), k.placed(ex))
	if ex.Object != "" {
		fmt.Fprintf(&b, "For an order with %s:\n\n", inCode(short(flow(mustRead(ex.Object)))))
	}
	if len(ex.Vars) > 0 {
		parts := make([]string, 0, len(ex.Vars))
		for _, name := range keysOf(ex.Vars) {
			parts = append(parts, fmt.Sprintf("`vars.%s` is %v", name, ex.Vars[name]))
		}
		fmt.Fprintf(&b, "Where before it %s:\n\n", strings.Join(parts, ", "))
	}
	for _, act := range ex.When {
		fmt.Fprintf(&b, "- %s\n", actWords(act))
	}
	for _, line := range k.does(ex) {
		fmt.Fprintf(&b, "- → %s\n", line)
	}
	b.WriteByte('\n')
	return b.String()
}

// placed is the example as it stands in a document.
func (k kind) placed(ex engine.Example) string {
	one := append(object{{"id", "example"}, {"kind", k.name}}, mustRead(ex.Settings).(object)...)
	var list any = one
	if ex.Around != "" {
		list = around(mustRead(strings.ReplaceAll(ex.Around, `"EXAMPLE"`, `{"EXAMPLE": true}`)), one)
		list = append(object{{"id", "around"}}, list.(object)...)
	}
	var b strings.Builder
	b.WriteString("- ")
	writeYAML(&b, list.(object), 2)
	return b.String()
}

// around puts the example in its place in the step around it.
func around(v any, example object) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 && v[0].key == "EXAMPLE" {
			return example
		}
		for i := range v {
			v[i].value = around(v[i].value, example)
		}
		return v
	case []any:
		for i := range v {
			v[i] = around(v[i], example)
		}
		return v
	}
	return v
}

// does tells what the example does, in words.
func (k kind) does(ex engine.Example) []string {
	var lines []string
	for _, line := range ex.Want {
		lines = append(lines, wantWords(line, ex.After))
	}
	if ex.WantError != "" {
		lines = append(lines, fmt.Sprintf("it fails with the code `%s`", ex.WantError))
	}
	switch {
	case len(lines) > 0:
	case k.trigger:
		lines = append(lines, "nothing starts")
	default:
		lines = append(lines, "nothing is changed or sent, and the run goes on")
	}
	return lines
}

// wantWords puts a line of an example's Want into words.
func wantWords(line, after string) string {
	verb, rest, _ := strings.Cut(line, " ")
	first, more, _ := strings.Cut(rest, " ")
	switch verb {
	case "push":
		event, message, _ := strings.Cut(more, " ")
		who := inCode(first)
		if first == engine.Everybody {
			who = "everybody"
		}
		if message == `""` {
			return fmt.Sprintf("`%s` is sent to %s, with an empty message", event, who)
		}
		return fmt.Sprintf("`%s` is sent to %s, with the message %s", event, who, inCode(message))
	case "edit", "create", "delete":
		return changeWords(verb, first, more)
	case "set":
		return fmt.Sprintf("`vars.%s` becomes %s", first, inCode(more))
	case "after":
		return fmt.Sprintf("in the steps after it %s is %s", inCode(after), inCode(rest))
	case "wait":
		return "the run sleeps for " + rest
	case "stop":
		return "the run ends, done"
	case "starts":
		return startWords.Replace(line)
	}
	return line
}

// startWords tell of a run that starts.
var startWords = strings.NewReplacer("starts for order", "a run starts for the order", "starts", "a run starts", " when ", ", when it is ")

// changeWords tells of a change of an object.
func changeWords(verb, structure, rest string) string {
	done := map[string]string{"edit": "is changed", "create": "is made", "delete": "is deleted"}[verb]
	rest, silent := strings.CutSuffix(" "+rest, " silent")
	id, fields, _ := strings.Cut(strings.TrimSpace(rest), "{")
	text := "the " + structure
	if id = strings.TrimSpace(id); id != "" {
		text += " " + inCode(id)
	}
	text += " " + done
	if fields != "" {
		text += ": " + inCode(flow(mustRead("{"+fields)))
	}
	if silent {
		return text + "; no scenario sees it"
	}
	return text + "; scenarios see it"
}

// actWords tells of an act that a trigger waits for.
func actWords(act string) string {
	verb, fields, _ := strings.Cut(act, " ")
	shown := ""
	if fields != "" {
		shown = " with " + inCode(flow(mustRead(fields)))
	}
	switch verb {
	case "create":
		return "an order is made" + shown
	case "change":
		return "the order is changed" + shown
	case "delete":
		return "the order is deleted"
	case "call":
		return "the scenario is called for the order" + shown
	case "time":
		return "the time comes"
	}
	return act
}

func mustRead(doc string) any {
	v, err := readJSON([]byte(doc))
	if err != nil {
		panic(err) // examples are JSON: the tests of their kinds run them
	}
	return v
}

// inCode marks a text as code, whatever marks it holds itself.
func inCode(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// short cuts what is too long to be read.
func short(text string) string {
	const most = 160
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

func upperFirst(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return strings.ToUpper(string(r)) + text[size:]
}

func keysOf(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
