package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// buildFacts is what `tailsweep version -o json` prints.
type buildFacts struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SIMD     bool   `json:"simd"` // built with GOEXPERIMENT=simd
	Cgo      bool   `json:"cgo"`  // built with the XLA backends
}

func readBuild() buildFacts {
	b := buildFacts{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "dev" && strings.HasPrefix(info.Main.Version, "v") {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "GOEXPERIMENT":
			b.SIMD = strings.Contains(s.Value, "simd")
		case "CGO_ENABLED":
			b.Cgo = s.Value == "1"
		}
	}
	return b
}

// slowBuild is the warning about a binary without vector instructions.
const slowBuild = "this binary was built without GOEXPERIMENT=simd: the go backend is about ten times slower (build with `make build`)"

func newVersion(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "What this binary is", Args: args(0, 0, "no arguments")}
	output := outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		b := readBuild()
		if output.value == "json" {
			return a.printJSON(b)
		}
		if !b.SIMD {
			a.say("warning: %s", slowBuild)
		}
		return a.print(fmt.Sprintf("tailsweep %s (%s, %s)", b.Version, b.Go, b.Platform))
	}
	return cmd
}
