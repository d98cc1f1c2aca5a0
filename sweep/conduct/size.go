package conduct

import (
	"encoding/json"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Temporal refuses payloads above 2 MiB, and large ones make histories slow. With these
// limits, in bytes of JSON, payloads stay below 256 KiB; a State alone may be larger (see doc.go).
const (
	TrialLimit   = 64 << 10  // a trial
	PayloadLimit = 160 << 10 // the trials or entries that an action or a completion carries
	saveLimit    = 248 << 10 // the entries and the state of a Save; the rest is for its other fields
	textLimit    = 2 << 10   // a text of a trial that is too large
)

// SizeOf returns the bytes of JSON of a State or a part of it.
func SizeOf(v any) int {
	//workflowcheck:ignore
	data, err := json.Marshal(v) // writes the keys of maps in order
	if err != nil {
		panic("conduct: a value that cannot be written: " + err.Error()) // only a number that is not finite; results have none
	}
	return len(data)
}

// fitting returns how many of the first items fit into a payload, at least one.
func fitting[T any](items []T) (n int) {
	if len(items) < 2 {
		return len(items)
	}
	size := 0
	for _, item := range items {
		if size += SizeOf(item); n > 0 && size > PayloadLimit {
			break
		}
		n++
	}
	return n
}

// Bounded returns a trial that has at most TrialLimit bytes. It shortens the texts of a
// larger one; if that does not suffice, the trial counts as failed and its results are
// left out.
func Bounded(t sweep.Trial) sweep.Trial {
	if SizeOf(t) <= TrialLimit {
		return t
	}
	if t.Error != nil {
		t.Error = &sweep.Failure{Class: t.Error.Class, Message: text.Clip(t.Error.Message, textLimit)}
	}
	t.Reason = sweep.Reason{Sampler: t.Reason.Sampler, Note: text.Clip(t.Reason.Note, textLimit)}
	t.Limit = text.Clip(t.Limit, textLimit)
	size := SizeOf(t)
	if size <= TrialLimit {
		return t
	}
	t.Status, t.Evaluation, t.Gates, t.Rungs, t.Limit, t.Builds = sweep.StatusFailed, sweep.Evaluation{}, nil, nil, "", nil
	t.Error = &sweep.Failure{Class: sweep.FailBadData, Message: fmt.Sprintf(
		"the result of trial %d has %d bytes; a result can have %d: evaluate fewer metrics or rungs (evaluate, early_terminate)", t.Number, size, TrialLimit)}
	return t
}
