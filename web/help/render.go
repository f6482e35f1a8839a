package help

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"html/template"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	east "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"

	"github.com/cuelight/cuelight/engine"
	"github.com/cuelight/cuelight/engine/expr"
)

var markdown = goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))

// render makes a page of Markdown. Raw HTML in it is left out.
func render(slug, source string) (*Page, error) {
	source = strings.ReplaceAll(source, "[[functions]]", functionTable())
	source = strings.ReplaceAll(source, "[[limits]]", limitTable())
	doc := []byte(source)
	tree := markdown.Parser().Parse(text.NewReader(doc))
	p := &Page{Slug: slug, Source: source, Sections: sections(tree, doc)}
	if len(p.Sections) == 0 || p.Sections[0].Level != 1 {
		return nil, errors.New("begins with no heading of the first level")
	}
	p.Title = p.Sections[0].Heading
	if first := tree.FirstChild(); first.Kind() == ast.KindHeading {
		tree.RemoveChild(tree, first) // the layout shows the title
	}
	var out bytes.Buffer
	if err := markdown.Renderer().Render(&out, doc, tree); err != nil {
		return nil, err
	}
	body, err := pictures(out.String())
	if err != nil {
		return nil, err
	}
	body = emptyHead.ReplaceAllString(body, "")
	body = strings.ReplaceAll(body, "<table>", `<div class="table" tabindex="0"><table>`)
	body = strings.ReplaceAll(body, "</table>", "</table></div>")
	body = strings.ReplaceAll(body, "<pre>", `<pre tabindex="0">`)
	p.HTML = template.HTML(body) //nolint:gosec // made of pages of ours, with raw HTML left out
	return p, nil
}

// sections cuts a page at its headings.
func sections(tree ast.Node, doc []byte) []Section {
	var list []Section
	add := func(words string) {
		if n := len(list); n > 0 && words != "" {
			list[n-1].Text += words
		}
	}
	_ = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if n.Type() == ast.TypeBlock || n.Kind() == east.KindTableCell {
				add(" ")
			}
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			id, _ := n.AttributeString("id")
			anchor, _ := id.([]byte)
			list = append(list, Section{Level: n.Level, Heading: plain(n, doc), Anchor: string(anchor)})
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			add(string(n.Segment.Value(doc)))
			if n.SoftLineBreak() || n.HardLineBreak() {
				add(" ")
			}
		case *ast.String:
			add(string(n.Value))
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			add(string(n.Lines().Value(doc)))
		}
		return ast.WalkContinue, nil
	})
	return list
}

// plain is the text of a heading.
func plain(n ast.Node, doc []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(doc))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// emptyHead is the head of a table that has none: Markdown wants one, readers do not.
var emptyHead = regexp.MustCompile(`<thead>\s*<tr>\s*(<th></th>\s*)+</tr>\s*</thead>\n`)

var image = regexp.MustCompile(`<p><img src="([^"]*)" alt="([^"]*)"></p>`)

// pictures puts drawings into the page itself, so that they take its colours, and other pictures beside it.
func pictures(body string) (string, error) {
	var failed error
	body = image.ReplaceAllStringFunc(body, func(tag string) string {
		m := image.FindStringSubmatch(tag)
		if path.Ext(m[1]) != ".svg" {
			return fmt.Sprintf(`<figure><img src="/help/assets/%s" alt="%s"></figure>`, m[1], m[2])
		}
		drawing, err := files.ReadFile("pictures/" + m[1])
		if err != nil {
			failed = err
			return ""
		}
		return fmt.Sprintf(`<figure role="img" aria-label="%s">%s</figure>`, m[2], drawing)
	})
	return body, failed
}

// functionTable explains every function of the language.
func functionTable() string {
	var b strings.Builder
	b.WriteString("| write | what it gives | for example | gives |\n|---|---|---|---|\n")
	for _, f := range expr.Functions() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | `%s` |\n", cell(f.Signature), cell(html.EscapeString(f.Help)), cell(f.Example), cell(f.Result))
	}
	return b.String()
}

// limitTable lists the limits of objects, scenarios and runs.
func limitTable() string {
	var b strings.Builder
	b.WriteString("| name | value | unit | what is bounded |\n|---|---|---|---|\n")
	for _, l := range engine.Limits() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", l.Name, l.Value, l.Unit, cell(html.EscapeString(l.Help)))
	}
	return b.String()
}
