package engine

// Checker checks documents against each other, without any store: what `cuelight validate` does.
type Checker struct {
	kinds      Kinds
	structures map[string]*Structure
}

// NewChecker makes a checker that knows the system structure User and nothing else.
func NewChecker(kinds Kinds) *Checker {
	c := &Checker{kinds: kinds, structures: map[string]*Structure{}}
	if s, err := ParseStructure([]byte(userDocument)); err == nil {
		c.structures[s.ID] = s
	}
	return c
}

// Check lists what is wrong with a document of a kind: structure, scenario or app. A structure that is good is known to the scenarios
// that come after it.
func (c *Checker) Check(kind string, doc []byte) []Problem {
	switch kind {
	case "structure":
		s, err := ParseStructure(doc)
		if err != nil {
			b := &binder{}
			b.fail("", err)
			return b.errs
		}
		c.structures[s.ID] = s
		return nil
	case "scenario":
		return (&catalogue{structures: c.structures}).validate(doc, c.kinds)
	}
	return nil
}
