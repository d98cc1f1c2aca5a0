package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClassifierSizes(t *testing.T) {
	require.Equal(t, "8, 16, 28, 32, 64, 128, 256", ClassifierSizes())
}
