package api

import "context"

// Setting is something that the server was started with.
type Setting struct {
	Name  string `json:"name" doc:"The flag's name without its dashes."`
	Value string `json:"value" doc:"What it is set to; passwords are masked."`
	From  string `json:"from" enum:"flag,env,default" doc:"Where the value comes from: the command line, the environment, or nowhere: then it is the default."`
	Flag  string `json:"flag" doc:"The flag that sets it, such as --listen."`
	Env   string `json:"env,omitempty" doc:"The environment variable that sets it where no flag does."`
	Help  string `json:"help" doc:"What it is for."`
}

type settingsOut struct {
	Body struct {
		Version string    `json:"version" doc:"The program's version."`
		Store   string    `json:"store" doc:"What everything is kept in: SQLite or PostgreSQL."`
		Items   []Setting `json:"items" nullable:"false" doc:"What the server was started with; changing one takes a restart."`
	}
}

func (a *API) listSettings(context.Context, *call, *struct{}, *none) (*settingsOut, error) {
	out := &settingsOut{}
	out.Body.Version, out.Body.Store, out.Body.Items = a.opt.Version, a.opt.StoreName, a.opt.Settings
	if out.Body.Items == nil {
		out.Body.Items = []Setting{}
	}
	return out, nil
}
