package api

import (
	"context"
	"encoding/json"
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
		doc, err := json.Marshal(all[id])
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
	return a.showStructure(ctx, c.app, s, http.StatusOK)
}

func (a *API) showStructure(ctx context.Context, app engine.AppID, s *engine.Structure, status int) (*documentOut, error) {
	doc, err := json.Marshal(s)
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
	// IfMatch must be the structure's ETag.
	IfMatch string `header:"If-Match" doc:"The structure's ETag: refused with 412 if it has another by now."`
}

func (a *API) saveStructure(ctx context.Context, c *call, in *saveStructureIn, body *document) (*documentOut, error) {
	doc, err := withID(*body, in.Structure)
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
	s, err := a.opt.Engine.SaveStructureAt(ctx, c.app, doc, rev)
	if err != nil {
		return nil, err
	}
	status := http.StatusOK
	if all[in.Structure] == nil {
		status = http.StatusCreated
	}
	return a.showStructure(ctx, c.app, s, status)
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
