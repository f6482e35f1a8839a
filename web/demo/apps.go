package demo

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed apps
var apps embed.FS

// The apps that the demo has beside the shop. Each is a folder of YAML documents, as export writes and apply reads them.
const (
	Board     = "board"
	Messenger = "messenger"
)

// Apps lists them.
var Apps = []string{Board, Messenger}

// Documents are the YAML files of an app.
func Documents(app string) fs.FS { return sub(apps, "apps/"+app) }

// Document is one YAML file as the app's page shows it.
type Document struct{ Name, Text string }

// scenarios are the files that make an app's page work.
func scenarios(app string) []Document {
	files := Documents(app)
	names, err := fs.Glob(files, "scenarios/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var all []Document
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err) // the files are part of the program
		}
		all = append(all, Document{name, string(text)})
	}
	return all
}

// marks are the lines of an app's page, as its template has them, that tie the page to cuelight.js.
func marks(app string) string {
	text, err := fs.ReadFile(src, "src/"+app+".html")
	if err != nil {
		panic(err) // the files are part of the program
	}
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "data-cue-on") || strings.Contains(line, "/cuelight.js") {
			lines.WriteString(strings.ReplaceAll(strings.TrimSpace(line), "{{.AppID}}", app) + "\n")
		}
	}
	return lines.String()
}

func sub(files fs.FS, dir string) fs.FS {
	part, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the paths are constants
	}
	return part
}
