package engine

import (
	"encoding/json"
	"strings"

	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

var filterKinds = map[FieldType]expr.Kind{
	TypeString: expr.KindString, TypeNumber: expr.KindInt, TypeDecimal: expr.KindDecimal, TypeBoolean: expr.KindBool,
	TypeDate: expr.KindTime, TypeLink: expr.KindString, TypeLinks: expr.KindList, TypeJSON: expr.KindJSON,
}

// FilterFields are the structure's own fields as filters see them.
func (s *Structure) FilterFields() map[string]filter.Field {
	fields := make(map[string]filter.Field, len(s.Fields))
	for _, f := range s.Fields {
		fields[f.ID] = filter.Field{Kind: filterKinds[f.Type], Options: f.Options}
	}
	return fields
}

// Filter is a setting in the filter language in which a value may be one {{ }}. The step's Bind method tells which structure it is for.
type Filter struct {
	Source string

	node  *filter.Node
	slots map[string]*slot // by expression
	path  string
	zone  *Structure
}

// UnmarshalJSON reads the filter's text.
func (x *Filter) UnmarshalJSON(doc []byte) error { return json.Unmarshal(doc, &x.Source) }

// MarshalJSON writes it.
func (x Filter) MarshalJSON() ([]byte, error) { return marshal(x.Source) }

// SettingSchema says how the setting looks in a form.
func (*Filter) SettingSchema() map[string]any {
	return map[string]any{"type": "string", "format": "filter"}
}

// IsSet says whether there is a filter.
func (x *Filter) IsSet() bool { return x != nil && x.Source != "" }

// Filter binds a filter to the structure whose objects it chooses.
func (x *Binder) Filter(setting string, f *Filter, s *Structure) {
	if !f.IsSet() || s == nil {
		return
	}
	b, path := x.b, x.path+"."+setting
	b.visitFilter(path, s)
	n, err := filter.ParseTemplate(f.Source)
	if err == nil {
		n, err = filter.Check(n, f.Source, s.FilterFields(), s.zone)
	}
	if err != nil {
		b.errs = append(b.errs, fieldError(path, "FILTER", err))
		return
	}
	f.node, f.slots, f.path, f.zone = n, map[string]*slot{}, path, s
	for _, t := range n.Templates() {
		p, err := expr.Compile(t.Expression, b.scope(), t.Type)
		if err != nil {
			b.fail(path, err)
			continue
		}
		f.slots[t.Expression] = b.slot(path, p, p.Eval)
	}
}

// Sort binds a setting that says how objects are sorted, as -changed_at,id.
func (x *Binder) Sort(setting, source string, s *Structure) []SortKey {
	if source == "" || s == nil {
		return nil
	}
	var keys []SortKey
	for part := range strings.SplitSeq(source, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(part), "-")
		k := SortKey{Field: name, Descending: descending}
		if _, err := (ObjectQuery{Structure: s}).order(k); err != nil {
			x.Fail(setting, "SORT", "%s", err)
			return nil
		}
		keys = append(keys, k)
	}
	return keys
}

// Bound is the filter with its expressions replaced by their values; nil when there is none.
func (x *Filter) Bound(s *Scope) (*filter.Node, error) {
	if x == nil || x.node == nil {
		return nil, nil
	}
	n, err := filter.Bind(x.node, x.zone.zone, func(expression string) (any, error) { return x.slots[expression].value(s) })
	if err != nil {
		return nil, coded(ErrInvalid, "FILTER", "%s: %s", x.path, err)
	}
	return n, nil
}
