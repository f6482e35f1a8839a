package engine

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
)

// Expr is a setting that is a bare expression. The tag type on its field says what it has to yield: bool, string, int, time; none means anything.
type Expr struct {
	Source string
	*slot
}

// Template is a setting that is text with {{ }}, or a literal JSON value.
type Template struct {
	Source  string
	literal json.RawMessage // when it is not a text
	*slot
}

// Tree is a setting that is JSON whose text leaves are templates.
type Tree struct {
	Value any
	*slot
}

// Steps is a setting that is a list of steps.
type Steps struct {
	docs []json.RawMessage
	list *list
}

// Case is one answer of a switch: the steps to walk when its question is the first that is true.
type Case struct {
	If   Expr  `json:"if" type:"bool" doc:"The question, an expression that is true or false."`
	Then Steps `json:"then,omitzero" doc:"Steps for yes."`
}

// Cases is a setting that is a list of cases.
type Cases []Case

// path is the list's name in its version.
func (x *Steps) path() string {
	if x == nil || x.list == nil {
		return ""
	}
	return x.list.path
}

// FieldValues is a setting that gives fields of a structure their values; the step's Bind method tells which structure.
type FieldValues map[string]*Template

// Arguments is a setting that gives parameters of another scenario their values.
type Arguments map[string]*Template

// Variables is a setting that gives variables of the run their values.
type Variables map[string]*Template

// slot is one compiled expression of a step. Deferred ones are evaluated by a worker before the op; inline ones inside it.
type slot struct {
	eval     func(expr.Env, *expr.Budget) (any, error)
	deferred bool
	reads    []string
	path     string
	// equalities are terms that must hold for a condition to be true.
	equalities []expr.Equality
}

// value evaluates the slot for a scope.
func (x *slot) value(s *Scope) (any, error) {
	if x.deferred {
		v, ok := s.prepared.values[x]
		if !ok {
			return nil, errPrepare
		}
		return v.value, v.err
	}
	v, err := x.eval(s.env, s.budget())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.path, err)
	}
	return v, nil
}

// Eval evaluates the expression.
func (x *Expr) Eval(s *Scope) (any, error) { return x.value(s) }

// Bool evaluates a condition; null is false.
func (x *Expr) Bool(s *Scope) (bool, error) {
	v, err := x.value(s)
	if err != nil {
		return false, err
	}
	b, _ := v.(bool)
	return b, nil
}

// Bounds of what the run's log shows of what a condition looked at: bytes of one text, and values. Of a longer text only its length is shown:
// a part of it could hold a part of a secret, which nothing would know as one.
const (
	maxSeen   = 200
	maxSights = 16
)

// Saw gives the plain values that the expression looks at, by path, for the run's log. Values behind links, lists and maps are left out.
func (x *Expr) Saw(s *Scope) map[string]any {
	seen := map[string]any{}
	for _, path := range x.reads {
		if len(seen) == maxSights {
			break
		}
		var v any = s.env.Names
		for name := range strings.SplitSeq(path, ".") {
			m, ok := v.(map[string]any)
			if v = m[name]; !ok {
				v = []any{} // of no meaning here
				break
			}
		}
		switch t := v.(type) {
		case map[string]any, []any:
		case string:
			if seen[path] = t; len(t) > maxSeen {
				seen[path] = map[string]any{"bytes": int64(len(t))}
			}
		default:
			seen[path] = v
		}
	}
	return seen
}

// IsSet says whether the setting was given.
func (x *Expr) IsSet() bool { return x != nil && x.Source != "" }

// Eval evaluates the template: a single {{ }} keeps its type, all else is text.
func (x *Template) Eval(s *Scope) (any, error) { return x.value(s) }

// Text evaluates the template to text.
func (x *Template) Text(s *Scope) (string, error) {
	if x == nil {
		return "", nil
	}
	v, err := x.value(s)
	if err != nil {
		return "", err
	}
	return expr.Text(v)
}

// Typed says that the text stands in the document as it is, with nothing to evaluate.
func (x *Template) Typed() bool { return !strings.Contains(x.Source, "{{") }

// Eval evaluates the tree.
func (x *Tree) Eval(s *Scope) (any, error) { return x.value(s) }

// Secret says that the setting names a secret.
func (x *Template) Secret() bool { return x != nil && x.slot != nil && len(x.secrets()) > 0 }

// Secret says that a text of the tree names a secret.
func (x *Tree) Secret() bool { return x != nil && x.slot != nil && len(x.secrets()) > 0 }

// secrets are the ids of the secrets that the expression names.
func (x *slot) secrets() []string {
	var ids []string
	for _, r := range x.reads {
		if id, ok := strings.CutPrefix(r, "secret."); ok {
			ids = append(ids, id)
		}
	}
	return ids
}
