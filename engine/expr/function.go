package expr

import (
	"slices"
	"strings"
)

// Function describes a function of the language, for completion and documentation.
type Function struct {
	Name      string
	Signature string
	Help      string
	Example   string
	Result    string // what Example yields, as text
}

// Functions lists all functions, by name.
func Functions() []Function {
	out := make([]Function, 0, len(functions))
	for _, f := range functions {
		out = append(out, f.Function)
	}
	slices.SortFunc(out, func(a, b Function) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// function is one entry of the language.
type function struct {
	Function
	params []param
	least  int                // arguments that must be there; 0 means all of params
	many   bool               // the last parameter may be given any number of times
	nulls  bool               // run sees null; otherwise a first argument of null yields null
	typ    func([]node) Type  // of the result
	defers func([]node) bool  // whether it is Deferred; nil: it is not
	check  func([]node) error // of constant arguments; may be nil
	each   each               // evaluates a closure; run is nil then
	run    func(*frame, []any) (any, error)
}

// param is the kinds that a parameter takes; none means any.
type param []Kind

var (
	textParam   = param{KindString}
	intParam    = param{KindInt}
	numberParam = param{KindInt, KindDecimal}
	timeParam   = param{KindTime}
	listParam   = param{KindList}
	anyParam    = param{}
)

// functions is the language, by name. It is not changed after start.
var functions = table(textFunctions, numberFunctions, timeFunctions, listFunctions, closureFunctions)

func table(groups ...[]function) map[string]*function {
	all := map[string]*function{}
	for _, group := range groups {
		for i := range group {
			all[group[i].Name] = &group[i]
		}
	}
	return all
}

func always([]node) bool { return true }

func yields(kind Kind) func([]node) Type {
	return func([]node) Type { return Type{Kind: kind} }
}

func (p param) String() string {
	words := make([]string, len(p))
	for i, k := range p {
		words[i] = Type{Kind: k}.String()
	}
	return strings.Join(words, " or ")
}

func (p param) takes(k Kind) bool { return len(p) == 0 || k == KindNull || slices.Contains(p, k) }

func (fn *function) param(i int) param { return fn.params[min(i, len(fn.params)-1)] }

// wrongCount tells what is wrong with n arguments; empty if nothing is.
func (fn *function) wrongCount(n int) string {
	least := fn.least
	if least == 0 {
		least = len(fn.params)
	}
	if n < least || n > len(fn.params) && !fn.many {
		return "write " + fn.Signature
	}
	return ""
}

// call checks the arguments, which may be of any kind if their type was not known before, and runs the function.
func (fn *function) call(f *frame, args []any) (any, error) {
	for i, v := range args {
		if p := fn.param(i); !p.takes(kindOf(v)) {
			return nil, hint("write "+fn.Signature, "%s takes %s, got %s", fn.Name, p, describe(v))
		}
	}
	if !fn.nulls && len(args) > 0 && args[0] == nil {
		return nil, nil
	}
	return fn.run(f, args)
}
