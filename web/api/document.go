package api

import (
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// unfinishedView is the answer to a write whose runs did not end within ?wait.
type unfinishedView struct {
	ID   string   `json:"id" doc:"The object's id."`
	Runs []string `json:"runs" nullable:"false" doc:"Where to look for the runs."`
}

// describe adds to the route's part of the OpenAPI document what huma does not know: the other statuses of a good answer, and the headers
// of a problem.
func (a *API) describe(rt Route) {
	op, schemas := a.operation(rt), a.huma.OpenAPI().Components.Schemas
	first := op.Responses[strconv.Itoa(rt.Status)]
	content := first.Content
	if rt.Status == http.StatusNoContent {
		first.Content = nil
	}
	for _, status := range rt.also {
		r := &huma.Response{Description: http.StatusText(status), Headers: first.Headers, Content: content}
		switch {
		case status == http.StatusNoContent || status == http.StatusNotModified:
			r.Content = nil
		case status == http.StatusAccepted && rt.Name != "batchObjects":
			r.Content = map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(reflect.TypeFor[unfinishedView](), true, "")}}
		}
		op.Responses[strconv.Itoa(status)] = r
	}
	wrong, text := op.Responses["default"], &huma.Schema{Type: huma.TypeString}
	wrong.Headers = map[string]*huma.Param{
		"Retry-After":      {Description: "The seconds after which to try again: with 429 and 503.", Schema: &huma.Schema{Type: huma.TypeInteger}},
		"WWW-Authenticate": {Description: "How to say who asks: with 401.", Schema: text},
		"X-Request-Id":     {Description: "The request in the server's log.", Schema: text},
	}
}
