package engine

import (
	"fmt"
	"testing"
)

// BenchmarkMatchAmongTenThousand finds the 10 scenarios that a change concerns among 10,000 on one structure and judges their conditions
// (design 4: at most 30 µs per change).
func BenchmarkMatchAmongTenThousand(b *testing.B) {
	s, err := ParseStructure([]byte(`{"id":"Order","fields":[{"id":"status","type":"string"},{"id":"total","type":"decimal"},{"id":"city","type":"string"},{"id":"note","type":"string"}]}`))
	if err != nil {
		b.Fatal(err)
	}
	kinds := Kinds{Triggers: []TriggerKind{watchKind()}}
	scenarios := map[string]*published{}
	for i := range 10_000 {
		condition := fmt.Sprintf(`object.city == "city%d"`, i/3) // three of them are the change's
		fields := `["status"]`
		switch i % 1000 {
		case 0: // ten watch the field that changes, and five of their conditions hold
			condition, fields = fmt.Sprintf(`object.total > %d`, i/10), `["total"]`
		case 1:
			condition, fields = `object.total > 1 and object.status == "none"`, `["note"]`
		}
		doc, err := ParseScenario(fmt.Appendf(nil, `{"id":"s%d","structure":"Order","triggers":[{"id":"t","kind":"watch","fields":%s,"if":%q}],"steps":[]}`, i, fields, condition))
		if err != nil {
			b.Fatal(err)
		}
		v, problems := compileScenario(doc, 1, nouns{structures: map[string]*Structure{"Order": s}}, kinds)
		if len(problems) > 0 {
			b.Fatal(problems)
		}
		scenarios[doc.ID] = &published{id: doc.ID, state: Running, version: v}
	}
	cat := &catalogue{structures: map[string]*Structure{"Order": s}, scenarios: scenarios, index: buildIndex(scenarios), notices: &notices{}, backlogs: &backlogs{}}
	old := &Object{Structure: "Order", ID: "1", Version: 1, Data: []byte(`{"city":"city7","status":"new","total":"10.00"}`)}
	next := &Object{Structure: "Order", ID: "1", Version: 2, Data: []byte(`{"city":"city7","status":"paid","total":"500.00"}`)}
	before, errBefore := s.Decode(old.Data)
	after, errAfter := s.Decode(next.Data)
	if errBefore != nil || errAfter != nil {
		b.Fatal(errBefore, errAfter)
	}
	change := &Change{Structure: "Order", Object: "1", Kind: Changed, Version: 2, Before: old.Data, After: next.Data, Fields: []string{"status", "total"}}
	b.ReportAllocs()
	for b.Loop() {
		var found []*Trigger
		cat.index["Order"].find(change.Kind, change.Fields, after, func(t *Trigger) { found = append(found, t) })
		a := newAct(&Loaded{locks: map[Key]bool{}}, cat, cause{})
		env, err := a.matchEnv(s, change, image{old, before}, image{next, after}, found)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(a.judge(found, env)); n < 5 || n > 13 {
			b.Fatalf("%d of %d conditions hold", n, len(found))
		}
	}
}

// watchKind is a trigger kind as package triggers declares them, which this package can not import.
func watchKind() TriggerKind {
	type settings struct {
		Fields []string `json:"fields,omitzero" doc:"Fields."`
		If     *Expr    `json:"if,omitzero" type:"bool" doc:"Condition."`
	}
	return TriggerSpec[settings]{Kind: "watch", Title: "Watch", Help: "Watches.", Watch: func(c *settings) Watch {
		return Watch{On: []ChangeKind{Changed}, Fields: c.Fields, If: c.If}
	}}.Build()
}
