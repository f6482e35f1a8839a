package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// AppPath names an app. It is exported because huma looks at exported embedded structs only.
type AppPath struct {
	App string `path:"app" doc:"The app's id."`
}

type appIn struct{ AppPath }

// PageQuery asks for a part of a list.
type PageQuery struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" doc:"Items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of an earlier page."`
}

// changeView is a change as the API shows it.
type changeView struct {
	Seq       int64             `json:"seq"`
	Structure string            `json:"structure"`
	Object    string            `json:"object"`
	Kind      engine.ChangeKind `json:"kind" enum:"created,changed,deleted"`
	Version   int64             `json:"version"`
	Fields    []string          `json:"fields" nullable:"false" doc:"The fields that really differ."`
	Before    value             `json:"before"`
	After     value             `json:"after"`
	Who       string            `json:"who,omitempty"`
	Run       engine.RunID      `json:"run,omitempty"`
	Silent    bool              `json:"silent,omitempty"`
	At        time.Time         `json:"at"`
}

// showChange shows a change. What its images hold of fields that the structure does not have any more is left out.
func showChange(ch *engine.Change, structures map[string]*engine.Structure) changeView {
	v := changeView{
		Seq: ch.Seq, Structure: ch.Structure, Object: ch.Object, Kind: ch.Kind, Version: ch.Version, Fields: ch.Fields,
		Before: value(image(ch.Before, structures[ch.Structure])), After: value(image(ch.After, structures[ch.Structure])), Who: ch.Who, Run: ch.Run, Silent: ch.Silent, At: ch.At.UTC(),
	}
	if v.Fields == nil {
		v.Fields = []string{}
	}
	return v
}

func image(data json.RawMessage, s *engine.Structure) json.RawMessage {
	var fields map[string]json.RawMessage
	if s == nil || data == nil || json.Unmarshal(data, &fields) != nil {
		return data
	}
	n := len(fields)
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return s.Field(name) == nil })
	if len(fields) == n {
		return data
	}
	doc, err := json.Marshal(fields)
	if err != nil {
		return nil
	}
	return doc
}

type listChangesIn struct {
	AppPath
	PageQuery
	Structure string `query:"structure" maxLength:"63" doc:"With object: only the changes of this one object, newest first."`
	Object    string `query:"object" maxLength:"64" doc:"With structure: the id of the object, which may be deleted by now."`
}

func (a *API) listChanges(ctx context.Context, c *call, in *listChangesIn, _ *none) (*pageOut[changeView], error) {
	limit, err := a.pageLimit(in.Limit)
	if err != nil {
		return nil, err
	}
	if in.Structure != "" || in.Object != "" {
		return a.objectChanges(ctx, c, in, limit)
	}
	var after engine.ChangeCursor
	if in.Cursor != "" {
		if n, err := fmt.Sscanf(in.Cursor, "%d.%d", &after.Tx, &after.Seq); err != nil || n != 2 {
			return nil, wrongField("cursor", "CURSOR", "must be the next of an earlier page")
		}
	}
	changes, next, err := a.opt.Store.Changes(ctx, c.app, after, limit)
	if err != nil {
		return nil, err
	}
	structures, err := a.opt.Engine.Structures(ctx, c.app)
	if err != nil {
		return nil, err
	}
	out := &pageOut[changeView]{Body: page[changeView]{Items: []changeView{}}}
	for _, ch := range changes {
		out.Body.Items = append(out.Body.Items, showChange(ch, structures))
	}
	if next != (engine.ChangeCursor{}) {
		// There is always a next place: changes go on, and a reader that polls begins there.
		out.Body.Next = fmt.Sprintf("%d.%d", next.Tx, next.Seq)
	}
	return out, nil
}

// objectChanges is the history of one object, newest first. It is there also when the object is not any more.
func (a *API) objectChanges(ctx context.Context, c *call, in *listChangesIn, limit int) (*pageOut[changeView], error) {
	s, err := a.structure(ctx, c.app, in.Structure)
	if err != nil {
		return nil, err
	}
	if !engine.ValidID(in.Object) {
		return nil, wrongField("object", "ID", "must be the id of an object")
	}
	before := int64(0)
	if in.Cursor != "" {
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before < 1 {
			return nil, wrongField("cursor", "CURSOR", "must be the next of an earlier page")
		}
	}
	changes, err := a.opt.Store.ObjectChanges(ctx, c.app, s.ID, in.Object, before, limit)
	if err != nil {
		return nil, err
	}
	out := &pageOut[changeView]{Body: page[changeView]{Items: []changeView{}}}
	for _, ch := range changes {
		out.Body.Items = append(out.Body.Items, showChange(ch, map[string]*engine.Structure{s.ID: s}))
	}
	if engine.Full(changes, limit) {
		out.Body.Next = strconv.FormatInt(changes[len(changes)-1].Seq, 10)
	}
	return out, nil
}

type getChangeIn struct {
	AppPath
	Seq int64 `path:"seq" doc:"The change's number."`
}

type changeOut struct{ Body changeView }

func (a *API) getChange(ctx context.Context, c *call, in *getChangeIn, _ *none) (*changeOut, error) {
	ch, err := a.opt.Store.Change(ctx, c.app, in.Seq)
	if err != nil {
		return nil, notFound(err, "CHANGE_NOT_FOUND", "the app has no change of this number")
	}
	structures, err := a.opt.Engine.Structures(ctx, c.app)
	if err != nil {
		return nil, err
	}
	return &changeOut{showChange(ch, structures)}, nil
}
