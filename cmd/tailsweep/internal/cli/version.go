package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// Version is the version of this binary; main sets it.
var Version = "dev"

// BuildFacts is the output of `tailsweep version -o json`.
type BuildFacts struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	SIMD     bool   `json:"simd"` // built with GOEXPERIMENT=simd
	Cgo      bool   `json:"cgo"`  // built with the XLA backends
}

// String names the build in results and errors.
func (b BuildFacts) String() string {
	if b.Revision == "" {
		return b.Version
	}
	return fmt.Sprintf("%s (commit %.12s)", b.Version, b.Revision)
}

// ReadBuild returns what this binary was built from.
func ReadBuild() BuildFacts {
	b := BuildFacts{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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
