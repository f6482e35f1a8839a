package engine

import (
	"fmt"
	"maps"

	"github.com/cuelight/cuelight/engine/expr"
)

// Checker checks documents against each other, without any store: what `cuelight validate` does, and `cuelight apply` before it changes
// anything.
type Checker struct {
	kinds Kinds
	// nouns are what documents may name; has are the structures that the app already has.
	nouns nouns
	has   map[string]*Structure
	// changes are what may happen to the values of the structures that the app has.
	changes map[string]StructureChange
}

// NewChecker makes a checker that knows the system structure User and nothing else.
func NewChecker(kinds Kinds) *Checker {
	n := nouns{structures: map[string]*Structure{}, constants: map[string]expr.Type{}, secrets: map[string]bool{}}
	c := &Checker{kinds: kinds, nouns: n, has: map[string]*Structure{}, changes: map[string]StructureChange{}}
	if s, err := ParseStructure([]byte(UserDocument)); err == nil {
		c.nouns.structures[s.ID], c.has[s.ID] = s, s
	}
	return c
}

// Has makes a structure known that the app has: a document of it has to be a change that the server allows.
func (c *Checker) Has(doc []byte) error {
	s, err := ParseStructure(doc)
	if err != nil {
		return err
	}
	c.nouns.structures[s.ID], c.has[s.ID] = s, s
	return nil
}

// Allow says what a document may do to the values that objects of a structure have.
func (c *Checker) Allow(structure string, change StructureChange) { c.changes[structure] = change }

// Know makes a structure, a constant or a secret known that comes with the documents to check, or that the app has, so that the others may
// name it; a bad one is left for Check.
func (c *Checker) Know(kind string, doc []byte) {
	switch kind {
	case "structure":
		if s, err := ParseStructure(doc); err == nil {
			c.nouns.structures[s.ID] = s
		}
	case string(RecordConstant):
		if k, err := ParseConstant(doc); err == nil {
			v, _ := k.read()
			c.nouns.constants[k.ID] = constantType(v)
		}
	case string(RecordSecret):
		if s, err := ParseSecret(doc); err == nil {
			c.nouns.secrets[s.ID] = true
		}
	}
}

// Check lists what is wrong with a document of a kind: structure, scenario, constant, secret or app.
func (c *Checker) Check(kind string, doc []byte) []Problem {
	switch kind {
	case "structure":
		s, err := ParseStructure(doc)
		if err != nil {
			return problems(err)
		}
		there := maps.Clone(c.nouns.structures)
		delete(there, s.ID)
		if has := c.has[s.ID]; has != nil {
			there[s.ID] = has
		}
		return (&catalogue{structures: there}).reshaping(s, c.changes[s.ID]).errs
	case "scenario":
		return validate(doc, c.nouns, c.kinds)
	case string(RecordConstant):
		if _, err := ParseConstant(doc); err != nil {
			return problems(err)
		}
	case string(RecordSecret):
		if _, err := ParseSecret(doc); err != nil {
			return problems(err)
		}
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
	// PrivateHosts are checked by the server, and only an admin may set them.
	PrivateHosts []string `json:"private_hosts"`
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
