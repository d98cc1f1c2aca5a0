package sweep

import (
	"encoding/json"
	"testing"
	"time"

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

func TestDuration(t *testing.T) {
	for text, d := range map[string]time.Duration{"12h": 12 * time.Hour, "1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "90s": 90 * time.Second, "0s": 0, "10m": 10 * time.Minute} {
		var got Duration
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.Equal(t, d, time.Duration(got))
		var again Duration
		data, err := got.MarshalText()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalText(data))
		require.Equal(t, got, again)
	}
	require.Equal(t, "12h", Duration(12*time.Hour).String())
	var d Duration
	require.Error(t, json.Unmarshal([]byte("5"), &d))
	require.Error(t, json.Unmarshal([]byte(`"soon"`), &d))
	require.NoError(t, json.Unmarshal([]byte(`"90m"`), &d))
	require.Equal(t, Duration(90*time.Minute), d)
}
