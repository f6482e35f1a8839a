package engine

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/schema"
)

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

// Edits binds the question and the field values of a step that edits an object of a structure: they are evaluated on it, as target. The
// question's setting has the tag type:"later".
func (x *Binder) Edits(s *Structure, question string, onlyIf *Expr, setting string, values FieldValues) {
	x.b.target = s
	if onlyIf != nil {
		x.b.expr(onlyIf, x.path+"."+question, wants["bool"])
	}
	x.Fields(setting, values, s)
	x.b.target = nil
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
	b.visitTemplate(path, f.exprType())
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
	nouns
	structure *Structure
	version   *Version
	vars      map[string]expr.Type
	outputs   map[string]expr.Type
	inCatch   bool
	// target is the structure of the object that a step edits, in the settings that are evaluated on it.
	target *Structure
	// sending is set in a setting that is sent, where secrets may be named.
	sending bool
	// items are the types of the items of the loops around, innermost last.
	items []expr.Type
	kinds map[string]StepKind
	errs  []FieldError
	slots []*slot // of the step being bound
	all   []*slot
	ids   map[string]string
	// spot is what is looked for, nil for nothing; known is what steps are known to yield, by their address.
	spot  *spot
	known map[string]expr.Type
}

func (b *binder) slot(path string, c compiled, eval func(expr.Env, *expr.Budget) (any, error)) *slot {
	s := &slot{eval: eval, deferred: c.Cost() == expr.Deferred, reads: c.Reads(), path: path}
	b.slots, b.all = append(b.slots, s), append(b.all, s)
	if s.deferred && slices.ContainsFunc(s.reads, func(r string) bool { return r == "target" || strings.HasPrefix(r, "target.") }) {
		b.errs = append(b.errs, FieldError{Path: path, Code: "COST", Message: "reads target, so it is judged inside the write and has to be simpler: no links of target to follow, no lists to go through"})
	}
	if slices.Contains(s.reads, "secret") {
		b.errs = append(b.errs, FieldError{Path: path, Code: "EXPRESSION", Message: "must name the secret that it means, as secret.crm"})
	}
	return s
}

// secretNames is the type of secret: a text for each secret of the app.
func (b *binder) secretNames() expr.Type {
	fields := make(map[string]expr.Type, len(b.nouns.secrets))
	for id := range b.nouns.secrets {
		fields[id] = expr.Type{Kind: expr.KindString}
	}
	return expr.MapOf(fields)
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
		b.sending = t.Field(i).Tag.Get("sent") == "true"
		b.setting(v.Field(i), path+"."+name, t.Field(i).Tag.Get("type"))
		b.sending = false
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
		if want != "later" {
			b.expr(x, path, wants[want])
		}
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
	b.visitExpr(path)
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
	b.visitTemplate(path, want)
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
	b.visitTemplate(path, expr.Any)
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
