package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cuelight/cuelight/engine/secret"
)

// RecordSecret is the kind of record that keeps a secret, sealed.
const RecordSecret RecordKind = "secret"

// Bounds of secrets.
const (
	MaxSecrets      = 200      // of an app
	MaxSecretsBytes = 64 << 10 // of the values of all of them: whatever runs log and answers hold is searched for them
	MaxSecretHosts  = 20
)

// Secret is a secret without its value, which only goes to the hosts that it names.
type Secret struct {
	ID    string   `json:"id"`
	Hosts []string `json:"hosts"`
	Notes string   `json:"notes,omitempty"`
	// Set says that there is a value; By and SetAt who gave it and when.
	Set   bool      `json:"set"`
	By    string    `json:"by,omitempty"`
	SetAt time.Time `json:"set_at,omitzero"`
	// Unreadable says that the value was sealed with another key than this server has.
	Unreadable bool `json:"unreadable,omitempty"`
}

// secretRecord is what the store keeps of a secret.
type secretRecord struct {
	ID     string    `json:"id"`
	Hosts  []string  `json:"hosts"`
	Notes  string    `json:"notes,omitempty"`
	Sealed []byte    `json:"sealed,omitempty"`
	By     string    `json:"by,omitempty"`
	SetAt  time.Time `json:"set_at,omitzero"`
}

// openedSecret is a secret in memory.
type openedSecret struct {
	hosts []secret.Host
	value string
	// failed is why there is no value.
	failed error
}

// SecretWrite makes or changes a secret; what is nil stays as it is.
type SecretWrite struct {
	App   AppID
	ID    string
	Value *string
	Hosts *[]string
	Notes *string
	Who   string
	// Admin may let a secret go to a new host without giving its value; who else could, could send it to a host of his own and read it there.
	Admin bool
	// Rev, when not 0, must be the secret's revision.
	Rev int64
}

// ParseSecret reads the document of a secret, which never holds its value.
func ParseSecret(doc []byte) (Secret, error) {
	var in struct {
		Kind  string   `json:"kind"`
		ID    string   `json:"id"`
		Hosts []string `json:"hosts"`
		Notes string   `json:"notes"`
	}
	if err := decodeStrict(doc, &in); err != nil {
		return Secret{}, err
	}
	if in.Kind != "" && in.Kind != string(RecordSecret) {
		return Secret{}, invalid("kind", "KIND", "must be secret")
	}
	return Secret{ID: in.ID, Hosts: in.Hosts, Notes: in.Notes}, checkSecret(in.ID, in.Hosts, in.Notes, nil)
}

func checkSecret(id string, hosts []string, notes string, value *string) error {
	var errs []FieldError
	if !itemIDRule.MatchString(id) {
		errs = append(errs, errItemID)
	}
	if len(notes) > maxNotes {
		errs = append(errs, overLimit("notes", "notes_bytes", "may be at most %d bytes long", maxNotes))
	}
	if len(hosts) == 0 {
		errs = append(errs, FieldError{Path: "hosts", Code: "REQUIRED", Message: "must name the hosts that the secret may be sent to, such as api.example.com"})
	}
	if len(hosts) > MaxSecretHosts {
		errs = append(errs, overLimit("hosts", "secret_hosts", "at most %d hosts", MaxSecretHosts))
	}
	for i, h := range hosts {
		if _, err := secret.ParseHost(h); err != nil {
			errs = append(errs, FieldError{Path: fmt.Sprintf("hosts[%d]", i), Code: "HOST", Message: err.Error()})
		}
	}
	if value != nil && (len(*value) < secret.MinBytes || len(*value) > secret.MaxBytes) {
		errs = append(errs, overLimit("value", "secret_bytes", "must be %d to %d bytes long: a shorter one could not be told from other text in logs", secret.MinBytes, secret.MaxBytes))
	}
	if value != nil && strings.ContainsAny(*value, "\x00") {
		errs = append(errs, FieldError{Path: "value", Code: "TYPE", Message: "must not hold a NUL"})
	}
	if len(errs) > 0 {
		return &InvalidError{Fields: errs}
	}
	return nil
}

var errNoKey = coded(ErrUnavailable, "SECRET_KEY", "this server has no key for secrets; start it with a data directory or name the key's file")

// change is the secret's record as the write leaves it.
func (w SecretWrite) change(cat *catalogue, old *Record, sealed []byte, now time.Time) (secretRecord, error) {
	rec := secretRecord{ID: w.ID}
	if old != nil {
		if err := json.Unmarshal(old.Body, &rec); err != nil {
			return rec, fmt.Errorf("read secret %s: %w", w.ID, err)
		}
	}
	was := rec
	if w.Hosts != nil {
		rec.Hosts = *w.Hosts
	}
	if w.Notes != nil {
		rec.Notes = *w.Notes
	}
	if sealed != nil {
		rec.Sealed, rec.By, rec.SetAt = sealed, w.Who, now
	}
	if err := checkSecret(rec.ID, rec.Hosts, rec.Notes, w.Value); err != nil {
		return rec, err
	}
	if i := newHost(was.Hosts, rec.Hosts); i >= 0 && len(was.Sealed) > 0 && w.Value == nil && !w.Admin {
		return rec, invalid("value", "VALUE_REQUIRED", "has to be given again, since hosts[%d] is a new host for the secret; only an admin may add a host without it", i)
	}
	before, after := secret.Len(was.Sealed), secret.Len(rec.Sealed)
	if after > before && cat.secretBytes-before+after > MaxSecretsBytes {
		return rec, &InvalidError{Conflict: true, Fields: []FieldError{overLimit("value", "secrets_bytes", "the secrets of an app may take at most %d bytes together", MaxSecretsBytes)}}
	}
	return rec, nil
}

// newHost is the place of the first host of a list to which nothing may have gone by the hosts of before, -1 when there is none.
func newHost(before, after []string) int {
	return slices.IndexFunc(after, func(text string) bool {
		h, err := secret.ParseHost(text)
		return err == nil && !slices.ContainsFunc(before, func(old string) bool {
			was, err := secret.ParseHost(old)
			return err == nil && was.Covers(h)
		})
	})
}

// PutSecret makes or changes a secret and says whether it is new. The value is sealed before it is handed to the store, and nothing gives it
// back.
func (e *Engine) PutSecret(ctx context.Context, w SecretWrite) (saved Secret, rev int64, created bool, err error) {
	var sealed []byte
	if w.Value != nil {
		if e.opt.Secrets == nil {
			return Secret{}, 0, false, errNoKey
		}
		sealed = e.opt.Secrets.Seal(*w.Value, string(w.App), w.ID)
	}
	now := e.opt.Clock().UTC().Truncate(time.Millisecond)
	var rec secretRecord
	row, created, err := e.putItem(ctx, w.App, itemWrite{kind: RecordSecret, id: w.ID, rev: w.Rev, limit: "secrets_per_app", most: MaxSecrets, decide: func(cat *catalogue, old *Record) ([]byte, error) {
		next, err := w.change(cat, old, sealed, now)
		if err != nil {
			return nil, err
		}
		rec = next
		return marshal(rec)
	}})
	if err != nil {
		return Secret{}, 0, false, err
	}
	return e.showSecret(w.App, rec), row.Rev, created, nil
}

// showSecret is a secret without its value.
func (e *Engine) showSecret(app AppID, rec secretRecord) Secret {
	s := Secret{ID: rec.ID, Hosts: rec.Hosts, Notes: rec.Notes, Set: len(rec.Sealed) > 0, By: rec.By, SetAt: rec.SetAt}
	if s.Set {
		_, err := e.cats.open(app, rec)
		s.Unreadable = err != nil
	}
	return s
}

// Secrets lists an app's secrets by id, without their values.
func (e *Engine) Secrets(ctx context.Context, app AppID) ([]Item[Secret], error) {
	_, records, err := e.store.Catalogue(ctx, app, RecordSecret)
	if err != nil {
		return nil, err
	}
	list := make([]Item[Secret], len(records))
	for i, r := range records {
		var rec secretRecord
		if err := json.Unmarshal(r.Body, &rec); err != nil {
			return nil, fmt.Errorf("read secret %s: %w", r.ID, err)
		}
		list[i] = Item[Secret]{e.showSecret(app, rec), r.Rev, r.At}
	}
	slices.SortFunc(list, func(a, b Item[Secret]) int { return strings.Compare(a.Value.ID, b.Value.ID) })
	return list, nil
}

// DeleteSecret takes away a secret that no published scenario and no run that goes on names. rev, when not 0, must be its revision.
func (e *Engine) DeleteSecret(ctx context.Context, app AppID, id string, rev int64) error {
	return e.deleteItem(ctx, app, itemDeletion{kind: RecordSecret, root: "secret", id: id, rev: rev})
}

// open gives a secret's value.
func (c *catalogues) open(app AppID, rec secretRecord) (string, error) {
	switch {
	case len(rec.Sealed) == 0:
		return "", FinalError("SECRET_EMPTY", fmt.Sprintf("the secret %s has no value yet; set it with: cuelight secret set %s", rec.ID, rec.ID))
	case c.secrets == nil:
		return "", errNoKey
	}
	value, err := c.secrets.Open(rec.Sealed, string(app), rec.ID)
	if err != nil {
		return "", FinalError("SECRET_KEY", fmt.Sprintf("the secret %s was sealed with another key than this server has; give it its key's file, or set the secret anew", rec.ID))
	}
	return value, nil
}

func (c *catalogue) knowSecret(r *Record) {
	var rec secretRecord
	if json.Unmarshal(r.Body, &rec) != nil {
		return
	}
	s := &openedSecret{}
	for _, text := range rec.Hosts {
		if h, err := secret.ParseHost(text); err == nil {
			s.hosts = append(s.hosts, h)
		}
	}
	s.value, s.failed = c.open(c.app.ID, rec)
	if s.failed != nil && len(rec.Sealed) > 0 {
		c.log.Warn("secret can not be opened", "app", c.app.ID, "secret", rec.ID, "err", s.failed)
	}
	c.secrets[rec.ID] = s
	c.secretBytes += secret.Len(rec.Sealed)
}

// values are the app's secrets in their order.
func (c *catalogue) values() []string {
	var values []string
	for _, s := range c.secrets {
		if s.failed == nil {
			values = append(values, s.value)
		}
	}
	slices.Sort(values)
	return values
}

// maskLike makes what takes the app's secrets out of all that is kept or shown, or takes that of an earlier catalogue, whose secrets were the
// same: a catalogue is made for every change of anything, and a masker costs far more than the rest of it.
func (c *catalogue) maskLike(was *catalogue) {
	values := c.values()
	if was != nil && was.mask != nil && slices.Equal(values, was.values()) {
		c.mask = was.mask
		return
	}
	c.mask = secret.NewMasker(values)
}

// opened are the values of secrets as expressions see them.
func (c *catalogue) opened(ids []string) (map[string]any, error) {
	values := make(map[string]any, len(ids))
	for _, id := range ids {
		s := c.secrets[id]
		if s == nil {
			return nil, FinalError("SECRET_EMPTY", fmt.Sprintf("the app has no secret %s", id))
		}
		if s.failed != nil {
			return nil, s.failed
		}
		values[id] = s.value
	}
	return values, nil
}

// allowed lists the hosts.
func (s *openedSecret) allowed() string {
	if s == nil || len(s.hosts) == 0 {
		return "no host"
	}
	names := make([]string, len(s.hosts))
	for i, h := range s.hosts {
		names[i] = h.String()
	}
	return strings.Join(names, ", ")
}

// MayGo says whether all secrets that the step's settings name may be sent to an address; the error names the first that may not.
func (o *Outside) MayGo(to *url.URL) error {
	for _, id := range o.secrets {
		s := o.cat.secrets[id]
		if s == nil || !slices.ContainsFunc(s.hosts, func(h secret.Host) bool { return h.Allows(to) }) {
			// The address itself is not told: it may hold the secret.
			return FinalError("SECRET_HOST", fmt.Sprintf("the secret %s may only be sent to %s, and the URL leads elsewhere", id, s.allowed()))
		}
	}
	return nil
}

// Told is what may be told of an address that is made with a secret: where the secret may go in any case, and Mask for the rest. A function of
// a secret, such as upper(secret.crm), can not be found in a text. With hidden, the host may be made with the secret too.
func (o *Outside) Told(to *url.URL) (text string, hidden bool) {
	text, hidden = secret.Mask, true
	for _, id := range o.secrets {
		for _, h := range o.cat.secrets[id].hosts {
			switch {
			case !h.Allows(to):
			case h.One():
				return to.Scheme + "://" + to.Host + "/" + secret.Mask, false
			default:
				text = h.String() + "/" + secret.Mask
			}
		}
	}
	return text, hidden
}

// Mask takes the app's secrets out of what the step yields: a tree of maps, lists and plain values.
func (o *Outside) Mask(tree any) any { return o.cat.mask.Tree(tree) }

// clean is an error, or what a panic said, in words that hold no secret. Without a catalogue nothing of the app was opened yet.
func (c *catalogue) clean(v any) string {
	text := fmt.Sprint(v)
	if c == nil {
		return text
	}
	return c.mask.String(text)
}

// maskedError is an error whose words hold no secret.
type maskedError struct {
	error
	text string
}

// Error gives the masked words.
func (e maskedError) Error() string { return e.text }

// Unwrap gives the error itself, for its code and for retries.
func (e maskedError) Unwrap() error { return e.error }

// masked takes secrets out of the words of an error.
func masked(m *secret.Masker, err error) error {
	if err == nil || m == nil {
		return err
	}
	text := err.Error()
	if clean := m.String(text); clean != text {
		return maskedError{err, clean}
	}
	return err
}
