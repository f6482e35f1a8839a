package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// followScope has orders with an owner, whose boss is a person again.
func followScope() *Scope {
	person := ObjectOf(map[string]Type{"name": {Kind: KindString}, "boss": {Kind: KindString, Link: "Person"}})
	order := ObjectOf(map[string]Type{"owner": {Kind: KindString, Link: "Person"}, "helpers": ListOf(Type{Kind: KindString, Link: "Person"})})
	return &Scope{Object: &order, Names: map[string]Type{}, Linked: func(structure string) (Type, bool) { return person, structure == "Person" }}
}

func TestLinksAreFollowed(t *testing.T) {
	t.Parallel()
	people := map[string]map[string]any{"anna": {"name": "Anna", "boss": "ben"}, "ben": {"name": "Ben", "boss": "cleo"}, "cleo": {"name": "Cleo"}}
	env := Env{Names: map[string]any{"object": map[string]any{"owner": "anna", "helpers": []any{"ben", "cleo", "gone"}}}}
	env.Follow = func(structure, id string) (map[string]any, error) {
		if structure != "Person" {
			return nil, fmt.Errorf("no structure %s", structure)
		}
		return people[id], nil
	}
	for source, want := range map[string]string{
		`object.owner.name`:                   "Anna",
		`owner.name`:                          "Anna",
		`object.owner.boss.name`:              "Ben",
		`owner.boss.boss.name`:                "Cleo",
		`object.owner`:                        "anna",
		`object.helpers[0].name`:              "Ben",
		`map(object.helpers, .name)`:          `["Ben","Cleo",null]`,
		`object.owner.boss.boss.boss == null`: "true",
		`object.helpers[2].name == null`:      "true",
		`object.owner.name == "Anna" ? 1 : 2`: "1",
	} {
		p, err := Compile(source, followScope(), Any)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if reads := source != "object.owner"; reads != (p.Cost() == Deferred) {
			t.Errorf("%s has cost class %d", source, p.Cost())
		}
		v, err := p.Eval(env, NewBudget(FullLimits, nil))
		text, _ := Text(v)
		if err != nil || text != want {
			t.Errorf("%s is %s, want %s (%v)", source, text, want, err)
		}
	}
}

func TestLinksAreFollowedAtMostThreeTimesAndWithinTheBudget(t *testing.T) {
	t.Parallel()
	_, err := Compile(`object.owner.boss.boss.boss.name`, followScope(), Any)
	if err == nil || !strings.Contains(err.Error(), "at most 3 links") {
		t.Errorf("four links: %v", err)
	}
	if _, err := Compile(`object.owner.nam`, followScope(), Any); err == nil || !strings.Contains(err.Error(), "did you mean name?") {
		t.Errorf("a wrong field behind a link: %v", err)
	}
	p, err := Compile(`all(1..5000, object.owner.name != "")`, followScope(), Any)
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Names: map[string]any{"object": map[string]any{"owner": "anna"}}, Follow: func(string, string) (map[string]any, error) {
		return map[string]any{"name": "Anna"}, nil
	}}
	if _, err := p.Eval(env, NewBudget(FullLimits, nil)); !errors.Is(err, ErrBudget) {
		t.Errorf("5,000 follows in one expression: %v", err)
	}
	if _, err := p.Eval(Env{Names: env.Names}, NewBudget(FullLimits, nil)); err == nil || !strings.Contains(err.Error(), "can not be followed here") {
		t.Errorf("without a store behind: %v", err)
	}
}
