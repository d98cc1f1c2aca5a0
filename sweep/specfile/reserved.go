package specfile

import (
	"slices"
	"strings"
)

// Fields and words of the design that this version does not have. A spec that uses one
// is refused as "not supported by this version" instead of "unknown".

// reservedField reports whether a later version will have the field at p.
func reservedField(p path) bool {
	return slices.Contains([]path{
		"baseline.repeats",
		"checkpoints.save_trial_best",
		"checkpoints.save_trial_latest",
		"resources.slots_per_trial",
	}, p)
}

// reservedWord reports whether a later version will accept word in the field at p.
func reservedWord(p path, word string) bool {
	return strings.HasSuffix(string(p), ".distribution") &&
		slices.Contains([]string{"beta", "inv_log_uniform_values", "probabilities", "q_beta", "q_log_normal", "q_normal"}, word)
}
