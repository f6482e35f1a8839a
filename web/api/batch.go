package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/cuelight/cuelight/engine"
)

// maxBatch is how many writes one batch holds.
const maxBatch = 100

type batchIn struct {
	StructurePath
	Wait   string `query:"wait" doc:"Wait for the runs that this starts, as 5s; 202 when they take longer."`
	Silent bool   `query:"silent" doc:"Write without an event: no scenario runs."`
	Key    string `header:"Idempotency-Key" doc:"Makes the request safe to repeat for 24 h: what was done is answered again, what was refused is tried again."`
}

type batchBody struct {
	Ops []batchOp `json:"ops" doc:"At most 100 writes, carried out in this order, each by itself: one that is refused does not touch the others."`
}

type batchOp struct {
	Op        string                     `json:"op" enum:"create,patch,delete" doc:"What to do."`
	ID        string                     `json:"id,omitempty" doc:"The object's id; a create may leave it out for an automatic one."`
	Fields    map[string]json.RawMessage `json:"fields,omitempty" doc:"The values to set, by field id; null clears. Not for delete."`
	IfVersion int64                      `json:"if_version,omitempty" doc:"The object's version: the write is refused with 412 if it has another by now. Not for create."`
}

type batchOut struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed" doc:"true: the request came before."`
	Body     struct {
		Results []batchResult `json:"results" nullable:"false" doc:"What became of each op, in their order."`
	}
}

// batchResult is what became of one op.
type batchResult struct {
	Status  int            `json:"status" doc:"What the write alone would have answered: 201 created, 200 changed or as it was, 204 deleted, else that of error."`
	ID      string         `json:"id,omitempty" doc:"The object's id."`
	Version int64          `json:"version,omitempty" doc:"The object's version after the write."`
	Runs    []engine.RunID `json:"runs,omitempty" doc:"The runs that the write started."`
	Error   *Problem       `json:"error,omitempty" doc:"Why it was refused; its paths begin at fields."`
}

func (a *API) batchObjects(ctx context.Context, c *call, in *batchIn, body *batchBody) (*batchOut, error) {
	if err := mayWrite(c, in.Structure); err != nil {
		return nil, err
	}
	if _, err := a.structure(ctx, c.app, in.Structure); err != nil {
		return nil, err
	}
	writes, err := body.writes(c, in)
	if err != nil {
		return nil, err
	}
	wait, release, err := a.waitFor(c.app, in.Wait)
	if err != nil {
		return nil, err
	}
	defer release()
	out := &batchOut{Status: http.StatusOK}
	once, err := c.once(in.Key)
	if err != nil {
		return nil, err
	}
	if once != nil {
		replayed, err := a.opt.Engine.Begin(ctx, c.app, once)
		if err != nil {
			return nil, err
		}
		if replayed {
			out.Replayed = "true"
		}
		for i := range writes {
			// No header holds this character, so that no other request has the key.
			writes[i].Once = &engine.Once{Scope: once.Scope, Key: fmt.Sprintf("%s\x00%d", once.Key, i), Body: once.Body}
		}
	}
	return out, a.carryOut(ctx, c, writes, wait, out)
}

// writes reads the ops; its error lists all that are wrong in themselves.
func (b *batchBody) writes(c *call, in *batchIn) ([]engine.Write, error) {
	if len(b.Ops) == 0 {
		return nil, wrongField("ops", "REQUIRED", "must hold at least one op")
	}
	if len(b.Ops) > maxBatch {
		return nil, overLimit("ops", "batch_ops", "may hold at most %d ops", maxBatch)
	}
	var errs []engine.FieldError
	writes := make([]engine.Write, len(b.Ops))
	for i, op := range b.Ops {
		fail := func(field, code, message string) {
			errs = append(errs, engine.FieldError{Path: fmt.Sprintf("ops[%d].%s", i, field), Code: code, Message: message})
		}
		kind := engine.WriteKind(op.Op)
		switch {
		case kind != engine.WriteCreate && kind != engine.WritePatch && kind != engine.WriteDelete:
			fail("op", "OPTION", "must be create, patch or delete")
		case kind != engine.WriteCreate && op.ID == "":
			fail("id", "REQUIRED", "must have a value")
		case kind == engine.WriteDelete && op.Fields != nil:
			fail("fields", "UNKNOWN_FIELD", "a delete has no fields")
		case kind == engine.WriteCreate && op.IfVersion != 0:
			fail("if_version", "UNKNOWN_FIELD", "a create has no version to compare")
		case op.IfVersion < 0:
			fail("if_version", "TYPE", "must be the version of an object")
		}
		writes[i] = engine.Write{
			App: c.app, Kind: kind, Structure: in.Structure, ID: op.ID, Fields: op.Fields, IfVersion: op.IfVersion, Silent: in.Silent, Who: c.who.id,
		}
	}
	if len(errs) > 0 {
		return nil, &engine.InvalidError{Fields: errs}
	}
	return writes, nil
}

// carryOut writes, tells what became of each write, and waits for the runs if it shall.
func (a *API) carryOut(ctx context.Context, c *call, writes []engine.Write, wait time.Duration, out *batchOut) error {
	var runs []engine.RunID
	for i, r := range a.opt.Engine.WriteMany(ctx, writes) {
		err := r.Err
		if err == nil {
			err = a.endUser(ctx, c, r.Written, writes[i])
		}
		if err != nil {
			p := a.failed(ctx, c, err)
			out.Body.Results = append(out.Body.Results, batchResult{Status: p.Status, ID: writes[i].ID, Error: p})
			continue
		}
		result := batchResult{Status: http.StatusOK, ID: r.Written.ID, Version: r.Written.Version, Runs: r.Written.Runs}
		switch {
		case writes[i].Kind == engine.WriteDelete:
			result.Status, result.ID = http.StatusNoContent, writes[i].ID
		case r.Written.Created:
			result.Status = http.StatusCreated
		}
		out.Body.Results = append(out.Body.Results, result)
		runs = append(runs, r.Written.Runs...)
	}
	if wait == 0 || len(runs) == 0 {
		return nil
	}
	_, finished, err := a.runsOf(ctx, c.app, runs, wait)
	if !finished {
		out.Status = http.StatusAccepted
	}
	return err
}
