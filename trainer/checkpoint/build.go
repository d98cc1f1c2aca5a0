package checkpoint

import (
	"runtime/debug"
	"slices"
	"strings"
)

// BuildSettings returns the settings of the build that can change speed or rounding.
func BuildSettings() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var settings []string
	for _, s := range info.Settings {
		if slices.Contains([]string{"CGO_ENABLED", "GOEXPERIMENT", "GOAMD64", "GOARM64"}, s.Key) {
			settings = append(settings, s.Key+"="+s.Value)
		}
	}
	return strings.Join(settings, " ")
}
