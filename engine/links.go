package engine

import (
	"errors"
	"fmt"
)

// acceptLinks checks a list of ids; an empty one is no value.
func acceptLinks(list []any) (any, error) {
	if len(list) > MaxLinks {
		return nil, &CodedError{Kind: ErrInvalid, Code: "LIMIT", Limit: "links", Message: fmt.Sprintf("may hold at most %d ids", MaxLinks)}
	}
	first := make(map[string]int, len(list))
	for i, e := range list {
		id, ok := e.(string)
		if !ok || !objectIDRule.MatchString(id) {
			return nil, fmt.Errorf("must be a list of ids of objects: the one at %d is none", i)
		}
		if at, twice := first[id]; twice {
			return nil, coded(ErrInvalid, "TWICE", "holds the same id at %d and at %d", at, i)
		}
		first[id] = i
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list, nil
}

// missingLinks lists the links of the new values that point at nothing. Those that the object had before are not looked at: their targets may
// have gone since. All targets that have to be seen are asked for at once.
func (a *act) missingLinks(s *Structure, before, after Values) ([]FieldError, error) {
	var errs []FieldError
	var need NeedError
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.pointsAt() || after[f.ID] == nil || same(before[f.ID], after[f.ID]) {
			continue
		}
		old, _ := before[f.ID].([]any)
		had := make(map[any]bool, len(old))
		for _, id := range old {
			had[id] = true
		}
		list, isList := after[f.ID].([]any)
		if !isList {
			list = []any{after[f.ID]}
		}
		for at, id := range list {
			if had[id] {
				continue
			}
			target, err := a.object(f.Structure, id.(string), false)
			if more, asks := errors.AsType[*NeedError](err); asks {
				need.Peek = append(need.Peek, more.Peek...)
				continue
			}
			if err != nil {
				return nil, err
			}
			if target == nil {
				path := f.ID
				if isList {
					path = fmt.Sprintf("%s[%d]", f.ID, at)
				}
				errs = append(errs, FieldError{Path: path, Code: "LINK_MISSING", Message: fmt.Sprintf("%s has no object with this id", f.Structure)})
			}
		}
	}
	if len(need.Peek) > 0 {
		return nil, &need
	}
	return errs, nil
}
