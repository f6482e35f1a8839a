package engine

import "time"

// Ticket lets an account watch an app over a socket. Its secret is given out once and is good for one connect within half a minute.
type Ticket struct {
	App AppID
	// Account is the account's e-mail, Role what it may do, Session the id of the login with which it ends.
	Account, Role, Session string
}

// Connection is an open socket of an app on this node, as the console shows it.
type Connection struct {
	// ID is the socket's id, which its page knows too; it is no secret and gives no right.
	ID string `json:"id"`
	// User is empty for a guest.
	User      UserID    `json:"user,omitempty" doc:"The user's id; absent for a guest."`
	Origin    string    `json:"origin,omitempty" doc:"The origin of its page, as the browser says."`
	Page      string    `json:"page,omitempty" doc:"The address of its page without its query, as far as the browser says."`
	Transport string    `json:"transport" enum:"polling,websocket" doc:"How it is connected now."`
	Since     time.Time `json:"since" doc:"When it connected."`
	RTT       *int64    `json:"rtt_ms,omitempty" doc:"Milliseconds of the last ping; absent before the first one."`
	Sent      int64     `json:"sent" doc:"Events that were sent to it, replays included."`
	Client    string    `json:"client,omitempty" doc:"The version of cuelight.js, where it says."`
	Listens   []string  `json:"listens,omitempty" doc:"The event names that its page listens for, where cuelight.js says."`
}

// Refused is an attempt to connect that was refused; equal ones one after the other are counted together.
type Refused struct {
	// App is what the client gave as app_id, cut at 64 bytes.
	App     string    `json:"app_id" doc:"The app_id that the client gave."`
	Code    string    `json:"code" enum:"app_unknown,session_expired,origin_refused,too_many" doc:"Why."`
	Message string    `json:"message" doc:"What the client was told."`
	Limit   string    `json:"limit,omitempty" doc:"The limit that was passed, where one was."`
	Origin  string    `json:"origin,omitempty" doc:"The origin of its page, as the browser says; null for a file."`
	Page    string    `json:"page,omitempty" doc:"The address of its page without its query, as far as the browser says."`
	Count   int64     `json:"count" doc:"How often."`
	At      time.Time `json:"at" doc:"When last."`
	Meant   string    `json:"meant,omitempty" doc:"Of an unknown app_id: the id that was probably meant."`
}
