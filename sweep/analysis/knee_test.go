package analysis

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKnee(t *testing.T) {
	for name, c := range map[string]struct {
		front [][]float64
		want  int // -1 for none
	}{
		"none":                         {nil, -1},
		"two ends":                     {[][]float64{{0, 1}, {1, 0}}, -1},
		"an elbow":                     {[][]float64{{0, 10}, {1, 2}, {5, 1}, {10, 0}}, 1},
		"units do not matter":          {[][]float64{{-3e6, .010}, {-2e6, .002}, {2e6, .001}, {7e6, 0}}, 1},
		"a straight line":              {[][]float64{{0, .3}, {.1, .2}, {.2, .1}, {.3, 0}}, -1},
		"bulging":                      {[][]float64{{0, 1}, {.8, .8}, {1, 0}}, -1},
		"the first of two":             {[][]float64{{0, 1}, {.2, .4}, {.4, .2}, {1, 0}}, 1},
		"all equal":                    {[][]float64{{1, 1}, {1, 1}, {1, 1}}, -1},
		"one objective":                {[][]float64{{1}, {1}, {1}}, -1},
		"two points thrice":            {[][]float64{{0, 1}, {0, 1}, {1, 0}}, -1},
		"three objectives":             {[][]float64{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {.3, .3, .3}, {.2, .4, .5}}, 3},
		"an objective that is no goal": {[][]float64{{0, 7, 10}, {1, 7, 2}, {10, 7, 0}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			index, ok := Knee(c.front)
			if !ok {
				index = -1
			}
			require.Equal(t, c.want, index)
		})
	}
}
