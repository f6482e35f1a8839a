package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// RecordID names a document of the control plane within an app.
type RecordID struct {
	Kind RecordKind
	ID   string
}

// UpdateMany changes several documents of one app in one transaction. change gets the ones there are, nil for those that are absent,
// and gives the new ones in the same order, nil for those to leave; it may be called again.
func (e *Engine) UpdateMany(ctx context.Context, app AppID, ids []RecordID, change func(old []*Record, now time.Time) ([]*Record, error)) error {
	op := Op{App: app}
	for _, id := range ids {
		op.Lock = append(op.Lock, RecordKey(app, id.Kind, id.ID))
	}
	op.Decide = func(l *Loaded) (Effects, error) {
		old := make([]*Record, len(ids))
		for i, id := range ids {
			var err error
			if old[i], err = l.RecordForWrite(id.Kind, id.ID); err != nil {
				return Effects{}, err
			}
		}
		next, err := change(old, l.Now)
		if err != nil {
			return Effects{}, err
		}
		var eff Effects
		for i, r := range next {
			if r == nil {
				continue
			}
			own := *r
			own.App, own.Kind, own.ID = app, ids[i].Kind, ids[i].ID
			eff.Records = append(eff.Records, revised(old[i], own, l.Now))
		}
		return eff, nil
	}
	_, err := e.commit(ctx, op)
	return err
}

// PutApp is SaveApp that also enters the app in the list of apps, in the same transaction. With create, an app that exists is refused.
func (e *Engine) PutApp(ctx context.Context, app App, create bool) error {
	if !appIDRule.MatchString(string(app.ID)) {
		return invalid("id", "NAME", "must start with a small letter and hold only small letters, digits and -, at most 63")
	}
	body, err := marshal(app)
	if err != nil {
		return err
	}
	entry := RecordKey("", RecordApp, string(app.ID))
	lock := []Key{entry, RecordKey(app.ID, RecordApp, string(app.ID)), RecordKey(app.ID, RecordStructure, UserStructure)}
	_, err = e.commit(ctx, Op{App: app.ID, Lock: lock, Decide: func(l *Loaded) (Effects, error) {
		old, err := l.RecordForWrite(RecordApp, string(app.ID))
		if err != nil {
			return Effects{}, err
		}
		if old != nil && create {
			return Effects{}, &InvalidError{Conflict: true, Fields: []FieldError{{"id", "TAKEN", "an app with this id exists"}}}
		}
		listed, err := loaded[*Record](l, entry, true)
		if err != nil {
			return Effects{}, err
		}
		eff := Effects{Raise: true, Records: []*Record{
			revised(old, Record{App: app.ID, Kind: RecordApp, ID: string(app.ID), Body: body}, l.Now),
			revised(listed, Record{Kind: RecordApp, ID: string(app.ID), Body: body}, l.Now),
		}}
		users, err := l.RecordForWrite(RecordStructure, UserStructure)
		if err != nil {
			return Effects{}, err
		}
		if users == nil {
			eff.Records = append(eff.Records, revised(nil, Record{App: app.ID, Kind: RecordStructure, ID: UserStructure, Body: []byte(userDocument)}, l.Now))
		}
		return eff, nil
	}})
	return err
}

// Apps lists the apps that PutApp made, by id after a given one.
func (e *Engine) Apps(ctx context.Context, after AppID, limit int) ([]App, error) {
	records, err := e.store.Records(ctx, "", RecordApp, "", string(after), limit)
	if err != nil {
		return nil, err
	}
	apps := make([]App, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Body, &apps[i]); err != nil {
			return nil, fmt.Errorf("read app %s: %w", r.ID, err)
		}
	}
	return apps, nil
}

// NoteVersion writes the note of a published version.
func (e *Engine) NoteVersion(ctx context.Context, app AppID, scenario string, number int64, note string) error {
	_, err := e.Update(ctx, app, RecordVersion, versionKey(scenario, number), false, func(old *Record, _ time.Time) (*Record, error) {
		if old == nil {
			return nil, coded(ErrNotFound, "VERSION_NOT_FOUND", "the scenario has no such version")
		}
		var rec VersionRecord
		if err := json.Unmarshal(old.Body, &rec); err != nil {
			return nil, fmt.Errorf("read version %d of %s: %w", number, scenario, err)
		}
		rec.Note = note
		next := *old
		var err error
		next.Body, err = marshal(rec)
		return &next, err
	})
	return err
}
