package demo

import (
	"io"
	"time"
)

// MessengerData is what the messenger shows to one user.
type MessengerData struct {
	AppID    string
	Offset   string // the position of the push log at which the rest was read
	User     Person // who looks; without an ID nobody is logged in
	Wrong    string // why the login failed
	Chats    []Chat
	Partner  Person    // with whom the chat is that is open; without an ID none is
	Messages []Message // of that chat, the oldest first
}

// Person is a user as others see one.
type Person struct{ ID, Name string }

// Initial is what stands in the circle beside a name.
func (p Person) Initial() string {
	for _, r := range p.Name {
		return string(r)
	}
	return "?"
}

// Chat is one entry of the list of chats.
type Chat struct {
	Person
	Unread  int64
	Last    string // what was said last
	Current bool
}

// Message is one message of the open chat.
type Message struct {
	ID, Text string
	Mine     bool // the one who looks has written it
	Read     bool // its receiver has seen it
	At       time.Time
}

// Unread counts the messages of all chats that nobody has seen yet.
func (d MessengerData) Unread() int64 {
	var n int64
	for _, c := range d.Chats {
		n += c.Unread
	}
	return n
}

// MessengerPage writes the messenger, or its login. Nothing is written when it fails.
func MessengerPage(w io.Writer, data MessengerData) error {
	return write(w, "messenger.html", struct {
		MessengerData
		Scenarios []Document
		Marks     string
	}{data, scenarios(Messenger), marks(Messenger)})
}
