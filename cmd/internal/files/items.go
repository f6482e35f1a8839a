package files

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// itemKinds are the kinds of documents that are one small item each, with the room of the API in which they lie.
var itemKinds = []struct{ kind, room string }{{Constant, "constants"}, {Secret, "secrets"}}

func (r *remote) itemPath(room, id string) string {
	return r.path + "/" + room + "/" + url.PathEscape(id)
}

// ownMembers are what a document of an item holds; the server adds who set a secret and when.
var ownMembers = map[string][]string{Constant: {"id", "value", "notes"}, Secret: {"id", "hosts", "notes"}}

// items lists the app's constants or secrets as documents, by id.
func (r *remote) items(ctx context.Context, kind, room string) ([]map[string]any, error) {
	var page struct {
		Items []json.RawMessage `json:"items"`
	}
	if _, err := r.Do(ctx, "GET", r.path+"/"+room, "", nil, &page); err != nil {
		return nil, err
	}
	docs := make([]map[string]any, len(page.Items))
	for i, raw := range page.Items {
		value, err := unmarshal(raw)
		if err != nil {
			return nil, fmt.Errorf("read a %s: %w", kind, err)
		}
		docs[i] = map[string]any{"kind": kind}
		for _, name := range ownMembers[kind] {
			if v := value[name]; v != nil {
				docs[i][name] = v
			}
		}
	}
	return docs, nil
}

// planItems plans the constants and the secrets. The value of a secret is in no document.
func (p *planner) planItems() {
	for _, k := range itemKinds {
		for _, d := range p.of(k.kind) {
			body := map[string]any{}
			for _, name := range ownMembers[k.kind] {
				if v := d.value[name]; v != nil && name != "id" {
					body[name] = v
				}
			}
			i := slices.IndexFunc(p.items[k.kind], func(doc map[string]any) bool { return doc["id"] == d.ID })
			if i < 0 {
				a := &Action{Sign: "+", Kind: d.Kind, ID: d.ID, doc: d}
				if k.kind == Secret {
					a.Note = fmt.Sprintf("secret %s has no value yet; set it with: cuelight secret set %s --app %s", d.ID, d.ID, p.id)
				}
				p.add(a, "PUT", p.itemPath(k.room, d.ID), "", body)
				continue
			}
			changes := compare("", p.shapes.arrange(k.kind, p.items[k.kind][i]), p.shapes.arrange(k.kind, d.value))
			if len(changes) == 0 {
				p.same(d)
				continue
			}
			if _, given := d.value["notes"]; !given {
				body["notes"] = ""
			}
			a := &Action{Sign: "~", Kind: d.Kind, ID: d.ID, Changes: changes, doc: d}
			if k.kind == Secret {
				a.byHand = p.setting(d)
			}
			p.add(a, "PUT", p.itemPath(k.room, d.ID), "", body)
		}
	}
}

// setting is the command that sets a secret's value with the hosts of its document.
func (p *planner) setting(d *Document) string {
	words := []string{"cuelight secret set", d.ID, "--app", p.id}
	hosts, _ := d.value["hosts"].([]any)
	for _, h := range hosts {
		words = append(words, fmt.Sprintf("--host '%s'", h)) // it may begin with *
	}
	return strings.Join(words, " ")
}

// pruneItems deletes the constants that are not in the documents, after the scenarios that may read them. A secret stays: its value would be
// lost.
func (p *planner) pruneItems() {
	for _, k := range itemKinds {
		for _, doc := range p.items[k.kind] {
			id, _ := doc["id"].(string)
			if slices.ContainsFunc(p.of(k.kind), func(d *Document) bool { return d.ID == id }) {
				continue
			}
			if k.kind == Secret {
				p.plan.Notes = append(p.plan.Notes, fmt.Sprintf("secret %s is not in the files and stays; cuelight secret delete %s takes it away", id, id))
				continue
			}
			p.add(&Action{Sign: "-", Kind: k.kind, ID: id}, "DELETE", p.itemPath(k.room, id), "", nil)
		}
	}
}

func (e *exporter) addItems(ctx context.Context, kind, room string) error {
	all, err := e.items(ctx, kind, room)
	if err != nil {
		return err
	}
	for _, doc := range all {
		id, _ := doc["id"].(string)
		comment := ""
		if kind == Secret {
			comment = secretComment
		}
		if err := e.add(room+"/"+id+".yaml", kind, doc, comment); err != nil {
			return err
		}
	}
	return nil
}

const secretComment = "# The value of a secret is in no file: set it with cuelight secret set.\n"
