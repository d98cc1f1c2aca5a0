package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImportDirections checks what the packages link, directly and indirectly. The
// linter checks their own imports (.golangci.yml).
func TestImportDirections(t *testing.T) {
	const (
		module     = "github.com/tailsweep/tailsweep"
		temporal   = "go.temporal.io"
		gomlx      = "github.com/gomlx"
		minio      = "github.com/minio"
		prometheus = "github.com/prometheus"
	)
	// The packages of internal/ that do more than help with files, locks or text.
	services := slices.Clip([]string{module + "/internal/archive", module + "/internal/connect", module + "/internal/datasets", module + "/internal/metrics", module + "/internal/stack", module + "/internal/store"})
	for _, c := range []struct {
		packages string
		never    []string
	}{
		{"./sweep/...", append(services, temporal, gomlx, minio, prometheus)},
		{"./activities", append(services, gomlx, minio, prometheus, module+"/trainer", module+"/worker")},
		{"./workflows", append(services, gomlx, minio, prometheus, module+"/trainer", module+"/worker")},
		{"./trainer/...", append(services, temporal, minio, prometheus, module+"/worker")},
		{"./worker", []string{gomlx, minio, module + "/report"}},
		{"./report", []string{temporal, gomlx, minio, prometheus}},
		{"./internal/store/...", []string{temporal, gomlx, prometheus, module + "/sweep", module + "/activities", module + "/trainer"}},
		{"./internal/archive", []string{gomlx, minio + "/minio", prometheus}},
		{"./internal/metrics", []string{gomlx, minio, module + "/workflows", module + "/trainer"}},
		{"./internal/stack", []string{temporal, gomlx, minio, prometheus + "/client_golang", module + "/trainer", module + "/workflows"}},
		{"./cmd/tailsweep", []string{temporal + "/server", minio + "/minio", prometheus + "/prometheus", "github.com/versity"}},
	} {
		t.Run(c.packages, func(t *testing.T) {
			for _, dep := range deps(t, c.packages) {
				for _, never := range c.never {
					require.Falsef(t, dep == never || strings.HasPrefix(dep, never+"/"), "%s links %s", c.packages, dep)
				}
			}
		})
	}
	require.Subset(t, deps(t, "./cmd/tailsweep"), []string{temporal + "/sdk/client", minio + "/minio-go/v7", module + "/trainer"}, "go list no longer lists what it did")
}

// deps are the packages that the packages of this module import, and those that
// these import.
func deps(t *testing.T, packages string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", packages)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}
