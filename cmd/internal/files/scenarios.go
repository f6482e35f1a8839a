package files

import (
	"context"
	"fmt"
	"slices"
)

func (p *planner) planScenarios(ctx context.Context) error {
	docs := p.of(Scenario)
	if !p.exists || len(docs) == 0 && !p.Prune {
		for _, d := range docs {
			p.publish(d, "+", nil, scenario{})
		}
		return nil
	}
	all, err := p.scenarios(ctx)
	if err != nil {
		return err
	}
	for _, d := range docs {
		i := slices.IndexFunc(all, func(s scenario) bool { return s.ID == d.ID })
		if i < 0 {
			p.publish(d, "+", nil, scenario{})
			continue
		}
		if err := p.planScenario(ctx, d, all[i]); err != nil {
			return err
		}
	}
	if p.Prune {
		p.prune(all, docs)
	}
	return nil
}

func (p *planner) planScenario(ctx context.Context, d *Document, s scenario) error {
	is := p.shapes.arrange(Scenario, d.value)
	var changes []Change
	if s.Version == 0 {
		changes = []Change{{"", "its first version"}}
	} else {
		doc, err := p.published(ctx, s)
		if err != nil {
			return err
		}
		changes = compare("", p.shapes.arrange(Scenario, doc), is)
	}
	if len(changes) == 0 {
		if p.Start && s.State != "running" {
			p.add(&Action{Sign: "~", Kind: Scenario, ID: d.ID, Changes: []Change{{"", "starts"}}, doc: d}, "POST", p.scenarioPath(d.ID)+"/start", "", nil)
			return nil
		}
		p.same(d)
		return nil
	}
	a := p.publish(d, "~", changes, s)
	if !s.Unpublished {
		return nil
	}
	draft, err := p.draft(ctx, s)
	if err != nil {
		return err
	}
	if len(compare("", p.shapes.arrange(Scenario, draft), is)) > 0 {
		a.Note = fmt.Sprintf("scenario %s: its unpublished draft is replaced", d.ID)
	}
	return nil
}

// publish plans to make a document the version that runs, in one request.
func (p *planner) publish(d *Document, sign string, changes []Change, s scenario) *Action {
	etag := ""
	if s.Rev > 0 {
		etag = fmt.Sprintf(`"%d"`, s.Rev)
	}
	if p.Start && sign == "~" && s.State != "running" {
		changes = append(changes, Change{"", "starts"})
	}
	a := &Action{Sign: sign, Kind: Scenario, ID: d.ID, Changes: changes, doc: d}
	p.add(a, "POST", p.scenarioPath(d.ID)+"/publish", etag, object{{"document", p.shapes.arrange(Scenario, d.value)}, {"start", p.Start}})
	return a
}

// prune plans to delete the scenarios that have no document. Those that were never published have none in an export either, and stay.
func (p *planner) prune(all []scenario, docs []*Document) {
	for _, s := range all {
		if slices.ContainsFunc(docs, func(d *Document) bool { return d.ID == s.ID }) {
			continue
		}
		if s.Version == 0 {
			p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("scenario %s is not in the files and stays: it was never published", s.ID))
			continue
		}
		path := p.scenarioPath(s.ID)
		p.plan.Actions = append(p.plan.Actions, &Action{Sign: "-", Kind: Scenario, ID: s.ID, run: func(ctx context.Context) error {
			if s.State != "stopped" {
				if _, err := p.Do(ctx, "POST", path+"/stop", "", nil, nil); err != nil {
					return err
				}
			}
			_, err := p.Do(ctx, "DELETE", path, "", nil, nil)
			return err
		}})
	}
}
