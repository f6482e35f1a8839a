package demo

import (
	"bytes"
	"html"
	"io/fs"
	"strings"
	"testing"
	"time"
)

var morning = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func sampleBoard() BoardData {
	return BoardData{
		AppID: Board, Offset: "e1.7", Open: 1, Counted: 12,
		Services: []Service{
			{ID: "shop", Name: "Web shop", State: "ok", Since: morning},
			{ID: "mail", Name: "Mail", State: "down", Note: "<b>queue</b> is full", Since: morning},
			{ID: "new", Name: "Just made", State: "degraded"},
		},
		Incidents: []Incident{
			{ID: "i2", Text: "Mail is down", OpenedAt: morning},
			{ID: "i1", Text: "Web shop is down", OpenedAt: morning, ClosedAt: morning.Add(90 * time.Second)},
		},
	}
}

func sampleMessenger() MessengerData {
	return MessengerData{
		AppID: Messenger, Offset: "e1.8", User: Person{"anna", "Anna"}, Partner: Person{"bert", "Bert"},
		Chats: []Chat{{Person: Person{"bert", "Bert"}, Unread: 2, Last: "See you", Current: true}, {Person: Person{"carl", "Carl"}, Unread: 1}},
		Messages: []Message{
			{ID: "m1", Text: "Hello <b>Bert</b>", Mine: true, Read: true, At: morning},
			{ID: "m2", Text: "See you", At: morning},
		},
	}
}

func renderBoard(t *testing.T, data BoardData) string {
	t.Helper()
	var out bytes.Buffer
	if err := BoardPage(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func renderMessenger(t *testing.T, data MessengerData) string {
	t.Helper()
	var out bytes.Buffer
	if err := MessengerPage(&out, data); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// has wants texts on a page.
func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

// lacks wants texts not to be on a page.
func lacks(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(page, text) {
			t.Errorf("the page has %q", text)
		}
	}
}

func TestBoardShowsServicesAndIncidents(t *testing.T) {
	page := renderBoard(t, sampleBoard())
	has(t, page, `data-cue-at="e1.7"`, "Something is down", `id="service-shop" data-state="ok"`, "&lt;b&gt;queue&lt;/b&gt; is full", "since 09:30 UTC",
		`id="incident-i2" class="open"`, "23 Nov 09:30:00 UTC, open", "closed after 1m30s", `data-cue-text="open">1<`)
	lacks(t, page, "since 00:00", "0001-01-01")
	empty := renderBoard(t, BoardData{AppID: Board})
	has(t, empty, "All services are up", "No incidents yet.")
	lacks(t, empty, "data-cue-at")
}

func TestBoardShowsServicesOfOneState(t *testing.T) {
	data := sampleBoard()
	data.Filter = "degraded"
	page := renderBoard(t, data)
	has(t, page, `id="service-new"`, "Something is down", `href="/demo/board/?state=degraded" aria-current="true"`, "all <b>3</b>", "down <b>1</b>")
	lacks(t, page, `id="service-shop"`, `id="service-mail"`)
	data.Services = data.Services[:1]
	has(t, renderBoard(t, data), "No service is degraded.")
}

func TestMessengerShowsOneChatAndWhatIsUnread(t *testing.T) {
	page := renderMessenger(t, sampleMessenger())
	has(t, page, `data-unread="3"`, `id="message-m1" class="mine"`, "Hello &lt;b&gt;Bert&lt;/b&gt;", `id="message-m2" class="theirs" data-new`, ">Read<",
		`data-session-url="/demo/messenger/session"`, "You are <b id=\"user\">Anna</b>")
	data := sampleMessenger()
	data.Partner, data.Messages = Person{}, nil
	list := renderMessenger(t, data)
	has(t, list, "Choose a chat.", `href="?with=carl"`)
	lacks(t, list, `id="compose"`)
}

func TestAGuestSeesNoPrivateMessage(t *testing.T) {
	data := sampleMessenger()
	data.User = Person{}
	page := renderMessenger(t, data)
	has(t, page, `action="/demo/messenger/login"`)
	lacks(t, page, "Hello", "See you", "Bert", `<script src="/cuelight.js"`)
}

func TestPagesShowTheScenariosThatRun(t *testing.T) {
	for app, page := range map[string]string{Board: renderBoard(t, sampleBoard()), Messenger: renderMessenger(t, sampleMessenger())} {
		names, err := fs.Glob(Documents(app), "scenarios/*.yaml")
		if err != nil || len(names) == 0 {
			t.Fatalf("%s has the scenarios %v %v", app, names, err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(Documents(app), name)
			if err != nil {
				t.Fatal(err)
			}
			has(t, html.UnescapeString(page), name, string(text))
		}
		has(t, html.UnescapeString(page), `<script src="/cuelight.js" data-app="`+app+`"`)
		if len(marks(app)) < 100 || strings.Contains(marks(app), "{{.AppID}}") {
			t.Errorf("the page of %s tells cuelight.js %s", app, marks(app))
		}
	}
}
