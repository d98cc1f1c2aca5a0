package steering

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// Every command of the state machine can be written, and no other.
func TestVerbsAreThoseOfTheMachine(t *testing.T) {
	var written, known []string
	for _, v := range Verbs() {
		written = append(written, v.Name)
	}
	for _, v := range conduct.CommandTypes() {
		known = append(known, v.Name)
	}
	require.Equal(t, known, written)
}

func TestParse(t *testing.T) {
	dir := t.TempDir()
	points := filepath.Join(dir, "points.yaml")
	require.NoError(t, os.WriteFile(points, []byte("# two\n- {infonce.weight: 3e-1, infonce.pass: cond}\n- infonce.weight: 0\n"), 0o600))
	spec := filepath.Join(dir, "spec.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(spectest.With()), 0o600))
	edited, _, err := (&cli.App{}).ReadSpec(spec)
	require.NoError(t, err)
	amount := func(x float64, add bool) *conduct.Amount { return &conduct.Amount{Value: x, Add: add} }
	for text, want := range map[string]conduct.Command{
		"pause": {},
		"stop --reason 'two words, and \"quotes\"'":                {Reason: `two words, and "quotes"`},
		"extend --trials +20 --gpu-hours 12.5 --wall-clock +1h30m": {Extend: &conduct.Extension{RunCap: amount(20, true), GPUHours: amount(12.5, false), WallClock: amount(5400, true)}},
		"extend --trials=40 --reason more":                         {Reason: "more", Extend: &conduct.Extension{RunCap: amount(40, false)}},
		"set --concurrency 8 --priority 3":                         {Set: &conduct.Changes{Concurrency: new(8), Priority: new(3)}},
		"set --description ''":                                     {Set: &conduct.Changes{Description: new("")}},
		"edit " + spec:                                             {Spec: edited},
		"enqueue --param infonce.weight=0.3 --param infonce.pass=cond": {
			Points: []sweep.Params{{"infonce.weight": sweep.Number(0.3), "infonce.pass": sweep.Word("cond")}}},
		"enqueue --file " + points:   {Points: []sweep.Params{{"infonce.weight": sweep.Number(0.3), "infonce.pass": sweep.Word("cond")}, {"infonce.weight": sweep.Number(0)}}},
		"enqueue --param weight=abc": {Points: []sweep.Params{{"weight": sweep.Word("abc")}}}, // the sweep knows what is valid
		"retry 3 1":                  {Trials: []int{3, 1}},
		"pin 0":                      {Trials: []int{0}},
	} {
		name, c, err := Parse(&cli.App{}, text)
		require.NoError(t, err, text)
		require.Equal(t, strings.Fields(text)[0], name)
		require.Equal(t, want, c, text)
	}
}

func TestParseRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		f, err := os.CreateTemp(dir, "points")
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		return f.Name()
	}
	for text, want := range map[string]string{
		"":                        `unknown command "" (valid: pause, resume, stop, `,
		"halt":                    `unknown command "halt"`,
		"pause 'now":              "EOF",
		"pause now":               "pause takes one sweep, not 2 arguments;",
		"extend":                  "extend: nothing to extend (valid: --trials, ",
		"extend --trials 2.5":     `"2.5" for "--trials" flag: valid: +20, or 40 in all`,
		"extend --trials ++2":     `"++2" for "--trials" flag`,
		"extend --trials +0":      `"+0" for "--trials" flag`,
		"extend --trials -5":      `"-5" for "--trials" flag`,
		"extend --gpu-hours NaN":  `"NaN" for "--gpu-hours" flag`,
		"extend --gpu-hours +Inf": `"+Inf" for "--gpu-hours" flag`,
		"extend --wall-clock 24":  `"24" for "--wall-clock" flag: valid: +24h, or 36h in all`,
		"set":                     "set: nothing to set (valid: --concurrency, ",
		"set --concurrency 0":     "valid: 1 to 1000",
		"set --concurrency abc":   "not a whole number (valid: 1 to 1000)",
		"set --priority 1.5":      "not a whole number (valid: 1 to 5)",
		"set --concurrency +2":    "the number itself, without + (valid: 1 to 1000)",
		"set --priority 9":        "valid: 1 to 5",
		"edit":                    "edit takes one sweep and one spec,",
		"edit /no/such.yaml":      "edit: read the file",
		"enqueue":                 "enqueue: give one configuration by --param",
		"enqueue --param weight":  `enqueue: --param "weight" (valid: NAME=VALUE`,
		"enqueue --param infonce.weight=1 --param infonce.weight=2": "infonce.weight is given twice",
		"enqueue --param infonce.weight=1 --file x":                 "give one configuration by --param",
		"enqueue --file " + write("a: 1"):                           "not a list of configurations",
		"enqueue --file " + write("[]"):                             "not a list of configurations",
		"enqueue --file " + write("- 3"):                            ":1:3: [0]: is not a configuration",
		"enqueue --file " + write("- a: 1\n- {a: [1]}"):             ":2:4: [1].a: is not a value of a parameter (a list; valid: a number or a word)",
		"enqueue --file " + write(strings.Repeat("#", 70<<10)):      "the file has 71680 bytes",
		"retry":     "retry takes one sweep and its trials,",
		"retry one": `"one" is not a trial number`,
		"pin 1 1":   "pin: trial 1 is given twice",
		"stop --reason " + strings.Repeat("x", conduct.ReasonLimit+1): "stop: --reason has 1025 bytes (valid: up to 1024)",
	} {
		_, _, err := Parse(&cli.App{}, text)
		require.ErrorContains(t, err, want, text)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(err), text)
	}
}
