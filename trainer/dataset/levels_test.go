package dataset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLevels(t *testing.T) {
	require.Equal(t, []byte{0, 0, 128, 255, 255}, Levels([]float32{-2, -1, 0, 1, 3}))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	require.Equal(t, all, Levels(Values(all)), "reading and writing changes no pixel")
}
