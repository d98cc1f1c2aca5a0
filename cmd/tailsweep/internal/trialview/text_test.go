package trialview

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCounted(t *testing.T) {
	require.Equal(t, "0 of 1 trial", OfPlanned(0, 1))
	require.Equal(t, "1 of 2 trials", OfPlanned(1, 2))
	require.Equal(t, "1 trial", OfPlanned(1, 0))
}
