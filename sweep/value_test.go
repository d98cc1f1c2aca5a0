package sweep

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Ledgers contain the text of values, so it must be that of encoding/json.
func FuzzValueIsWrittenAsJSONDoes(f *testing.F) {
	f.Add(0.1, "unet")
	f.Add(math.Copysign(0, -1), "a<b>&\"c\"\\")
	f.Add(1e-7, "é")
	f.Add(1e21, "\x00\xff")
	f.Add(-123456789012345680000.0, "")
	f.Fuzz(func(t *testing.T, number float64, word string) {
		if math.IsNaN(number) || math.IsInf(number, 0) || word == "" {
			return
		}
		want, err := json.Marshal(map[string]any{"a": number, word + "b": word})
		require.NoError(t, err)
		require.Equal(t, string(want), Params{"a": Number(number), word + "b": Word(word)}.Key())
	})
}

// People see at most four significant digits; JSON has all.
func TestParamsList(t *testing.T) {
	p := Params{"infonce.weight": Number(0.123456), "alignment.pass": Word("cond"), "guidance": Number(1234567)}
	require.Equal(t, []string{"alignment.pass=cond", "guidance=1.235e+06", "infonce.weight=0.1235"}, p.List())
	require.Empty(t, Params(nil).List())
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
