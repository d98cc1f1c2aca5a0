package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConditionReadsBack(t *testing.T) {
	for text, want := range map[string]Condition{
		"infonce.weight > 0":    {Param: "infonce.weight", Op: ">", Value: Number(0)},
		"a b > 0":               {Param: "a b", Op: ">", Value: Number(0)},
		"lr<=1e-3":              {Param: "lr", Op: "<=", Value: Number(1e-3)},
		" infonce.pass == cond": {Param: "infonce.pass", Op: "==", Value: Word("cond")},
		"a!=-2.5":               {Param: "a", Op: "!=", Value: Number(-2.5)},
	} {
		got, err := ParseCondition(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		again, err := ParseCondition(got.String())
		require.NoError(t, err)
		require.Equal(t, want, again)
	}
	for _, text := range []string{"", "a", "a\tb > 1", "> 1", "a >", "a = 1", "a => 1", "a > 1 2", "a > b", "a == 1x", "a > 1e999", `a == "x"`, "a > b > c"} {
		_, err := ParseCondition(text)
		require.Errorf(t, err, "%q", text)
	}
}

func FuzzCondition(f *testing.F) {
	f.Add("infonce.weight > 0")
	f.Add("a!=b")
	f.Add("a <= 0x1F")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			return
		}
		again, err := ParseCondition(c.String())
		require.NoErrorf(t, err, "%q from %q", c, text)
		require.Equal(t, c, again)
		_ = c.String()
	})
}
