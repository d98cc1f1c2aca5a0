package trainer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func TestFieldDifferences(t *testing.T) {
	type inner struct {
		Width int    `json:"width"`
		Arch  string `json:"arch,omitempty"`
	}
	type outer struct {
		Inner inner `json:"inner"`
		Dims  []int `json:"dims"`
	}
	for name, c := range map[string]struct {
		theirs, mine any
		want         []string
	}{
		"equal":         {outer{inner{1, "unet"}, []int{1}}, outer{inner{1, "unet"}, []int{1}}, nil},
		"inside":        {outer{inner{1, "unet"}, []int{1}}, outer{inner{2, "unet"}, []int{1, 2}}, []string{"x.dims is [1] there, [1,2] here", "x.inner.width is 1 there, 2 here"}},
		"on one side":   {inner{1, ""}, inner{1, "dit"}, []string{`x.arch is not given there, "dit" here`}},
		"a large seed":  {int64(1<<53 + 1), int64(1 << 53), []string{"x is 9007199254740993 there, 9007199254740992 here"}},
		"no parameters": {orEmpty(nil), sweep.Params{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := fieldDifferences("x", c.theirs, c.mine)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
