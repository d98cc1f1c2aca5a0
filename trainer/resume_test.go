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
		"equal":        {outer{inner{1, "unet"}, []int{1}}, outer{inner{1, "unet"}, []int{1}}, nil},
		"inside":       {outer{inner{1, "unet"}, []int{1}}, outer{inner{2, "unet"}, []int{1, 2}}, []string{"dims is [1] there, [1,2] here", "inner.width is 1 there, 2 here"}},
		"on one side":  {inner{1, ""}, inner{1, "dit"}, []string{`arch is not given there, "dit" here`}},
		"a large seed": {identity{Seed: 1<<53 + 1}, identity{Seed: 1 << 53}, []string{"seed is 9007199254740993 there, 9007199254740992 here"}},
		"no parameters": {
			identityOf(sweep.Spec{}, sweep.Assignment{}), identityOf(sweep.Spec{}, sweep.Assignment{Params: sweep.Params{}}), nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := fieldDifferences(c.theirs, c.mine)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}
