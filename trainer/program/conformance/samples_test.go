package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Samples are written at until alone, so a checkpoint before it differs by them.
func TestSamplesAreNotComparedBeforeTheEnd(t *testing.T) {
	files := map[string]string{"w.pt": "1", "samples.tar": "2", "samples.npz": "3", "samples/bag/0.png": "4", "samples.txt": "5"}
	require.Equal(t, map[string]string{"w.pt": "1", "samples.txt": "5"}, withoutSamples(files))
	require.Len(t, files, 5, "the argument is left alone")
}
