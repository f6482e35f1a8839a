// Command cuelight is the server and its tools.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones are the same on every machine, with a zone database or without

	"github.com/alecthomas/kong"
)

// Exit codes (builder.md 4.1).
const (
	exitFailure   = 1
	exitUsage     = 2
	exitDifferent = 3
)

type cli struct {
	Serve    serveCmd    `cmd:"" help:"Run the server."`
	Apply    applyCmd    `cmd:"" help:"Bring documents from files into an app; prints + ~ - for each thing."`
	Diff     diffCmd     `cmd:"" help:"Print what apply would change, field by field."`
	Export   exportCmd   `cmd:"" help:"Write an app's documents as files."`
	Validate validateCmd `cmd:"" help:"Check documents in files; needs no server."`
	Scenario scenarioCmd `cmd:"" help:"Scenarios: list, start, pause, stop."`
	Runs     runsCmd     `cmd:"" help:"List runs, newest first, with what failed."`
	Explain  explainCmd  `cmd:"" help:"Why a change started what it started, and not the rest."`
	Account  accountCmd  `cmd:"" help:"People who build and operate."`
	User     userCmd     `cmd:"" help:"End users of an app."`
	Token    tokenCmd    `cmd:"" help:"API tokens."`
	Secret   secretCmd   `cmd:"" help:"Secrets that HTTP requests of scenarios may send."`
	Push     pushCmd     `cmd:"" help:"Send a PUSH-message to open pages."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is the program with its exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	code := -1
	parser, err := kong.New(&c,
		kong.Name("cuelight"), kong.Description("Objects, scenarios and live pages in one program."),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.UsageOnError(), kong.DefaultEnvars("CUELIGHT"),
		kong.Exit(func(n int) { code = n }),
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "cuelight:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(args)
	if code >= 0 {
		return code // --help
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cuelight:", err)
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		if errors.Is(err, errDifferent) {
			return exitDifferent
		}
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "cuelight:", err)
		}
		return exitFailure
	}
	return 0
}

// errReported is a failure that was already told.
var errReported = errors.New("reported")
