package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// resultLost is what follows once a result is put aside.
const resultLost = "the trial then counts as lost"

// checkResults compares the results with the ledger.
func (c *checker) checkResults(ctx context.Context) error {
	if c.chain == nil {
		c.found("results", LevelNotice, "", "", "not compared: the ledger is damaged")
		return nil
	}
	results, err := c.results(ctx)
	if err != nil {
		return err
	}
	faults, without := 0, 0
	for _, t := range c.chain.trials {
		key, err := trialKey(c.name, t.Number, resultName)
		if err != nil {
			return err
		}
		line, err := encodeTrial(t)
		if err != nil {
			return err
		}
		r, ok := results[t.Number]
		ok = ok && !errors.Is(r.err, store.ErrNotFound)
		wrong, what := "", "rewrites it from the ledger"
		switch {
		case !ok && (t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled):
			without++ // the trial ended without publishing a result
			continue
		case !ok:
			r.key, r.err, wrong = key, store.ErrNotFound, "it is missing"
		case r.fault != nil:
			wrong = r.fault.Error()
		case !c.same(r, t, line):
			wrong = fmt.Sprintf("it differs from the ledger, whose segment %d has trial %d", c.chain.segmentOf[t.Number], t.Number)
		default:
			continue
		}
		faults++
		c.fault("results", key, what, c.rewrite(r.stored, seal(digestOf(line), line), "written anew from the ledger"), "%s", wrong)
	}
	var waiting []int
	for _, n := range slices.Sorted(maps.Keys(results)) {
		if _, ok := c.chain.segmentOf[n]; ok {
			continue
		}
		switch r := results[n]; {
		case errors.Is(r.err, store.ErrNotFound): // put aside before
			continue
		case r.fault != nil:
			faults++
			c.fault("results", r.key, "puts it aside: "+resultLost, c.putAside(r.stored, false, resultLost), "%v", r.fault)
			continue
		}
		if !c.counts(n) {
			waiting = append(waiting, n)
		}
	}
	missing, lost := c.uncounted(results)
	faults += len(missing) + len(lost)
	const found = "the ledger does not have %s, which the sweep counts as finished"
	if len(missing) > 0 {
		if trials := text.Trials(missing, mostNumbers); c.ended() {
			c.fault("ledger", "", "appends a segment with their results", c.appendCounted(results), found, trials)
		} else {
			c.found("ledger", LevelFault, "", fmt.Sprintf("`tailsweep stop %s`, then `tailsweep doctor %[1]s --repair` appends a segment with their results", c.name), found, trials)
		}
	}
	if len(lost) > 0 {
		c.found("ledger", LevelFault, "", "restore the ledger from a backup: without a result they cannot be rebuilt",
			found, text.Trials(lost, mostNumbers))
	}
	switch p := c.o.Progress; {
	case len(waiting) == 0:
	case p != nil && p.EndedAt != nil:
		c.found("results", LevelNotice, "", "", "the ledger does not have the results of the trials %v: the sweep ended without them", text.Numbers(waiting, mostNumbers))
	default:
		c.found("results", LevelNotice, "", "", "the ledger does not have the results of the trials %v yet", text.Numbers(waiting, mostNumbers))
	}
	if faults == 0 {
		note := ""
		if without > 0 {
			note = fmt.Sprintf("; %s published none", english.Plural(without, "failed or cancelled trial", ""))
		}
		c.found("results", LevelOK, "", "", "%s verified against the ledger%s", english.Plural(len(c.chain.trials)-without, "result", ""), note)
	}
	return nil
}

// result is the stored result of a trial.
type result struct {
	stored
	trial sweep.Trial
}

// results reads all results; one that is damaged has a fault.
func (c *checker) results(ctx context.Context) (map[int]result, error) {
	numbers := slices.Sorted(maps.Keys(c.trials))
	keys := make([]string, len(numbers))
	for i, n := range numbers {
		keys[i] = c.key(trialRest(n, resultName))
	}
	all, err := c.readAll(ctx, keys, maxResult+maxSeal)
	if err != nil {
		return nil, err
	}
	results := make(map[int]result, len(all))
	for i, s := range all {
		r := result{stored: s}
		if s.err == nil {
			r.trial, s.err = decodeResult(s.data)
			if s.err == nil && r.trial.Number != numbers[i] {
				s.err = fmt.Errorf("it is of trial %d", r.trial.Number)
			}
		}
		if s.err != nil {
			r.fault = damaged("the result of a trial", "it cannot be read: %v", s.err)
		}
		results[numbers[i]] = r
	}
	return results, nil
}

// mostNumbers is how many trials a finding lists.
const mostNumbers = 10

// same reports whether the ledger's line of a trial is its result as the sweep takes it:
// with the gates of the spec that was in force when it arrived.
func (c *checker) same(r result, t sweep.Trial, line []byte) bool {
	r.trial.Gates = t.Gates
	for _, spec := range []*sweep.Spec{nil, c.spec, c.inForce()} {
		taken := r.trial
		if spec != nil {
			taken = conduct.Checked(spec, taken)
		}
		if text, err := encodeTrial(taken); err == nil && bytes.Equal(text, line) {
			return true
		}
	}
	return false
}

// checkPointer compares the pointer with the ledger.
func (c *checker) checkPointer(ctx context.Context) error {
	if c.chain == nil || c.spec == nil {
		return nil // it is checked once the ledger is repaired
	}
	s, err := c.read(ctx, c.key(bestName), maxPointer)
	if err != nil {
		return err
	}
	var best Best
	wrong := ""
	switch {
	case errors.Is(s.err, store.ErrNotFound) && c.inForce() != nil && len(c.best()) == 0:
		c.found("pointer", LevelOK, "", "", "none: no completed trial has a checkpoint")
		return nil
	case errors.Is(s.err, store.ErrNotFound):
		wrong = "it is missing"
	case s.err != nil:
		wrong = s.err.Error()
	default:
		if err := json.Unmarshal(s.data, &best); err != nil {
			wrong = "it cannot be read: " + err.Error()
		}
	}
	for _, t := range best.Trials {
		i := slices.IndexFunc(c.chain.trials, func(o sweep.Trial) bool { return o.Number == t.Number })
		switch {
		case i < 0:
			wrong = fmt.Sprintf("it names trial %d, which the ledger does not have", t.Number)
		case c.chain.trials[i].Checkpoint != t.Checkpoint:
			wrong = fmt.Sprintf("its checkpoint of trial %d differs from the ledger's", t.Number)
		case !sameResult(c.chain.trials[i], t):
			wrong = fmt.Sprintf("its result of trial %d differs from the ledger's", t.Number)
		case t.Checkpoint != "" && !c.folders[t.Checkpoint][checkpoint.ManifestName]:
			c.found("pointer", LevelFault, t.Checkpoint, "", "the pointer names this checkpoint of trial %d, which is lost", t.Number)
		}
	}
	if wrong != "" && c.inForce() == nil {
		c.found("pointer", LevelFault, s.key, "the sweep moves it when a better trial ends, or once a command continues it",
			"%s; it cannot be rebuilt, since the spec that ranks the trials is not known: the command log lacks %s", wrong, c.specLost)
		return nil
	}
	if wrong != "" {
		c.fault("pointer", s.key, "points at the best trials of the ledger whose checkpoints are there", c.rebuildPointer(s), "%s", wrong)
		return nil
	}
	c.found("pointer", LevelOK, "", "", "it names %s", text.Trials(numbersIn(best.Trials), mostNumbers))
	return nil
}

// sameResult compares a trial of the ledger with one of the pointer, which leaves out reasons
// and, after a change of the spec, has other gates.
func sameResult(a, b sweep.Trial) bool {
	a.Reason, b.Reason = sweep.Reason{}, sweep.Reason{}
	a.Gates, b.Gates = nil, nil
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}

func numbersIn(trials []sweep.Trial) []int {
	numbers := make([]int, len(trials))
	for i, t := range trials {
		numbers[i] = t.Number
	}
	return numbers
}

// best returns the leading trials of the ledger whose checkpoints are there, best first.
func (c *checker) best() []sweep.Trial {
	spec := c.inForce()
	if len(spec.Metrics) == 0 {
		return nil // not a spec that can have run
	}
	var kept []sweep.Trial
	order, _ := conduct.Order(spec, slices.Clone(c.chain.trials), numbersIn(c.chain.trials))
	for _, n := range order {
		if len(kept) == spec.Checkpoints.SaveSweepBest {
			break
		}
		t := c.chain.trials[slices.IndexFunc(c.chain.trials, func(t sweep.Trial) bool { return t.Number == n })]
		t.Reason = sweep.Reason{Sampler: t.Reason.Sampler}
		if c.folders[t.Checkpoint][checkpoint.ManifestName] {
			kept = append(kept, t)
		}
	}
	return kept
}
