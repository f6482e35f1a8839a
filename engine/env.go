package engine

import (
	"encoding/json"
	"time"

	"github.com/cuelight/cuelight/engine/expr"
)

// look brings the expressions' view of the current object and the user up to what the op has written so far.
func (w *walk) look() error {
	var object *Object
	var err error
	if w.run.Object != "" {
		if object, err = w.a.object(w.run.Structure, w.run.Object, false); err != nil {
			return err
		}
	}
	item, index, err := w.state.item(w.a.cat, w.op.run.hand, func(structure, id string) (*Object, error) { return w.a.object(structure, id, false) })
	if err != nil {
		return err
	}
	if w.env.Names != nil && object == w.seen {
		w.env.Names["item"], w.env.Names["index"], w.env.Names["error"] = item, index, failureEnv(w.state)
		w.env.Names["vars"], w.env.Names["steps"] = w.state.Vars, w.state.Steps
		return nil
	}
	var user *Object
	if w.op.version.readsUser && w.run.User != "" {
		if user, err = w.a.object(UserStructure, w.run.User, false); err != nil {
			return err
		}
	}
	w.seen = object
	w.env, err = runEnv(w.a.cat, w.op.run, w.op.version, w.state, object, user, w.a.now())
	if err == nil {
		w.env.Names["item"], w.env.Names["index"] = item, index
	}
	return err
}

// runEnv is what a run's expressions see.
func runEnv(cat *catalogue, run *Run, v *Version, st *state, object, user *Object, now time.Time) (expr.Env, error) {
	names := map[string]any{
		"vars": st.Vars, "steps": st.Steps, "app": map[string]any{"id": string(run.App)}, "const": cat.constants,
		"object": nil, "user": nil, "before": nil, "changed": nil, "event": nil, "item": nil, "index": nil, "error": nil,
	}
	names["error"] = failureEnv(st)
	s := cat.structures[run.Structure]
	if s != nil && run.Cause != nil && v.readsImages {
		images, err := imagesEnv(s, run.Cause, imageOf(run.Cause, run.Cause.Before, -1), imageOf(run.Cause, run.Cause.After, 0))
		if err != nil {
			return expr.Env{}, err
		}
		names["before"], names["changed"], names["event"] = images["before"], images["changed"], images["event"]
	}
	if s != nil && object != nil {
		env, err := s.env(object)
		if err != nil {
			return expr.Env{}, err
		}
		names["object"] = orNil(env)
	}
	if us := cat.structures[UserStructure]; us != nil && user != nil {
		env, err := us.env(user)
		if err != nil {
			return expr.Env{}, err
		}
		names["user"] = orNil(env)
	}
	return expr.Env{Names: names, Now: now, Zone: cat.zone}, nil
}

// failureEnv is error as expressions see it, nil outside of catch steps.
func failureEnv(st *state) any {
	failure := st.failure()
	if failure == nil {
		return nil
	}
	return map[string]any{"step": failure.Step, "message": failure.Message, "code": failure.Code}
}

// imageOf makes an object of a change's frozen image; nil where there is none.
func imageOf(ch *Change, data json.RawMessage, version int64) *Object {
	if data == nil {
		return nil
	}
	return &Object{App: ch.App, Structure: ch.Structure, ID: ch.Object, Version: ch.Version + version, Data: data, ChangedAt: ch.At, ChangedBy: ch.Who}
}
