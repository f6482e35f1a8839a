package main

import (
	_ "github.com/alecthomas/kong"
	_ "github.com/cockroachdb/apd/v3"
	_ "github.com/danielgtaylor/huma/v2"
	_ "github.com/expr-lang/expr"
	_ "github.com/goccy/go-yaml"
	_ "github.com/google/uuid"
	_ "github.com/gorilla/websocket"
	_ "github.com/jackc/pgx/v5"
	_ "github.com/pressly/goose/v3"
	_ "github.com/zishang520/socket.io/servers/socket/v3"
	_ "golang.org/x/crypto/argon2"
	_ "golang.org/x/time/rate"
	_ "modernc.org/sqlite"
)

func main() {}
