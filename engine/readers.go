package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxOpenVersions is how many older versions with open runs are looked through for a constant or a secret that goes away: each has to be
// compiled.
const maxOpenVersions = 500

// reads says that the version names const.<id> or secret.<id>.
func (v *Version) reads(root, id string) bool { return v.names[root+"."+id] || v.names[root] }

// readers are the published scenarios that name const.<id> or secret.<id>.
func (c *catalogue) readers(root, id string) []string {
	var by []string
	for _, scenario := range keysOf(c.scenarios) {
		if v := c.scenarios[scenario].version; v != nil && v.reads(root, id) {
			by = append(by, scenario)
		}
	}
	return by
}

// olderReaders are the versions that are not published any more, by which open runs go and that name const.<id> or secret.<id>. No version
// begins to be one of them without a publication, which gives the catalogue another number.
type olderReaders struct {
	number int64
	by     []string
}

// olderReaders finds them out. Runs of a stopped scenario do not count: they are cancelled, but for tests.
func (e *Engine) olderReaders(ctx context.Context, cat *catalogue, root, id string) (olderReaders, error) {
	app := cat.app.ID
	open, err := e.store.OpenVersions(ctx, app, maxOpenVersions+len(cat.scenarios)+1)
	if err != nil {
		return olderReaders{}, fmt.Errorf("list versions of open runs: %w", err)
	}
	older := slices.DeleteFunc(open, func(v ScenarioVersion) bool {
		p := cat.scenarios[v.Scenario]
		return v.Number > 0 && cat.stateOf(v.Scenario) == Stopped || p.version != nil && p.version.Number == v.Number
	})
	if len(older) > maxOpenVersions {
		return olderReaders{}, &CodedError{Kind: ErrConflict, Code: "LIMIT", Limit: "open_versions", Message: fmt.Sprintf("runs of more than %d older versions go on, and any may read it; try again when fewer do", maxOpenVersions)}
	}
	found := olderReaders{number: cat.number}
	for _, o := range older {
		v, err := e.cats.version(ctx, app, o.Scenario, o.Number)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid):
			continue // its runs can not go on in any case
		case err != nil:
			return olderReaders{}, err
		case v.reads(root, id):
			found.by = append(found.by, fmt.Sprintf("%s (version %d)", o.Scenario, o.Number))
		}
	}
	return found, nil
}

// unread refuses what would take const.<id> or secret.<id> away from those who read it. what says what can not be, before who stands in the way.
func (c *catalogue) unread(path, what, root, id string, older olderReaders) error {
	who, by := "published scenarios read it", c.readers(root, id)
	switch {
	case len(by) > 0:
	case older.number != c.number:
		return errCatalogue
	case len(older.by) > 0:
		who, by = "runs of older versions that go on read it", older.by
	default:
		return nil
	}
	code := map[string]string{"const": "CONSTANT_IN_USE", "secret": "SECRET_IN_USE"}[root]
	message := strings.TrimSpace(what+" "+who) + ": " + strings.Join(by, ", ")
	return &InvalidError{Conflict: true, Fields: []FieldError{{Path: path, Code: code, Message: message}}}
}

// errCatalogue says that the app's published state is not the one by which something was looked up before the commit.
var errCatalogue = coded(ErrBusy, "CONTENDED", "the app's scenarios keep being changed; try again")

// asOf does what first looks something up by the catalogue of now and then commits by the same one.
func (e *Engine) asOf(ctx context.Context, app AppID, do func(*catalogue) error) error {
	err := error(errCatalogue)
	for try := 0; try < 5 && errors.Is(err, errCatalogue); try++ {
		cat, wrong := e.fresh(ctx, app)
		if wrong != nil {
			return wrong
		}
		err = do(cat)
	}
	return err
}
