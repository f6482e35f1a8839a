package main

import (
	"fmt"
	"runtime/debug"
)

// release is set by the linker for releases.
var release = ""

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run() error {
	fmt.Println("cuelight", version())
	return nil
}

func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}
