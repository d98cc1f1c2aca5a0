package evaluate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Each family of metrics has its computation, and each computation its entry in the
// list.
func TestEveryFamilyIsMeasured(t *testing.T) {
	measured := []string{sweep.FamilyCAS}
	for _, f := range families {
		measured = append(measured, f.names...)
	}
	var listed []string
	for _, f := range sweep.MetricFamilies() {
		listed = append(listed, f.Name)
	}
	require.ElementsMatch(t, listed, measured)
}
