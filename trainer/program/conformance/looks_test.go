package conformance

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestOddity(t *testing.T) {
	for line, want := range map[string]string{
		`step 3 of 10`:                               "",
		`{"type":"progress","step":3}`:               "",
		`{"level":"info","msg":"loaded"}`:            "",
		`{not json`:                                  "",
		`  {'type': 'progress', 'step': 3}`:          "double quotes",
		`{type: "progress"}`:                         "double quotes",
		`{"type":"progress","step":3`:                "not valid JSON",
		`{"type":"progres","step":3}`:                `has the type "progres"`,
		`{"step":3,"losses":{"loss":1}}`:             `no field "type"`,
		`{"type":3,"step":3}`:                        "not valid JSON",
		`{"metrics":{"score":1}}`:                    `no field "type"`,
		`{"type":"started","step":0,"more":{"a":1}}`: "",
	} {
		if want == "" {
			require.Empty(t, oddity(line, false), line)
		} else {
			require.Contains(t, oddity(line, false), want, line)
		}
	}
	require.Contains(t, oddity(`{"type":"done","step":3}`, true), "standard error")

	require.Contains(t, plainOddity("Step 3 loss 0.5"), "without = or :")
	require.Empty(t, plainOddity("step=3 loss: 0.5"))
	require.Empty(t, plainOddity("a step forward, no loss"))
}

func FuzzOddity(f *testing.F) {
	for _, seed := range []string{`{"type":"progress"}`, `{'type': 1}`, `{"type":{}}`, "{", "loss 1", "\xff{\"type\":\"\xff\"}"} {
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, line string, stderr bool) {
		for _, why := range []string{oddity(line, stderr), plainOddity(line)} {
			require.Less(t, len(why), 1000, "a finding is short")
			require.True(t, utf8.ValidString(why) || !utf8.ValidString(line))
		}
	})
}

// TestAbout checks which check a failure of the adapter is about, whatever the program printed.
func TestAbout(t *testing.T) {
	for failure, want := range map[string]string{
		"the program has not reported score, which the spec names (reported: none)":                           Metrics,
		"a message breaks the protocol: losses has 1001 names (valid: at most 32). The line is:\n{checkpoint": Loss,
		"the checkpoint of step 3: there is no folder /x":                                                     Checkpoints,
		"a message breaks the protocol: step is 3 after step 9 was reported":                                  Progress,
		"a message breaks the protocol: NaN and Infinity are not JSON":                                        Messages,
		"the program ended with exit code 1 and without a last message; its last output:\ncheckpoint: 400":    Done,
	} {
		require.Equal(t, want, about(failure), failure)
	}
}
