package dataset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A batch of large images has no more pixels than one of 64 pixels, and smaller images have the
// batches that their samples were always drawn in.
func TestBatch(t *testing.T) {
	for size, want := range map[int]int{8: 100, 28: 100, 64: 100, 65: 96, 128: 25, 256: 6} {
		require.Equal(t, want, Batch(100, size), size)
		require.LessOrEqual(t, Batch(100, size)*size*size, 100*64*64)
	}
	require.Equal(t, 1, Batch(10, 256))
}
