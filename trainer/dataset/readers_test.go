package dataset

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// Each dataset of the list has a reader, and each reader its entry in the list.
func TestEveryDatasetHasAReader(t *testing.T) {
	var listed []string
	for _, d := range sweep.DatasetList() {
		listed = append(listed, d.Name)
	}
	require.ElementsMatch(t, listed, slices.Collect(maps.Keys(readers())))
}
