package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/schema"
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

// Binder lets a step kind bind settings that depend on each other.
type Binder struct {
	b    *binder
	path string
}

// Structure is the structure of the current object, or nil.
func (x *Binder) Structure() *Structure { return x.b.structure }

// StructureNamed returns a structure of the app and reports its absence at the setting's path.
func (x *Binder) StructureNamed(setting, id string) *Structure {
	s := x.b.structures[id]
	if s == nil && id != "" {
		x.Fail(setting, "UNKNOWN_STRUCTURE", "there is no structure of this name%s", didYouMean(id, keysOf(x.b.structures)))
	}
	return s
}

// InLoop says whether the step stands in a loop.
func (x *Binder) InLoop() bool { return len(x.b.items) > 0 }

// LoopSteps binds the steps of a loop: in them item is an object of a structure, or anything when s is nil. The setting has the tag type:"later".
func (x *Binder) LoopSteps(setting string, steps *Steps, s *Structure) {
	item := expr.Any
	if s != nil {
		item = *s.typ
	}
	x.b.items = append(x.b.items, item)
	steps.list = x.b.list(steps.docs, x.path+"."+setting)
	x.b.items = x.b.items[:len(x.b.items)-1]
}

// CatchSteps binds steps that are walked for an error, which they read as error. The setting has the tag type:"later".
func (x *Binder) CatchSteps(setting string, steps *Steps) {
	was := x.b.inCatch
	x.b.inCatch = true
	steps.list = x.b.list(steps.docs, x.path+"."+setting)
	x.b.inCatch = was
}

// Fail reports a wrong setting.
func (x *Binder) Fail(setting, code, format string, args ...any) {
	path := x.path
	if setting != "" {
		path += "." + setting
	}
	x.b.errs = append(x.b.errs, FieldError{Path: path, Code: code, Message: fmt.Sprintf(format, args...)})
}

// Fields binds field values to a structure: names, types and literals are checked, templates compiled.
func (x *Binder) Fields(setting string, values FieldValues, s *Structure) {
	if s == nil {
		return
	}
	for _, name := range keysOf(values) {
		path := x.path + "." + setting + "." + name
		f := s.Field(name)
		if f == nil {
			x.b.errs = append(x.b.errs, FieldError{Path: path, Code: "UNKNOWN_FIELD", Message: fmt.Sprintf("%s has no field %q%s", s.ID, name, s.suggest(name))})
			continue
		}
		x.b.fieldValue(values[name], f, path)
	}
}

// fieldValue binds a literal by the field's own rules and a template by its type.
func (b *binder) fieldValue(t *Template, f *Field, path string) {
	if t == nil {
		return
	}
	if t.literal != nil || t.Typed() {
		doc := t.literal
		if doc == nil {
			doc, _ = marshal(t.Source)
		}
		v, err := f.parse(doc)
		if err != nil {
			b.errs = append(b.errs, fieldError(path, "TYPE", err))
			return
		}
		t.slot = &slot{path: path, eval: func(expr.Env, *expr.Budget) (any, error) { return v, nil }}
		return
	}
	compiled, err := expr.CompileTemplate(t.Source, b.scope(), f.exprType())
	if err != nil {
		b.fail(path, err)
		return
	}
	t.slot = b.slot(path, compiled, func(env expr.Env, budget *expr.Budget) (any, error) {
		v, err := compiled.Eval(env, budget)
		if err != nil {
			return nil, err
		}
		v, err = f.accept(v)
		if err != nil {
			return nil, coded(ErrInvalid, "TYPE", "%s", err)
		}
		return v, nil
	})
}

// compiled is what the three forms of expression have in common.
type compiled interface {
	Cost() expr.Cost
	Reads() []string
	Eval(expr.Env, *expr.Budget) (any, error)
}

// binder compiles the settings of a scenario's steps and collects what is wrong with them.
type binder struct {
	structure  *Structure
	structures map[string]*Structure
	version    *Version
	vars       map[string]expr.Type
	outputs    map[string]expr.Type
	inCatch    bool
	// items are the types of the items of the loops around, innermost last.
	items []expr.Type
	kinds map[string]StepKind
	errs  []FieldError
	slots []*slot // of the step being bound
	ids   map[string]string
}

func (b *binder) slot(path string, c compiled, eval func(expr.Env, *expr.Budget) (any, error)) *slot {
	s := &slot{eval: eval, deferred: c.Cost() == expr.Deferred, reads: c.Reads(), path: path}
	b.slots = append(b.slots, s)
	return s
}

func (b *binder) fail(path string, err error) {
	if inv, ok := errors.AsType[*InvalidError](err); ok {
		for _, f := range inv.Fields {
			at := path
			switch {
			case at == "" || strings.HasPrefix(f.Path, "["):
				at += f.Path
			case f.Path != "":
				at += "." + f.Path
			}
			f.Path = at
			b.errs = append(b.errs, f)
		}
		return
	}
	b.errs = append(b.errs, fieldError(path, "EXPRESSION", err))
}

// requireSet reports settings that are needed and not given.
func (b *binder) requireSet(v reflect.Value, path string) {
	props, err := schema.Properties(v.Type())
	if err != nil {
		b.fail(path, err)
		return
	}
	for _, p := range props {
		if p.Required && v.FieldByIndex(p.Index).IsZero() && v.FieldByIndex(p.Index).Kind() != reflect.Bool {
			b.errs = append(b.errs, FieldError{Path: path + "." + p.Name, Code: "REQUIRED", Message: "is needed: " + p.Help})
		}
	}
}

// walk binds every expression in a settings struct; settings of type FieldValues are left to the step's own Bind.
func (b *binder) walk(v reflect.Value, path string) {
	t := v.Type()
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			continue
		}
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		b.setting(v.Field(i), path+"."+name, t.Field(i).Tag.Get("type"))
	}
}

var wants = map[string]expr.Type{
	"": {Kind: expr.KindAny}, "bool": {Kind: expr.KindBool}, "string": {Kind: expr.KindString}, "int": {Kind: expr.KindInt}, "time": {Kind: expr.KindTime},
}

func (b *binder) setting(v reflect.Value, path, want string) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch x := v.Addr().Interface().(type) {
	case *Expr:
		b.expr(x, path, wants[want])
	case *Template:
		b.template(x, path, wants[want])
	case *Tree:
		b.tree(x, path)
	case *Steps:
		if want != "later" {
			x.list = b.list(x.docs, path)
		}
	case *Cases:
		for i := range *x {
			b.walk(reflect.ValueOf(&(*x)[i]).Elem(), fmt.Sprintf("%s[%d]", path, i))
		}
	case *Arguments:
		for _, name := range keysOf(*x) {
			if t := (*x)[name]; t != nil {
				b.template(t, path+"."+name, wants[want])
			}
		}
	case *Variables:
		for _, name := range keysOf(*x) {
			if t := (*x)[name]; t != nil {
				b.template(t, path+"."+name, wants[want])
			}
		}
	}
}

func (b *binder) expr(x *Expr, path string, want expr.Type) {
	if x.Source == "" {
		return
	}
	p, err := expr.Compile(x.Source, b.scope(), want)
	if err != nil {
		b.fail(path, err)
		return
	}
	x.slot = b.slot(path, p, p.Eval)
	x.equalities = p.Equalities()
}

func (b *binder) template(x *Template, path string, want expr.Type) {
	if x.literal != nil {
		var v any
		if err := unmarshalNumbers(x.literal, &v); err != nil {
			b.fail(path, err)
			return
		}
		value, err := expr.FromJSON(v, expr.Any)
		if err != nil {
			b.fail(path, err)
			return
		}
		x.slot = &slot{path: path, eval: func(expr.Env, *expr.Budget) (any, error) { return value, nil }}
		return
	}
	t, err := expr.CompileTemplate(x.Source, b.scope(), want)
	if err != nil {
		b.fail(path, err)
		return
	}
	x.slot = b.slot(path, t, t.Eval)
}

func (b *binder) tree(x *Tree, path string) {
	if x.Value == nil {
		return
	}
	t, err := expr.CompileTree(x.Value, b.scope())
	if err != nil {
		b.fail(path, err)
		return
	}
	x.slot = b.slot(path, t, t.Eval)
}
