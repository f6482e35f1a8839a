package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/cuelight/cuelight/engine"
)

type structureIn struct{ StructurePath }

type documentOut struct {
	Status int
	ETag   string `header:"ETag"`
	Body   document
}

type documentsOut struct {
	Body struct {
		Items []document `json:"items" nullable:"false"`
	}
}

func (a *API) listStructures(ctx context.Context, c *call, _ *appIn, _ *none) (*documentsOut, error) {
	all, err := a.opt.Engine.Structures(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &documentsOut{}
	out.Body.Items = []document{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		doc, err := a.structureDocument(ctx, c.app, all[id], nil)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, doc)
	}
	return out, nil
}

func (a *API) getStructure(ctx context.Context, c *call, in *structureIn, _ *none) (*documentOut, error) {
	s, err := a.structure(ctx, c.app, in.Structure)
	if err != nil {
		return nil, err
	}
	return a.showStructure(ctx, c.app, engine.SavedStructure{Structure: s}, http.StatusOK)
}

// The members that the server adds to a structure's document; they are left out of one that is sent back.
const (
	fillingMember  = "filling"
	warningsMember = "warnings"
)

// structureDocument is a structure's document with what the server has to say about it.
func (a *API) structureDocument(ctx context.Context, app engine.AppID, s *engine.Structure, warnings []engine.ScenarioWarning) (document, error) {
	doc, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	filling, err := a.opt.Engine.Filling(ctx, app, s)
	if err != nil {
		return nil, err
	}
	add := func(name string, v any) error {
		text, err := json.Marshal(v)
		doc = append(append(append(append(doc[:len(doc)-1], `,"`...), name...), `":`...), append(text, '}')...)
		return err
	}
	if filling != nil {
		err = add(fillingMember, filling)
	}
	if len(warnings) > 0 {
		err = errors.Join(err, add(warningsMember, warnings))
	}
	return doc, err
}

func (a *API) showStructure(ctx context.Context, app engine.AppID, saved engine.SavedStructure, status int) (*documentOut, error) {
	s := saved.Structure
	doc, err := a.structureDocument(ctx, app, s, saved.Warnings)
	if err != nil {
		return nil, err
	}
	out := &documentOut{Status: status, Body: doc}
	if r, err := a.opt.Store.Record(ctx, app, engine.RecordStructure, s.ID); err == nil {
		out.ETag = etag(r.Rev)
	}
	return out, nil
}

type saveStructureIn struct {
	StructurePath
	Drop    []string `query:"drop" doc:"Fields that may go away with all their values, as a,b: they are out of reads at once, and a system run takes them out of the data."`
	Convert []string `query:"convert" doc:"Fields whose values may be converted to another type, as a,b: number to decimal or string; decimal, boolean, date or link to string; string to number, decimal, boolean, date, link or choice where every value is one; link to links. Refused with a report if one value can not be converted."`
	// IfMatch must be the structure's ETag.
	IfMatch string `header:"If-Match" doc:"The structure's ETag: refused with 412 if it has another by now."`
}

func (a *API) saveStructure(ctx context.Context, c *call, in *saveStructureIn, body *document) (*documentOut, error) {
	own, err := withoutMembers(*body, fillingMember, warningsMember)
	if err != nil {
		return nil, err
	}
	doc, err := withID(own, in.Structure)
	if err != nil {
		return nil, err
	}
	all, err := a.opt.Engine.Structures(ctx, c.app)
	if err != nil {
		return nil, err
	}
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	saved, err := a.opt.Engine.ChangeStructure(ctx, c.app, doc, engine.StructureChange{Rev: rev, Drop: in.Drop, Convert: in.Convert})
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if all[in.Structure] == nil {
		status = http.StatusCreated
	}
	return a.showStructure(ctx, c.app, saved, status)
}

// withoutMembers leaves members out of a document; one that has none of them stays as it came.
func withoutMembers(body document, names ...string) (document, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return nil, wrongField("", "TYPE", "must be an object")
	}
	n := len(members)
	for _, name := range names {
		delete(members, name)
	}
	if len(members) == n {
		return body, nil
	}
	return json.Marshal(members)
}

// withID checks that a document's id is the one of the address, or puts it in where it has none.
func withID(body document, id string) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil || members == nil {
		return nil, wrongField("", "TYPE", "must be an object")
	}
	raw, given := members["id"]
	if !given {
		own, err := json.Marshal(id)
		if err != nil {
			return nil, err
		}
		members["id"] = own
		return json.Marshal(members)
	}
	var named string
	if json.Unmarshal(raw, &named) != nil || named != id {
		return nil, wrongField("id", "ID", "must be the id of the address")
	}
	return body, nil
}
