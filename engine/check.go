package engine

import (
	"fmt"
	"maps"
)

// Checker checks documents against each other, without any store: what `cuelight validate` does, and `cuelight apply` before it changes
// anything.
type Checker struct {
	kinds Kinds
	// structures are the ones that documents may name; has those that the app already has.
	structures, has map[string]*Structure
}

// NewChecker makes a checker that knows the system structure User and nothing else.
func NewChecker(kinds Kinds) *Checker {
	c := &Checker{kinds: kinds, structures: map[string]*Structure{}, has: map[string]*Structure{}}
	if s, err := ParseStructure([]byte(UserDocument)); err == nil {
		c.structures[s.ID], c.has[s.ID] = s, s
	}
	return c
}

// Has makes a structure known that the app has: a document of it has to be a change that the server allows.
func (c *Checker) Has(doc []byte) error {
	s, err := ParseStructure(doc)
	if err != nil {
		return err
	}
	c.structures[s.ID], c.has[s.ID] = s, s
	return nil
}

// Know makes a structure known that comes with the documents to check, so that the others may name it; a bad one is left for Check.
func (c *Checker) Know(doc []byte) {
	if s, err := ParseStructure(doc); err == nil {
		c.structures[s.ID] = s
	}
}

// Check lists what is wrong with a document of a kind: structure, scenario or app.
func (c *Checker) Check(kind string, doc []byte) []Problem {
	switch kind {
	case "structure":
		s, err := ParseStructure(doc)
		if err != nil {
			return problems(err)
		}
		there := maps.Clone(c.structures)
		delete(there, s.ID)
		if has := c.has[s.ID]; has != nil {
			there[s.ID] = has
		}
		return (&catalogue{structures: there}).reshaping(s, StructureChange{}).errs
	case "scenario":
		return (&catalogue{structures: c.structures}).validate(doc, c.kinds)
	case "app":
		return checkApp(doc)
	}
	return nil
}

// appDocument is an app as files hold it.
type appDocument struct {
	Kind     string   `json:"kind"`
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Guests   bool     `json:"guests"`
	Origins  []string `json:"origins"`
	TimeZone string   `json:"time_zone"`
}

func checkApp(doc []byte) []Problem {
	var app appDocument
	if err := decodeStrict(doc, &app); err != nil {
		return problems(err)
	}
	var errs []Problem
	if !appIDRule.MatchString(app.ID) {
		errs = append(errs, problems(errAppID)...)
	}
	if _, err := LoadZone(app.TimeZone); err != nil {
		errs = append(errs, problems(fmt.Errorf("app: %w", err))...)
	}
	return errs
}

// problems lists what an error says.
func problems(err error) []Problem {
	b := &binder{}
	b.fail("", err)
	return b.errs
}
