// Package machine has the verbs about workers, trainings by hand, datasets and this
// machine.
package machine
