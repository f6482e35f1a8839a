package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/expr"
	"github.com/cuelight/cuelight/engine/filter"
)

// page is a part of a list.
type page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"The cursor of the following page; absent at the end."`
	// Total is exact; past 10,000 TotalAtLeast takes its place.
	Total        *int `json:"total,omitempty" doc:"With count=true: how many there are."`
	TotalAtLeast *int `json:"total_at_least,omitempty" doc:"With count=true: there are more than this."`
}

type pageOut[T any] struct{ Body page[T] }

// StructurePath names a structure. It is exported because huma looks at exported embedded structs only.
type StructurePath struct {
	App       string `path:"app" doc:"The app's id."`
	Structure string `path:"structure" doc:"The structure's id."`
}

// ObjectPath names an object. It is exported because huma looks at exported embedded structs only.
type ObjectPath struct {
	App       string `path:"app" doc:"The app's id."`
	Structure string `path:"structure" doc:"The structure's id."`
	ID        string `path:"id" doc:"The object's id."`
}

// ListQuery asks for a part of a list of objects. It is exported because huma looks at exported embedded structs only.
type ListQuery struct {
	Filter string `query:"filter" maxLength:"4096" doc:"Such as: status = \"paid\" AND total > 10."`
	Sort   string `query:"sort" maxLength:"256" doc:"Fields, - before one for descending: -changed_at,id."`
	Limit  int    `query:"limit" default:"50" minimum:"1" doc:"Items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of an earlier page."`
	Count  bool   `query:"count" doc:"Count all that pass the filter."`
}

type listObjectsIn struct {
	StructurePath
	ListQuery
}

// WriteQuery are the ways to write.
type WriteQuery struct {
	Wait   string `query:"wait" doc:"Wait for the runs that this starts, as 5s."`
	Silent bool   `query:"silent" doc:"Write without an event: no scenario runs."`
	// IfMatch must be the object's ETag.
	IfMatch string `header:"If-Match" doc:"The object's ETag: refused with 412 if it has another by now."`
	Key     string `header:"Idempotency-Key" doc:"Makes the request safe to repeat for 24 h."`
}

type createObjectIn struct {
	StructurePath
	WriteQuery
}

type objectIn struct{ ObjectPath }

type changeObjectIn struct {
	ObjectPath
	WriteQuery
}

// objectOut is the answer to a read or a write of an object.
type objectOut struct {
	Status   int
	ETag     string `header:"ETag"`
	Runs     string `header:"Cuelight-Runs" doc:"The runs that the write started."`
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed" doc:"true: the answer of an earlier request with the same key."`
	Body     document
}

func (a *API) structure(ctx context.Context, app engine.AppID, id string) (*engine.Structure, error) {
	all, err := a.opt.Engine.Structures(ctx, app)
	if err != nil {
		return nil, err
	}
	if s := all[id]; s != nil {
		return s, nil
	}
	message := "the app has no structure of this name"
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	if near := expr.Nearest(id, names); near != "" {
		message += "; did you mean " + strconv.Quote(near) + "?"
	}
	return nil, &engine.CodedError{Kind: engine.ErrNotFound, Code: "STRUCTURE_NOT_FOUND", Message: message}
}

func (a *API) listObjects(ctx context.Context, c *call, in *listObjectsIn, _ *none) (*pageOut[document], error) {
	return a.objectsOf(ctx, c, in.Structure, in.ListQuery)
}

func (a *API) objectsOf(ctx context.Context, c *call, structure string, in ListQuery) (*pageOut[document], error) {
	s, err := a.structure(ctx, c.app, structure)
	if err != nil {
		return nil, err
	}
	q := engine.ObjectQuery{App: c.app, Structure: s, After: in.Cursor, Count: in.Count}
	if q.Limit, err = a.pageLimit(in.Limit); err != nil {
		return nil, err
	}
	if q.Filter, err = parseFilter(s, in.Filter); err != nil {
		return nil, err
	}
	if q.Sort, err = parseSort(s, in.Sort); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, a.limits.FilterTime)
	defer cancel()
	found, err := a.opt.Store.Objects(limited, q)
	if err != nil {
		if ctx.Err() == nil && limited.Err() != nil {
			return nil, a.tooSlow()
		}
		return nil, err
	}
	out := &pageOut[document]{}
	out.Body.Next = found.Next
	if out.Body.Items, err = a.show(ctx, s, found.Items); err != nil {
		return nil, err
	}
	if in.Count && found.AtLeast {
		out.Body.TotalAtLeast = &found.Total
	} else if in.Count {
		out.Body.Total = &found.Total
	}
	return out, nil
}

func (a *API) tooSlow() *Problem {
	return limited(http.StatusUnprocessableEntity, "filter_time", "FILTER_TIME", "the filter took too long: no index serves it")
}

func (a *API) pageLimit(n int) (int, error) {
	if n > a.limits.Page {
		p := wrongField("limit", "LIMIT", "must be at most "+strconv.Itoa(a.limits.Page))
		p.Limit = "page"
		return 0, p
	}
	if n == 0 {
		n = defaultPage
	}
	return n, nil
}

func parseFilter(s *engine.Structure, source string) (*filter.Node, error) {
	if strings.TrimSpace(source) == "" {
		return nil, nil
	}
	n, err := filter.Parse(source)
	if err != nil {
		return nil, asFilterErrors(err)
	}
	n, err = filter.Check(n, source, filterFields(s), nil)
	return n, asFilterErrors(err)
}

func asFilterErrors(err error) error {
	if one, ok := errors.AsType[*expr.Error](err); ok {
		if many, ok := errors.AsType[filter.Errors](err); ok {
			return many
		}
		return filter.Errors{one}
	}
	return err
}

var filterKinds = map[engine.FieldType]expr.Kind{
	engine.TypeString: expr.KindString, engine.TypeNumber: expr.KindInt, engine.TypeDecimal: expr.KindDecimal, engine.TypeBoolean: expr.KindBool,
	engine.TypeDate: expr.KindTime, engine.TypeLink: expr.KindString, engine.TypeJSON: expr.KindJSON,
}

func filterFields(s *engine.Structure) map[string]filter.Field {
	fields := make(map[string]filter.Field, len(s.Fields))
	for _, f := range s.Fields {
		fields[f.ID] = filter.Field{Kind: filterKinds[f.Type], Options: f.Options}
	}
	return fields
}

const maxSort = 4

func parseSort(s *engine.Structure, source string) ([]engine.SortKey, error) {
	if source == "" {
		return nil, nil
	}
	var keys []engine.SortKey
	for part := range strings.SplitSeq(source, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(part), "-")
		f := s.Field(name)
		_, builtIn := filter.Builtin()[name]
		switch {
		case f == nil && !builtIn:
			return nil, wrongField("sort", "UNKNOWN_FIELD", s.ID+" has no such field")
		case f != nil && !f.IsIndexed():
			return nil, wrongField("sort", "NOT_INDEXED", "only indexed and built-in fields can be sorted by")
		case len(keys) == maxSort:
			return nil, wrongField("sort", "LIMIT", "at most "+strconv.Itoa(maxSort)+" fields")
		}
		keys = append(keys, engine.SortKey{Field: name, Descending: descending})
	}
	return keys, nil
}

func (a *API) getObject(ctx context.Context, c *call, in *objectIn, _ *none) (*objectOut, error) {
	return a.objectBy(ctx, c, in.Structure, in.ID)
}

func (a *API) objectBy(ctx context.Context, c *call, structure, id string) (*objectOut, error) {
	s, err := a.structure(ctx, c.app, structure)
	if err != nil {
		return nil, err
	}
	if !engine.ValidID(id) {
		return nil, noObject(s)
	}
	o, err := a.opt.Store.Object(ctx, c.app, structure, id)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, noObject(s)
	}
	if err != nil {
		return nil, err
	}
	return a.answerObject(ctx, s, o, http.StatusOK)
}

func noObject(s *engine.Structure) error {
	return &engine.CodedError{Kind: engine.ErrNotFound, Code: "OBJECT_NOT_FOUND", Message: s.ID + " has no object with this id"}
}

func (a *API) answerObject(ctx context.Context, s *engine.Structure, o *engine.Object, status int) (*objectOut, error) {
	shown, err := a.show(ctx, s, []*engine.Object{o})
	if err != nil {
		return nil, err
	}
	return &objectOut{Status: status, ETag: etag(o.Version), Body: shown[0]}, nil
}

func etag(n int64) string { return `"` + strconv.FormatInt(n, 10) + `"` }

// ifMatch is the version of an If-Match header, 0 for none.
func ifMatch(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	n, err := strconv.ParseInt(strings.Trim(header, `"`), 10, 64)
	if err != nil || n < 1 {
		// What was never given out as an ETag can not be the ETag of now.
		return 0, problem(http.StatusPreconditionFailed, "VERSION", "If-Match is not an ETag of this")
	}
	return n, nil
}

func (a *API) createObject(ctx context.Context, c *call, in *createObjectIn, body *document) (*objectOut, error) {
	return a.create(ctx, c, in.Structure, in.WriteQuery, *body)
}

func (a *API) changeObject(ctx context.Context, c *call, in *changeObjectIn, body *document) (*objectOut, error) {
	return a.patch(ctx, c, in.ObjectPath, in.WriteQuery, *body)
}

func (a *API) deleteObject(ctx context.Context, c *call, in *changeObjectIn, _ *none) (*objectOut, error) {
	return a.remove(ctx, c, in.ObjectPath, in.WriteQuery)
}

// mayWrite keeps users to those who may write users: a role or a login must not be had by writing objects.
func mayWrite(c *call, structure string) error {
	if structure == engine.UserStructure && !c.who.has(account.UsersWrite) {
		return c.who.lacks(account.UsersWrite)
	}
	return nil
}

func fieldsOf(body document) (map[string]json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return nil, wrongField("", "TYPE", "must be an object")
	}
	return fields, nil
}

func (a *API) create(ctx context.Context, c *call, structure string, in WriteQuery, body document) (*objectOut, error) {
	fields, err := fieldsOf(body)
	if err != nil {
		return nil, err
	}
	w := engine.Write{Kind: engine.WriteCreate, Structure: structure, Fields: fields}
	if raw, given := fields["id"]; given {
		delete(fields, "id")
		if err := json.Unmarshal(raw, &w.ID); err != nil || w.ID == "" {
			return nil, wrongField("id", "TYPE", "must be a string; leave it out for an automatic one")
		}
	}
	return a.write(ctx, c, w, in)
}

func (a *API) patch(ctx context.Context, c *call, at ObjectPath, in WriteQuery, body document) (*objectOut, error) {
	fields, err := fieldsOf(body)
	if err != nil {
		return nil, err
	}
	return a.write(ctx, c, engine.Write{Kind: engine.WritePatch, Structure: at.Structure, ID: at.ID, Fields: fields}, in)
}

func (a *API) remove(ctx context.Context, c *call, at ObjectPath, in WriteQuery) (*objectOut, error) {
	return a.write(ctx, c, engine.Write{Kind: engine.WriteDelete, Structure: at.Structure, ID: at.ID}, in)
}

// write carries out a write, and waits for its runs if it shall.
func (a *API) write(ctx context.Context, c *call, w engine.Write, in WriteQuery) (*objectOut, error) {
	if err := mayWrite(c, w.Structure); err != nil {
		return nil, err
	}
	s, err := a.structure(ctx, c.app, w.Structure)
	if err != nil {
		return nil, err
	}
	w.App, w.Who, w.Silent = c.app, c.who.id, in.Silent
	if w.IfVersion, err = ifMatch(in.IfMatch); err != nil {
		return nil, err
	}
	if w.Once, err = c.once(in.Key); err != nil {
		return nil, err
	}
	wait, release, err := a.waitFor(c.app, in.Wait)
	if err != nil {
		return nil, err
	}
	defer release()
	done, err := a.opt.Engine.Write(ctx, w)
	if err != nil {
		return nil, err
	}
	if err := a.endUser(ctx, c, done.Object, w); err != nil {
		return nil, err
	}
	return a.written(ctx, c, s, w, done, wait)
}

func (a *API) written(ctx context.Context, c *call, s *engine.Structure, w engine.Write, done engine.Written, wait time.Duration) (*objectOut, error) {
	out := &objectOut{Status: http.StatusOK, Runs: joinRuns(done.Runs)}
	if done.Replayed {
		out.Replayed = "true"
	}
	finished := true
	if wait > 0 && len(done.Runs) > 0 {
		var err error
		if _, finished, err = a.runsOf(ctx, c.app, done.Runs, wait); err != nil {
			return nil, err
		}
		// The runs may have changed the object; the answer is how it is after them.
		if o, err := a.opt.Store.Object(ctx, c.app, s.ID, w.ID); err == nil && w.ID != "" && w.Kind != engine.WriteDelete {
			done.Object = o
		} else if done.Object != nil && w.Kind == engine.WriteCreate {
			if o, err := a.opt.Store.Object(ctx, c.app, s.ID, done.Object.ID); err == nil {
				done.Object = o
			}
		}
	}
	if !finished {
		return a.unfinished(out, c, done)
	}
	if w.Kind == engine.WriteDelete || done.Object == nil || done.Object.Deleted {
		out.Status = http.StatusNoContent
		return out, nil
	}
	if done.Created {
		out.Status = http.StatusCreated
		out.Location = root + "/apps/" + string(c.app) + "/structures/" + s.ID + "/objects/" + done.Object.ID
	}
	shown, err := a.show(ctx, s, []*engine.Object{done.Object})
	if err != nil {
		return nil, err
	}
	out.ETag, out.Body = etag(done.Object.Version), shown[0]
	if done.Replayed {
		out.ETag = etag(done.Version)
	}
	return out, nil
}

// unfinished answers that the write is done and where to look for its runs, which are not.
func (a *API) unfinished(out *objectOut, c *call, done engine.Written) (*objectOut, error) {
	body := struct {
		ID   string   `json:"id"`
		Runs []string `json:"runs"`
	}{Runs: runURLs(c.app, done.Runs)}
	if done.Object != nil {
		body.ID, out.ETag = done.Object.ID, etag(done.Object.Version)
	}
	doc, err := json.Marshal(body)
	out.Status, out.Body = http.StatusAccepted, doc
	return out, err
}

func joinRuns(ids []engine.RunID) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = string(id)
	}
	return strings.Join(list, ",")
}

func runURLs(app engine.AppID, ids []engine.RunID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = root + "/apps/" + string(app) + "/runs/" + string(id)
	}
	return list
}

// once names the request, so that it is carried out once however often it comes.
func (c *call) once(key string) (*engine.Once, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) > 255 {
		return nil, limited(http.StatusUnprocessableEntity, "idempotency_key", "IDEMPOTENCY_KEY", "an Idempotency-Key may have at most 255 bytes")
	}
	h := sha256.New()
	for _, part := range []string{c.r.URL.RawQuery, c.r.Header.Get("If-Match"), string(c.body)} {
		h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	scope := c.who.kind + "\x00" + c.who.key + "\x00" + c.r.Method + "\x00" + c.r.URL.Path
	return &engine.Once{Scope: scope, Key: key, Body: hex.EncodeToString(h.Sum(nil))}, nil
}

// waitFor reads ?wait and takes one of the app's places for those who wait.
func (a *API) waitFor(app engine.AppID, text string) (time.Duration, func(), error) {
	if text == "" {
		return 0, func() {}, nil
	}
	wait, err := engine.ParseDuration(text)
	if err != nil {
		return 0, nil, wrongField("wait", "DURATION", "must be a duration such as 5s")
	}
	if wait > a.limits.Wait {
		p := wrongField("wait", "LIMIT", "must be at most "+a.limits.Wait.String())
		p.Limit = "wait"
		return 0, nil, p
	}
	if !a.waiting.enter(app) {
		p := limited(http.StatusTooManyRequests, "wait_per_app", "BUSY", "too many requests of the app wait for runs")
		p.after = time.Second
		return 0, nil, p
	}
	return wait, func() { a.waiting.leave(app) }, nil
}

// show gives objects as the API shows them: built-in fields beside the structure's own, null where a field is not set and where a link
// points at nothing any more.
func (a *API) show(ctx context.Context, s *engine.Structure, objects []*engine.Object) ([]document, error) {
	rows := make([]map[string]json.RawMessage, len(objects))
	for i, o := range objects {
		if err := json.Unmarshal(o.Data, &rows[i]); err != nil {
			return nil, err
		}
	}
	if err := a.clearLinks(ctx, s, objects, rows); err != nil {
		return nil, err
	}
	list := make([]document, len(objects))
	for i, o := range objects {
		doc, err := showObject(s, o, rows[i])
		if err != nil {
			return nil, err
		}
		list[i] = doc
	}
	return list, nil
}

func showObject(s *engine.Structure, o *engine.Object, row map[string]json.RawMessage) (document, error) {
	var doc []byte
	add := func(name string, v any) error {
		text, ok := v.(json.RawMessage)
		if !ok {
			var err error
			if text, err = json.Marshal(v); err != nil {
				return err
			}
		}
		if text == nil {
			text = json.RawMessage("null")
		}
		doc = append(append(append(append(doc, ',', '"'), name...), '"', ':'), text...)
		return nil
	}
	err := add("id", o.ID)
	for i := range s.Fields {
		err = errors.Join(err, add(s.Fields[i].ID, row[s.Fields[i].ID]))
	}
	err = errors.Join(err,
		add("version", o.Version), add("created_at", o.CreatedAt.UTC().Format(engine.DateFormat)), add("changed_at", o.ChangedAt.UTC().Format(engine.DateFormat)),
		add("created_by", o.CreatedBy), add("changed_by", o.ChangedBy))
	doc[0] = '{'
	return append(doc, '}'), err
}

// clearLinks makes links null whose target is gone.
func (a *API) clearLinks(ctx context.Context, s *engine.Structure, objects []*engine.Object, rows []map[string]json.RawMessage) error {
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Type != engine.TypeLink || len(objects) == 0 {
			continue
		}
		targets := map[string]bool{}
		for _, row := range rows {
			if id := linkOf(row[f.ID]); id != "" {
				targets[id] = false
			}
		}
		if err := a.exist(ctx, objects[0].App, f.Structure, targets); err != nil {
			return err
		}
		for _, row := range rows {
			if id := linkOf(row[f.ID]); id != "" && !targets[id] {
				row[f.ID] = nil
			}
		}
	}
	return nil
}

func linkOf(raw json.RawMessage) string {
	var id string
	if raw == nil || json.Unmarshal(raw, &id) != nil {
		return ""
	}
	return id
}

// fewTargets are looked up one by one; more of them by one query.
const fewTargets = 4

func (a *API) exist(ctx context.Context, app engine.AppID, structure string, targets map[string]bool) error {
	if len(targets) > fewTargets {
		s, err := a.structure(ctx, app, structure)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(targets))
		for id := range targets {
			ids = append(ids, id)
		}
		for chunk := range slices.Chunk(ids, 500) {
			n := &filter.Node{Op: filter.In, Field: "id", Kind: expr.KindString}
			for _, id := range chunk {
				n.Values = append(n.Values, filter.Value{Any: id})
			}
			found, err := a.opt.Store.Objects(ctx, engine.ObjectQuery{App: app, Structure: s, Filter: n, Limit: len(chunk)})
			if err != nil {
				return err
			}
			for _, o := range found.Items {
				targets[o.ID] = true
			}
		}
		return nil
	}
	for id := range targets {
		_, err := a.opt.Store.Object(ctx, app, structure, id)
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return err
		}
		targets[id] = err == nil
	}
	return nil
}
