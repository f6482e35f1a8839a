package engine

import (
	"fmt"

	"github.com/cuelight/cuelight/engine/expr"
)

func (s *Structure) uniqueSpace(f *Field) string { return "unique:" + s.ID + "." + f.ID }

// settleUnique moves the claims of unique fields from the old values to the new ones.
func (a *act) settleUnique(s *Structure, id string, before, after Values, fields []string) error {
	var errs []FieldError
	for _, name := range fields {
		f := s.Field(name)
		if !f.Unique {
			continue
		}
		if err := a.release(s, f, id, before[name]); err != nil {
			return err
		}
		if after[name] == nil {
			continue
		}
		other, err := a.claimValue(s, f, id, after[name])
		if err != nil {
			return err
		}
		if other != "" {
			errs = append(errs, FieldError{Path: name, Code: "TAKEN", Message: "another object has this value"})
		}
	}
	if len(errs) > 0 {
		return &InvalidError{Conflict: true, Fields: errs}
	}
	return nil
}

// release gives the claim of a value back, if it is the object's own: the claims of a field that has just become unique are made one by one.
func (a *act) release(s *Structure, f *Field, id string, v any) error {
	if v == nil {
		return nil
	}
	space, key := s.uniqueSpace(f), uniqueKey(v)
	holder, err := a.claim(space, key)
	if err != nil || holder == nil || holder.Owner != id {
		return err
	}
	a.setClaim(&Claim{Space: space, Key: key, Release: true})
	return nil
}

// claimValue claims a value for an object, or names the object that has it. A claim whose holder does not have the value any more was left
// behind when the field was not unique for a while, or was of another type: it counts for nothing.
func (a *act) claimValue(s *Structure, f *Field, id string, v any) (other string, err error) {
	space, key := s.uniqueSpace(f), uniqueKey(v)
	holder, err := a.claim(space, key)
	if err != nil {
		return "", err
	}
	if holder != nil && holder.Owner != id {
		o, err := a.object(s.ID, holder.Owner, false)
		if err != nil {
			return "", err
		}
		has, err := s.decodeOf(o)
		if err != nil {
			return "", err
		}
		if has[f.ID] != nil && uniqueKey(has[f.ID]) == key {
			return holder.Owner, nil
		}
	}
	if holder == nil || holder.Owner != id {
		a.setClaim(&Claim{Space: space, Key: key, Owner: id})
	}
	return "", nil
}

// uniqueKey is the key of a value's claim: the stored text, or its hash where that is long. Decimals that are equal have one key,
// whatever their scale: 12.5 is 12.50.
func uniqueKey(v any) string {
	text := fmt.Sprint(toStored(v))
	if d, ok := v.(expr.Decimal); ok {
		text = d.Sortable()
	}
	if len(text) > 128 {
		return hashText(text)
	}
	return text
}
