package specfiletest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Parse returns the spec of a text, which must be valid.
func Parse(t testing.TB, text string) *sweep.Spec {
	t.Helper()
	spec, err := specfile.Parse("spec.yaml", []byte(text))
	require.NoError(t, err)
	return spec
}
