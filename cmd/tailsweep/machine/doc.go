// Package machine has the verbs about workers, datasets and this machine, and those that
// train and evaluate from the command line, without a sweep.
package machine
