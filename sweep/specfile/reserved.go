package specfile

import (
	"slices"
	"strings"
)

// Parts of the design that this version does not have. Naming one is answered
// "not supported by this version" instead of "unknown".

// reservedField reports whether a later version will have the field at path.
func reservedField(path string) bool {
	return slices.Contains([]string{
		"baseline.repeats",
		"checkpoints.save_trial_best",
		"checkpoints.save_trial_latest",
		"dataset.groups",
		"resources.slots_per_trial",
	}, path)
}

// reservedWord reports whether a later version will accept word in the field at path.
func reservedWord(path, word string) bool {
	return strings.HasSuffix(path, ".distribution") &&
		slices.Contains([]string{"beta", "inv_log_uniform_values", "probabilities", "q_beta", "q_log_normal", "q_normal"}, word)
}
