package files

import (
	"github.com/cuelight/cuelight/engine"
)

// Check lists what is wrong with documents, without any server, and what is only odd.
func Check(kinds engine.Kinds, docs []*Document) (wrong, odd Troubles) {
	wrong = problemsOf(engine.NewChecker(kinds), docs)
	for _, d := range docs {
		if d.Kind != Scenario {
			continue
		}
		if empty(d.value["triggers"]) {
			odd = append(odd, d.trouble("triggers", "nothing starts the scenario but a call"))
		}
		if empty(d.value["steps"]) {
			odd = append(odd, d.trouble("steps", "there are none: the scenario does nothing"))
		}
	}
	return wrong, odd
}

func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && len(list) == 0
}

// problemsOf lists what is wrong with documents, beside those that the checker knows.
func problemsOf(check *engine.Checker, docs []*Document) Troubles {
	var wrong Troubles
	raw := make([][]byte, len(docs))
	for i, d := range docs {
		doc, err := d.JSON()
		if err != nil {
			wrong = append(wrong, d.trouble("", err.Error()))
			continue
		}
		raw[i] = doc
		check.Know(d.Kind, doc)
	}
	for i, d := range docs {
		if raw[i] == nil {
			continue
		}
		for _, p := range check.Check(d.Kind, raw[i]) {
			wrong = append(wrong, d.trouble(p.Path, p.Message))
		}
	}
	return wrong
}
