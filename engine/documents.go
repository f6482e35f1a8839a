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
	_, err := e.putApp(ctx, app.ID, func(old *App) (App, error) {
		if old != nil && create {
			return App{}, &InvalidError{Conflict: true, Fields: []FieldError{{Path: "id", Code: "TAKEN", Message: "an app with this id exists"}}}
		}
		return app, nil
	})
	return err
}

// ChangeApp changes an app that exists. change gets its settings of this moment and may be called again.
func (e *Engine) ChangeApp(ctx context.Context, id AppID, change func(*App) error) (App, error) {
	return e.putApp(ctx, id, func(old *App) (App, error) {
		if old == nil {
			return App{}, errNoApp
		}
		app := *old
		return app, change(&app)
	})
}

var errAppID = invalid("id", "NAME", "must start with a small letter and hold only small letters, digits and -, at most 63")

func (e *Engine) putApp(ctx context.Context, id AppID, settings func(old *App) (App, error)) (App, error) {
	if !appIDRule.MatchString(string(id)) {
		return App{}, errAppID
	}
	entry := RecordKey("", RecordApp, string(id))
	lock := []Key{entry, RecordKey(id, RecordApp, string(id)), RecordKey(id, RecordStructure, UserStructure)}
	res, err := e.commit(ctx, Op{App: id, Lock: lock, Decide: func(l *Loaded) (Effects, error) {
		row, err := l.RecordForWrite(RecordApp, string(id))
		if err != nil {
			return Effects{}, err
		}
		var old *App
		if row != nil {
			old = &App{}
			if err := json.Unmarshal(row.Body, old); err != nil {
				return Effects{}, fmt.Errorf("read app %s: %w", id, err)
			}
		}
		app, err := settings(old)
		if err != nil {
			return Effects{}, err
		}
		app.ID = id
		if _, err := LoadZone(app.TimeZone); err != nil {
			return Effects{}, err
		}
		listed, err := loaded[*Record](l, entry, true)
		if err != nil {
			return Effects{}, err
		}
		return l.appEffects(app, row, listed)
	}})
	if err != nil {
		return App{}, err
	}
	return res.Effects.Value.(App), nil
}

// appEffects writes an app's settings, its entry in the list of apps, and the system structure User of a new one.
func (l *Loaded) appEffects(app App, row, listed *Record) (Effects, error) {
	body, err := marshal(app)
	if err != nil {
		return Effects{}, err
	}
	eff := Effects{Raise: true, Value: app, Records: []*Record{
		revised(row, Record{App: app.ID, Kind: RecordApp, ID: string(app.ID), Body: body}, l.Now),
		revised(listed, Record{Kind: RecordApp, ID: string(app.ID), Body: body}, l.Now),
	}}
	users, err := l.RecordForWrite(RecordStructure, UserStructure)
	if err != nil {
		return Effects{}, err
	}
	if users == nil {
		eff.Records = append(eff.Records, revised(nil, Record{App: app.ID, Kind: RecordStructure, ID: UserStructure, Body: []byte(UserDocument)}, l.Now))
	}
	return eff, nil
}

// Apps lists the apps that PutApp made, by id after a given one, at most limit and PageBytes. next is what to list the rest after; it is
// empty at the end.
func (e *Engine) Apps(ctx context.Context, after AppID, limit int) (apps []App, next AppID, err error) {
	records, err := e.store.Records(ctx, "", RecordApp, "", string(after), limit)
	if err != nil {
		return nil, "", err
	}
	apps = make([]App, len(records))
	for i, r := range records {
		if err := json.Unmarshal(r.Body, &apps[i]); err != nil {
			return nil, "", fmt.Errorf("read app %s: %w", r.ID, err)
		}
	}
	if Full(records, limit) {
		next = apps[len(apps)-1].ID
	}
	return apps, next, nil
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
