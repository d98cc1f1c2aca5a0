package sweep

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a value is written as is kept in ledgers, so it is encoding/json's text of
// the number or the word.
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
