package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/cuelight/cuelight/engine"
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

// ListQuery asks for a part of a list of objects. It is exported because huma looks at exported embedded structs only.
type ListQuery struct {
	Filter string `query:"filter" doc:"At most 4096 bytes, such as: status = \"paid\" AND total > 10."`
	Sort   string `query:"sort" maxLength:"256" doc:"Fields, - before one for descending: -changed_at,id."`
	Limit  int    `query:"limit" default:"50" minimum:"1" doc:"Items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The next of an earlier page."`
	Count  bool   `query:"count" doc:"Count all that pass the filter."`
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
		return 0, overLimit("limit", "page", "must be at most %d", a.limits.Page)
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
	n, err = filter.Check(n, source, s.FilterFields(), s.Zone())
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
		case f != nil && f.Type == engine.TypeLinks:
			return nil, wrongField("sort", "LIST_SORT", "lists have no order")
		case f != nil && !f.IsIndexed() && !f.IsConverting():
			return nil, wrongField("sort", "NOT_INDEXED", "only indexed and built-in fields can be sorted by")
		case len(keys) == maxSort:
			return nil, overLimit("sort", "sort_keys", "at most %d fields", maxSort)
		}
		keys = append(keys, engine.SortKey{Field: name, Descending: descending})
	}
	return keys, nil
}
