package help

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/cuelight/cuelight/engine"
)

// Page is one page of the help.
type Page struct {
	// Slug is its address below /help/.
	Slug, Title string
	HTML        template.HTML
	Sections    []Section
	// Source is its Markdown.
	Source string

	status int
}

// Section is a heading with what stands under it, up to the next one. The first of a page is the page's title.
type Section struct {
	Level           int
	Heading, Anchor string
	Text            string
}

// Contents are the headings to show in the list of pages.
func (p *Page) Contents() []Section {
	var list []Section
	for _, s := range p.Sections {
		if s.Level == 2 {
			list = append(list, s)
		}
	}
	return list
}

type group struct {
	Title string
	Pages []*Page
}

// guides are the pages that are written by hand, in the order in which they are read.
var guides = []struct {
	title string
	slugs []string
}{
	{"Begin", []string{"five-minutes", "order-desk", "messenger", "words"}},
	{"Build", []string{"structures", "scenarios", "expressions", "filters", "scenario-settings", "secrets"}},
	{"Pages and clients", []string{"refresher", "react", "any-client"}},
	{"Run and connect", []string{"api", "files", "operating", "limits", "trouble"}},
}

// book is all pages.
type book struct {
	groups []group
	pages  []*Page
	bySlug map[string]*Page
	words  []indexed
}

// bind makes the book. It panics on a page that can not be made: pages are part of the program.
func bind(kinds engine.Kinds) *book {
	b := &book{bySlug: map[string]*Page{}}
	b.add("", b.page("", b.read("index")))
	for _, g := range guides {
		for _, slug := range g.slugs {
			b.add(g.title, b.page(slug, b.read(slug)))
		}
	}
	b.add("Steps", b.page("steps", b.read("steps")+table("steps", InGroups(kinds.Steps), func(k engine.StepKind) [3]string { return [3]string{k.Kind, k.Title, k.Help} })))
	for _, k := range InGroups(kinds.Steps) {
		b.add("Steps", b.page("steps/"+k.Kind, Step(k, 1)+everyStep))
	}
	b.add("Triggers", b.page("triggers", b.read("triggers")+table("triggers", kinds.Triggers, func(k engine.TriggerKind) [3]string { return [3]string{k.Kind, k.Title, k.Help} })))
	for _, k := range kinds.Triggers {
		b.add("Triggers", b.page("triggers/"+k.Kind, Trigger(k, 1)))
	}
	b.index()
	return b
}

func (b *book) read(slug string) string {
	doc, err := files.ReadFile("pages/" + slug + ".md")
	if err != nil {
		panic(fmt.Sprintf("help page %s: %v", slug, err))
	}
	return string(doc)
}

func (b *book) page(slug, source string) *Page {
	p, err := render(slug, source)
	if err != nil {
		panic(fmt.Sprintf("help page %s: %v", slug, err))
	}
	return p
}

func (b *book) add(in string, p *Page) {
	b.pages = append(b.pages, p)
	b.bySlug[p.Slug] = p
	if in == "" {
		return
	}
	if n := len(b.groups); n == 0 || b.groups[n-1].Title != in {
		b.groups = append(b.groups, group{Title: in})
	}
	last := &b.groups[len(b.groups)-1]
	last.Pages = append(last.Pages, p)
}

// beside are the pages before and after one.
func (b *book) beside(p *Page) (previous, next *Page) {
	i := slices.Index(b.pages, p)
	if i > 0 {
		previous = b.pages[i-1]
	}
	if i >= 0 && i+1 < len(b.pages) {
		next = b.pages[i+1]
	}
	return previous, next
}

// everyStep stands at the end of the page of each step.
const everyStep = "What every step may have besides, such as `name`, `disabled` and `on_error`, is told in " +
	"[Scenarios](/help/scenarios#what-every-step-may-have).\n"

// table lists kinds with links to their pages.
func table[K any](folder string, kinds []K, of func(K) [3]string) string {
	var b strings.Builder
	b.WriteString("\n| title | kind | what it does |\n|---|---|---|\n")
	for _, k := range kinds {
		words := of(k)
		first, _, _ := strings.Cut(words[2], ". ")
		fmt.Fprintf(&b, "| [%s](/help/%s/%s) | `%s` | %s. |\n", words[1], folder, words[0], words[0], Marked(strings.TrimSuffix(first, ".")))
	}
	return b.String()
}
