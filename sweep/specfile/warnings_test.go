package specfile

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep/spectest"
)

// What needs the null label is warned of where no sample trains with it.
func TestWarnings(t *testing.T) {
	const kept, unguided = "train: {steps: 600, label_dropout: 0}", "evaluate: {samples_per_class: 100, guidance: [0]}"
	for name, c := range map[string]struct {
		lines []string
		uses  string
	}{
		"the default":          {nil, ""},
		"everything":           {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {min: 0.0, max: 1.0}, alignment.weight: {value: 1}}"}, "guidance, infonce (infonce.pass uncond), alignment"},
		"guidance":             {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 0}}"}, "guidance"},
		"none of it":           {[]string{kept, unguided, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 0}}"}, ""},
		"the other pass":       {[]string{kept, unguided, "parameters: {lr: {values: [1e-4, 1e-3]}, infonce.weight: {value: 1}, infonce.pass: {value: cond}}"}, ""},
		"guidance is searched": {[]string{kept, "evaluate: {samples_per_class: 100}", "parameters: {lr: {values: [1e-4, 1e-3]}, guidance: {min: 0.0, max: 2.0}}"}, "guidance"},
		"dropout is searched":  {[]string{kept, "parameters: {lr: {values: [1e-4, 1e-3]}, label_dropout: {values: [0, 0.1]}}"}, ""},
		"dropout is never":     {[]string{"parameters: {lr: {values: [1e-4, 1e-3]}, label_dropout: {value: 0}}"}, "guidance"},
	} {
		t.Run(name, func(t *testing.T) {
			warnings := Warnings(mustParse(t, spectest.With(c.lines...)))
			if c.uses == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], "train.label_dropout is 0")
			require.Contains(t, warnings[0], "is used by "+c.uses+": ")
		})
	}
}
