package cost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

func mustParse(t *testing.T, text string) *sweep.Spec {
	t.Helper()
	spec, err := specfile.Parse("spec.yaml", []byte(text))
	require.NoError(t, err)
	return spec
}
