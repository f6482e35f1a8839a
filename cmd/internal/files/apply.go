package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Apply does what the plan says and tells each thing when it is done. The first that the server refuses ends it: what was done stays.
func (p *Plan) Apply(ctx context.Context, out io.Writer) error {
	done, same := 0, 0
	for _, a := range p.Actions {
		if a.run == nil {
			same++
			continue
		}
		if err := a.run(ctx); err != nil {
			return fmt.Errorf("%w\n%s", a.explain(err), standing(done, len(p.Actions)-same))
		}
		done++
		fmt.Fprintln(out, a)
	}
	tellSame(out, same)
	return nil
}

// standing says what an error leaves behind.
func standing(done, all int) string {
	if done == 0 {
		return "nothing was changed"
	}
	return fmt.Sprintf("%d of %d changes were made, as listed, and stay", done, all)
}

// Tell tells what Apply would do.
func (p *Plan) Tell(out io.Writer) {
	same := 0
	for _, a := range p.Actions {
		if a.run == nil {
			same++
			continue
		}
		fmt.Fprintln(out, a)
	}
	tellSame(out, same)
}

func tellSame(out io.Writer, n int) {
	if n > 0 {
		fmt.Fprintf(out, "= %d unchanged\n", n)
	}
}

// Diff tells what Apply would do, field by field, and says whether that is anything.
func (p *Plan) Diff(out io.Writer) (differs bool) {
	for _, a := range p.Actions {
		if a.run == nil || a.rest {
			continue
		}
		differs = true
		if len(a.Changes) == 0 {
			fmt.Fprintf(out, "%s %s %s\n", a.Sign, a.Kind, a.ID)
		}
		for _, c := range a.Changes {
			fmt.Fprintf(out, "%s %s %s: %s\n", a.Sign, a.Kind, a.ID, c)
		}
	}
	return differs
}

// AllNotes are the notes of the plan and of its actions.
func (p *Plan) AllNotes() []string {
	notes := p.Notes
	for _, a := range p.Actions {
		if a.Note != "" {
			notes = append(notes, a.Note)
		}
	}
	return notes
}

// manyPaths is how many changed places are named.
const manyPaths = 5

// String is the line of an action: ~ scenario refresh-orders (steps[0].event).
func (a *Action) String() string {
	line := a.Sign + " " + a.Kind + " " + a.ID
	var places []string
	for i, c := range a.Changes {
		if i == manyPaths {
			places = append(places, fmt.Sprintf("%d more", len(a.Changes)-i))
			break
		}
		if place := c.Path; place != "" && !a.rest {
			places = append(places, place)
		} else {
			places = append(places, c.Text)
		}
	}
	if len(places) > 0 {
		line += " (" + strings.Join(places, ", ") + ")"
	}
	return line
}

// explain says where in the files an error of the server belongs.
func (a *Action) explain(err error) error {
	r, ok := errors.AsType[Refusal](err)
	switch {
	case ok && a.Kind == App && a.Sign == "+" && r.Code() == 403:
		return fmt.Errorf("there is no app %s, and to make one a token needs the scope admin: %w", a.ID, err)
	case a.doc == nil:
		return fmt.Errorf("%s %s: %w", a.Kind, a.ID, err)
	case ok && r.Code() == 412:
		return a.doc.trouble("", "was changed by somebody else meanwhile; look at the differences and apply again")
	case !ok || len(r.Wrong()) == 0:
		return a.doc.trouble("", err.Error())
	}
	var all Troubles
	for _, f := range r.Wrong() {
		if f.Code == "VALUE_REQUIRED" {
			f.Path, f.Message = "hosts", "a new host needs the secret's value, which is in no file: "+a.byHand+"; or let an admin apply"
		}
		all = append(all, a.doc.trouble(f.Path, f.Message))
	}
	return all
}
