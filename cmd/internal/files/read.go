package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// maxFile is the largest file that is read.
const maxFile = 4 << 20

// Read reads YAML and JSON files, and folders of them: apps first, then structures, then scenarios. Two documents of one thing are an error.
func Read(paths []string) ([]*Document, error) {
	var docs []*Document
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if path != root && strings.HasPrefix(d.Name(), ".") {
					return filepath.SkipDir
				}
				return nil
			}
			if ext := filepath.Ext(path); path != root && ext != ".yaml" && ext != ".yml" && ext != ".json" {
				return nil
			}
			found, err := readFile(path)
			docs = append(docs, found...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(docs, func(a, b *Document) int { return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind) })
	return docs, twice(docs)
}

// Documents reads the YAML files of one app out of a file system, and gives its documents in the order in which a server can take them one by
// one: the app, structures behind those that they link to, scenarios.
func Documents(fsys fs.FS) ([]json.RawMessage, error) {
	var docs []*Document
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		found, err := parse(path, data)
		docs = append(docs, found...)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := twice(docs); err != nil {
		return nil, err
	}
	byKind := map[string][]*Document{}
	for _, d := range docs {
		byKind[d.Kind] = append(byKind[d.Kind], d)
	}
	structures, late := inLinkOrder(byKind[Structure], nil)
	if len(late) > 0 {
		return nil, errors.New("structures that link to each other can not be taken one by one")
	}
	var out []json.RawMessage
	for _, d := range slices.Concat(byKind[App], structures, byKind[Scenario]) {
		doc, err := d.JSON()
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}

func twice(docs []*Document) error {
	seen := map[string]*Document{}
	var errs Troubles
	for _, d := range docs {
		name := d.Kind + " " + d.ID
		if d.Kind == App {
			name = App // files hold one app
		}
		if first := seen[name]; first != nil {
			errs = append(errs, d.trouble("", fmt.Sprintf("stands in %s:%d too", first.File, first.line)))
			continue
		}
		seen[name] = d
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

func readFile(path string) ([]*Document, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", path, maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data)
}

// parse reads the documents of one file.
func parse(path string, data []byte) ([]*Document, error) {
	file, err := parser.ParseBytes(data, 0)
	if wrong, ok := errors.AsType[yaml.Error](err); ok {
		return nil, Trouble{path, wrong.GetToken().Position.Line, wrong.GetMessage()}
	}
	if err != nil {
		return nil, Trouble{File: path, Text: err.Error()}
	}
	var docs []*Document
	for _, body := range file.Docs {
		if body.Body == nil || body.Body.Type() == ast.CommentType {
			continue
		}
		d := &Document{File: path, line: body.Body.GetToken().Position.Line, lines: map[string]int{}}
		r := &reader{lines: d.lines}
		value := r.read(body.Body, "")
		if r.err != nil {
			return nil, Trouble{path, r.line, r.err.Error()}
		}
		var ok bool
		if d.value, ok = value.(map[string]any); !ok {
			return nil, Trouble{path, d.line, "a document is an object with kind and id"}
		}
		d.line = d.firstLine()
		d.Kind, _ = d.value["kind"].(string)
		d.ID, _ = d.value["id"].(string)
		if !slices.Contains(kinds, d.Kind) {
			return nil, Trouble{path, d.lineOf("kind"), fmt.Sprintf("kind is %q; it must be one of %s", d.Kind, strings.Join(kinds, ", "))}
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// firstLine is the line of the first member: a mapping's own token is its first colon or brace.
func (d *Document) firstLine() int {
	first := d.line
	for _, n := range d.lines {
		first = min(first, n)
	}
	return first
}

// reader turns YAML into JSON values. It refuses the parts of YAML that a reader of the file could not foresee.
type reader struct {
	lines map[string]int
	err   error
	line  int
}

func (r *reader) fail(n ast.Node, format string, args ...any) any {
	if r.err == nil {
		r.err, r.line = fmt.Errorf(format, args...), n.GetToken().Position.Line
	}
	return nil
}

func (r *reader) read(n ast.Node, path string) any {
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(n.Values, path)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			r.lines[at] = lineOf(item)
			list[i] = r.read(item, at)
		}
		return list
	case *ast.LiteralNode:
		return n.Value.Value
	case *ast.StringNode:
		// What JSON calls a number is one, be it too large for the library.
		if n.Token.Type == token.StringType && jsonNumber.MatchString(n.Token.Value) {
			return json.Number(n.Token.Value)
		}
		return n.Value
	case *ast.IntegerNode:
		if jsonNumber.MatchString(n.Token.Value) {
			return json.Number(n.Token.Value)
		}
		return json.Number(fmt.Sprint(n.Value))
	case *ast.FloatNode:
		if jsonNumber.MatchString(n.Token.Value) {
			return json.Number(n.Token.Value)
		}
		return json.Number(strconv.FormatFloat(n.Value, 'g', -1, 64))
	case *ast.BoolNode:
		return n.Value
	case *ast.NullNode:
		return nil
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return r.fail(n, "anchors, aliases, tags and merge keys are not read")
	}
	return r.fail(n, "%s is not read", n.Type())
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (r *reader) mapping(values []*ast.MappingValueNode, path string) any {
	members := make(map[string]any, len(values))
	for _, v := range values {
		var key string
		switch k := v.Key.(type) {
		case *ast.StringNode:
			key = k.Value
		case *ast.MergeKeyNode:
			return r.fail(k, "anchors, aliases, tags and merge keys are not read")
		case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
			key = k.GetToken().Value
		default:
			return r.fail(v.Key, "a key has to be a plain text")
		}
		at := key
		if path != "" {
			at = path + "." + key
		}
		if _, given := members[key]; given {
			return r.fail(v.Key, "%s is given twice", at)
		}
		r.lines[at] = v.Key.GetToken().Position.Line
		members[key] = r.read(v.Value, at)
	}
	return members
}

// lineOf is the line at which a node begins.
func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return min(m.GetToken().Position.Line, m.Values[0].Key.GetToken().Position.Line)
	}
	return n.GetToken().Position.Line
}
