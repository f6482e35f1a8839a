package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/account"
	"github.com/cuelight/cuelight/engine/expr"
)

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
	Change   string `header:"Cuelight-Change" doc:"The number of the change; explain says what it started and why."`
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
	if err := a.endUser(ctx, c, done, w); err != nil {
		return nil, err
	}
	return a.written(ctx, c, s, w, done, wait)
}

func (a *API) written(ctx context.Context, c *call, s *engine.Structure, w engine.Write, done engine.Written, wait time.Duration) (*objectOut, error) {
	out := &objectOut{Status: http.StatusOK, Runs: joinRuns(done.Runs)}
	if done.Replayed {
		out.Replayed = "true"
	}
	if done.Change > 0 {
		out.Change = strconv.FormatInt(done.Change, 10)
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
	body := unfinishedView{Runs: runURLs(c.app, done.Runs)}
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
	// How long somebody waits does not make it another request.
	for _, part := range []string{c.r.URL.Query().Get("silent"), c.r.Header.Get("If-Match"), string(c.body)} {
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
		return 0, nil, overLimit("wait", "wait", "must be at most %s", a.limits.Wait)
	}
	if !a.waiting.enter(app) {
		p := limited(http.StatusTooManyRequests, "wait_per_app", "BUSY", "too many requests of the app wait for runs")
		p.after = time.Second
		return 0, nil, p
	}
	return wait, func() { a.waiting.leave(app) }, nil
}
