package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatasetShape(t *testing.T) {
	for name, want := range map[string][2]int{FashionMNIST10k: {10, 1}, FashionMNIST: {10, 1}, "mnist": {0, 0}} {
		d := Dataset{Name: name}
		require.Equal(t, want, [2]int{d.Classes(), d.Channels()}, name)
	}
}
