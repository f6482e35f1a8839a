package help

import (
	"cmp"
	"html/template"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxQuery    = 200
	maxFound    = 30
	maxTerms    = 10
	maxPerPage  = 2
	excerptSize = 180
	// wholePoints are for the words of the query as they stand, and again for a name in one piece: who writes PUSH_TO or data-cue-on means that.
	wholePoints = 60
)

// also are words by which people look for a page that has others for it.
var also = map[string]string{
	"steps/for_each": "loop repeat", "steps/push": "notify notification websocket one user several values", "steps/condition": "if branch", "steps/switch": "branch",
	"steps/delay": "wait sleep timer", "steps/http_request": "rest webhook fetch", "steps/call_scenario": "subflow sync async",
	"any-client": "websocket websockets login", "triggers/schedule": "scheduled timer clock every minute hour daily weekly", "operating": "deploy docker nginx proxy tls",
	"messenger": "chat", "structures": "array table column foreign key", "steps/create_object": "insert row record",
	"steps/edit_object": "update row record", "api": "rest cors", "scenario-settings": "throttle", "trouble": "error problem why",
}

// Found is a section that answers a query.
type Found struct {
	Page    *Page
	Section Section
	Excerpt []Part
	score   int
}

// Part is a piece of an excerpt; Hit says that the query stands there.
type Part struct {
	Text string
	Hit  bool
}

// URL is where the section stands.
func (f Found) URL() template.URL {
	at := "/help/" + f.Page.Slug
	if f.Section.Level > 1 {
		at += "#" + f.Section.Anchor
	}
	return template.URL(at) //nolint:gosec // made of a page's own address and heading
}

// indexed is a section with its words.
type indexed struct {
	page                 *Page
	section              Section
	title, heading, text []string
	low                  string
}

func (b *book) index() {
	for _, p := range b.pages {
		title := wordsOf(p.Title + " " + p.Slug + " " + also[p.Slug])
		for _, s := range p.Sections {
			b.words = append(b.words, indexed{p, s, title, wordsOf(s.Heading), wordsOf(s.Text), strings.ToLower(s.Heading + " " + s.Text)})
		}
	}
}

// wordsOf are the words of a text in small letters; what is no letter and no digit parts them.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Search finds the sections in which every word of the query begins a word; where there are none, those with at least one. The best come
// first: title over heading over text, whole words over beginnings, the words of the query as they stand over scattered ones.
func (b *book) Search(query string) []Found {
	terms := wordsOf(query)
	if len(terms) > maxTerms {
		terms = terms[:maxTerms]
	}
	if len(terms) == 0 {
		return nil
	}
	found := b.match(terms, strings.ToLower(strings.TrimSpace(query)), true)
	if len(found) == 0 {
		found = b.match(terms, "", false)
	}
	slices.SortStableFunc(found, func(x, y Found) int { return cmp.Compare(y.score, x.score) })
	perPage := map[*Page]int{}
	found = slices.DeleteFunc(found, func(f Found) bool { perPage[f.Page]++; return perPage[f.Page] > maxPerPage })
	found = found[:min(len(found), maxFound)]
	for i := range found {
		found[i].Excerpt = excerpt(found[i].Section.Text, terms)
	}
	return found
}

func (b *book) match(terms []string, whole string, all bool) []Found {
	var found []Found
	for _, s := range b.words {
		score, hits := 0, 0
		for _, term := range terms {
			points := s.points(term)
			if points > 0 {
				hits++
			}
			score += points
		}
		if hits == 0 || all && hits < len(terms) {
			continue
		}
		if whole != "" && len(terms) > 1 && strings.Contains(s.low, whole) {
			score += wholePoints
			if !strings.Contains(whole, " ") && holdsName(s.low, whole) {
				score += wholePoints
			}
		}
		found = append(found, Found{Page: s.page, Section: s.section, score: score + 100*hits})
	}
	return found
}

// holdsName tells whether a name stands in a text, and not only as the beginning of another.
func holdsName(text, name string) bool {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, name)
		if !found {
			return false
		}
		if r, _ := utf8.DecodeRuneInString(after); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return true
		}
		rest = after
	}
}

// points say how well a section answers one word. The title counts for all sections of a page, most for the first.
func (s indexed) points(term string) int {
	points := 0
	if n := hit(s.title, term); n > 0 {
		points += 10 * n
		if s.section.Level == 1 {
			points += 20
		}
	}
	points += 12 * hit(s.heading, term)
	count := 0
	for _, w := range s.text {
		if strings.HasPrefix(w, term) {
			count++
		}
	}
	return points + min(count, 5)
}

// hit is 2 for a whole word, 1 for the beginning of one.
func hit(words []string, term string) int {
	best := 0
	for _, w := range words {
		if w == term {
			return 2
		}
		if strings.HasPrefix(w, term) {
			best = 1
		}
	}
	return best
}

// excerpt is a piece of the text around the first hit, with all hits in it marked.
func excerpt(text string, terms []string) []Part {
	text = strings.Join(strings.Fields(text), " ")
	first := len(text)
	for at, length := range beginnings(text) {
		if begins(text[at:at+length], terms) {
			first = at
			break
		}
	}
	from := 0
	if first < len(text) && first > excerptSize/3 {
		from = first - excerptSize/3
		for from > 0 && text[from-1] != ' ' {
			from--
		}
	}
	to := min(from+excerptSize, len(text))
	for to < len(text) && text[to] != ' ' {
		to++
	}
	var parts []Part
	add := func(s string, hit bool) {
		if s != "" {
			parts = append(parts, Part{s, hit})
		}
	}
	if from > 0 {
		add("… ", false)
	}
	done := from
	for at, length := range beginnings(text[:to]) {
		if at >= from && begins(text[at:at+length], terms) {
			add(text[done:at], false)
			add(text[at:at+length], true)
			done = at + length
		}
	}
	add(text[done:to], false)
	if to < len(text) {
		add(" …", false)
	}
	return parts
}

// beginnings yields each word of a text: where it begins and how long it is.
func beginnings(text string) func(func(int, int) bool) {
	return func(yield func(int, int) bool) {
		start := -1
		for at, r := range text + " " {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				if start < 0 {
					start = at
				}
				continue
			}
			if start >= 0 && !yield(start, at-start) {
				return
			}
			start = -1
		}
	}
}

func begins(word string, terms []string) bool {
	if !utf8.ValidString(word) {
		return false
	}
	low := strings.ToLower(word)
	return slices.ContainsFunc(terms, func(t string) bool { return strings.HasPrefix(low, t) })
}
