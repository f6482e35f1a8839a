package engine

// AppID names an app, the tenant that owns users, structures, objects and scenarios.
type AppID string

// RunID names one run; a UUIDv7 in text form.
type RunID string

// OpID names one op; a UUIDv7 in text form.
type OpID string

// UserID names an object of the system structure User: an end user of an app.
type UserID string
