package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/filter"
)

// view reads what one page of the demo shows. The first error stays and ends all reading.
type view struct {
	ctx        context.Context
	app        engine.AppID
	store      engine.Store
	structures map[string]*engine.Structure
	// offset is the position of the push log, read before all else: a push in between then renews the page once too often, never once too
	// little. It is empty when nothing was pushed yet.
	offset string
	err    error
}

func (a *App) look(ctx context.Context, app engine.AppID) (*view, error) {
	v := &view{ctx: ctx, app: app, store: a.Store}
	if head, err := a.Store.PushHead(ctx, app); err == nil {
		v.offset = fmt.Sprintf("%s.%d", head.Epoch, head.Pos)
	}
	var err error
	v.structures, err = a.Engine.Structures(ctx, app)
	return v, err
}

// objects gives at most 100 objects of a structure that pass a filter, sorted by a field, - before it for descending.
func (v *view) objects(structure, where, sort string) []*engine.Object {
	s := v.structures[structure]
	if v.err == nil && s == nil {
		v.err = fmt.Errorf("app %s has no structure %s", v.app, structure)
	}
	if v.err != nil {
		return nil
	}
	field, descending := strings.CutPrefix(sort, "-")
	q := engine.ObjectQuery{App: v.app, Structure: s, Sort: []engine.SortKey{{Field: field, Descending: descending}}, Limit: 100}
	if where != "" {
		if q.Filter, v.err = filter.Parse(where); v.err == nil {
			q.Filter, v.err = filter.Check(q.Filter, where, s.FilterFields(), s.Zone())
		}
		if v.err != nil {
			return nil
		}
	}
	page, err := v.store.Objects(v.ctx, q)
	v.err = err
	return page.Items
}

// read reads an object's fields.
func (v *view) read(o *engine.Object, into any) {
	if err := json.Unmarshal(o.Data, into); err != nil && v.err == nil {
		v.err = fmt.Errorf("read object %s: %w", o.ID, err)
	}
}

func pageHeaders(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
}

// formOfOurs reads a form, if a page of ours sent it.
func formOfOurs(w http.ResponseWriter, r *http.Request) bool {
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		demoAnswer(w, http.StatusForbidden, "the form was sent by another site")
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		demoAnswer(w, http.StatusBadRequest, "the form is not readable or too long")
		return false
	}
	return true
}

// formAnswer tells a script how its form went; a browser that sent the form by itself goes on to a page.
func formAnswer(w http.ResponseWriter, r *http.Request, err error, page string) {
	switch {
	case err != nil:
		demoAnswer(w, http.StatusUnprocessableEntity, err.Error())
	case strings.Contains(r.Header.Get("Accept"), "application/json"):
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Redirect(w, r, page, http.StatusSeeOther)
	}
}
