package engine

import (
	"context"
	"encoding/json"
	"fmt"
)

// maxOldVersions is how many versions are kept compiled that are not the published ones.
const maxOldVersions = 1000

type versionID struct {
	app      AppID
	scenario string
	number   int64
}

// version returns the version that a run is pinned to, from the catalogue or, for an older one, from its record.
func (c *catalogues) version(ctx context.Context, app AppID, scenario string, number int64) (*Version, error) {
	if v := c.known(app, scenario, number); v != nil {
		return v, nil
	}
	cat := c.at(app)
	if cat == nil {
		var err error
		if cat, err = c.load(ctx, app, 1); err != nil {
			return nil, err
		}
		if v := c.known(app, scenario, number); v != nil {
			return v, nil
		}
	}
	r, err := c.store.Record(ctx, app, VersionKind(number), versionKey(scenario, number))
	if err != nil {
		return nil, fmt.Errorf("load version %d of %s: %w", number, scenario, err)
	}
	var rec VersionRecord
	if err := json.Unmarshal(r.Body, &rec); err != nil {
		return nil, fmt.Errorf("read version %d of %s: %w", number, scenario, err)
	}
	doc, err := ParseScenario(rec.Document)
	if err != nil {
		return nil, fmt.Errorf("read version %d of %s: %w", number, scenario, err)
	}
	v, problems := compileScenario(doc, number, cat.nouns(), c.kinds)
	if len(problems) > 0 {
		return nil, &InvalidError{Fields: problems}
	}
	if number < 0 {
		c.keepTest(versionID{app, scenario, number}, v)
		return v, nil
	}
	if c.kept.Add(1) > maxOldVersions {
		c.versions.Clear()
		c.kept.Store(1)
	}
	c.versions.Store(versionID{app, scenario, number}, v)
	return v, nil
}

// keepTest keeps the compiled draft of a test; each test has a number of its own, so few are kept.
func (c *catalogues) keepTest(id versionID, v *Version) {
	c.testsMu.Lock()
	defer c.testsMu.Unlock()
	c.versions.Store(id, v)
	if c.tests = append(c.tests, id); len(c.tests) > keepTests {
		c.versions.Delete(c.tests[0])
		c.tests = c.tests[1:]
	}
}

// known returns a version that is in memory, or nil.
func (c *catalogues) known(app AppID, scenario string, number int64) *Version {
	if cat := c.at(app); cat != nil {
		if p := cat.scenarios[scenario]; p != nil && p.version != nil && p.version.Number == number {
			return p.version
		}
	}
	if v, ok := c.versions.Load(versionID{app, scenario, number}); ok {
		return v.(*Version)
	}
	return nil
}

// versionKey is the record id of a version; the number is padded, so that ids sort by it.
func versionKey(scenario string, number int64) string {
	return fmt.Sprintf("%s/%08d", scenario, number)
}
