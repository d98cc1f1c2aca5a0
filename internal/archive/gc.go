package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Workflows says which workflows run.
type Workflows interface {
	// Progress returns the progress of a sweep whose workflow runs, nil if it has ended. The
	// error of a sweep that Temporal does not know wraps activities.ErrNoExecution.
	Progress(ctx context.Context, name string) (*conduct.Progress, error)
	// TrialRuns reports whether the workflow of a trial runs.
	TrialRuns(ctx context.Context, name string, trial int) (bool, error)
}

// GarbageKind is what an object that nothing needs is part of.
type GarbageKind string

// The kinds.
const (
	GarbageOvertaken GarbageKind = "checkpoint"        // of a finished trial, not kept by the sweep
	GarbageOrphan    GarbageKind = "orphan checkpoint" // of a trial that neither runs nor has a result
	GarbagePartial   GarbageKind = "partial upload"    // a checkpoint without a manifest
	GarbageGrid      GarbageKind = "orphan grid"
	GarbageLog       GarbageKind = "orphan log"
	GarbageCurve     GarbageKind = "orphan curve"
)

// GarbageKinds lists the kinds.
func GarbageKinds() []GarbageKind {
	return []GarbageKind{GarbageOvertaken, GarbageOrphan, GarbagePartial, GarbageGrid, GarbageLog, GarbageCurve}
}

// Garbage is something in the store that nothing needs: a checkpoint, or an object.
type Garbage struct {
	Kind    GarbageKind `json:"kind"`
	Key     string      `json:"key"` // of a checkpoint's folder, or of the object
	Trial   int         `json:"trial"`
	Objects int         `json:"objects"`
	Bytes   int64       `json:"bytes"`
}

const (
	// partialAge is the age from which a checkpoint without a manifest counts as an
	// interrupted upload.
	partialAge = 24 * time.Hour

	// quietAge is how long nothing must have been written for a sweep that Temporal does not
	// know before it counts as ended: it may run on another Temporal.
	quietAge = 24 * time.Hour
)

// UnknownError means that Temporal does not know a sweep for which something was written
// lately.
type UnknownError struct {
	Name  string
	Newer time.Time // when
}

// Error implements error.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("Temporal does not know sweep %s, but one of its objects was written at %s: if it runs on another Temporal or namespace, connect to that "+
		"(--address, --namespace); otherwise try again %s after that", e.Name, e.Newer.UTC().Format(time.RFC3339), quietAge)
}

// CheckKnown returns an *UnknownError for a sweep that Temporal does not know and that may
// run on another one. newest is when something was last written for it.
func CheckKnown(name string, newest, now time.Time) error {
	if now.Sub(newest) < quietAge {
		return &UnknownError{Name: name, Newer: newest}
	}
	return nil
}

// GarbageOptions say what a caller of Garbage knows.
type GarbageOptions struct {
	Now          time.Time
	PinsComplete bool // the pins are as the user wants them, though some may have been lost: no *PinsError
}

// PinsError means that it is not known which trials of a sweep are pinned.
type PinsError struct {
	Name string
	Why  string
}

// Error implements error.
func (e *PinsError) Error() string {
	return fmt.Sprintf("which trials of sweep %s are pinned is not known, since %s: pin the trials whose checkpoints are to be kept again "+
		"(`tailsweep pin %[1]s TRIAL`), then run `tailsweep gc %[1]s --pins-are-complete`", e.Name, e.Why)
}

// Garbage lists what nothing needs of a sweep, by key. It keeps what belongs to trials
// that run or that a command could continue, what the pointer names, the checkpoints of
// leaders and of pinned trials, and the last checkpoint of a trial that failed, was
// cancelled or ran out of time. An error means that this is not known, as with a damaged
// ledger.
func (a *Archive) Garbage(ctx context.Context, name string, w Workflows, o GarbageOptions) ([]Garbage, error) {
	// The order counts: a trial whose objects are listed had started, so the sweep counts
	// it as running afterwards, or the ledger has it.
	trials, newest, err := a.trialObjects(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := w.Progress(ctx, name)
	if errors.Is(err, activities.ErrNoExecution) {
		err = CheckKnown(name, newest, o.Now)
	}
	if err != nil {
		return nil, err
	}
	if !o.PinsComplete {
		if err := a.checkPins(ctx, name, p != nil); err != nil {
			return nil, err
		}
	}
	k, err := a.needs(ctx, name, p)
	if err != nil {
		return nil, err
	}
	garbage := make([]Garbage, 0)
	for _, number := range slices.Sorted(maps.Keys(trials)) {
		t := trials[number]
		finished := k.finished[number] || t.result
		if k.running[number] || k.needsAll(t, finished) {
			continue
		}
		runs, err := w.TrialRuns(ctx, name, number)
		if err != nil {
			return nil, err
		}
		if !runs {
			garbage = append(garbage, k.of(t, finished, o.Now)...)
		}
	}
	slices.SortFunc(garbage, func(a, b Garbage) int { return cmp.Compare(a.Key, b.Key) })
	return garbage, nil
}

// neededFor is how long a look at what a sweep needs counts while its garbage is removed.
const neededFor = time.Second

// Collect removes what Garbage has listed of a sweep, a checkpoint's manifest first, and
// returns what it has removed. It leaves what the sweep needs meanwhile, as after a pin or a
// command that continues it. It may be ended at any step: what is left is garbage too, a
// partial upload. owner is the identity that the sweep had before Garbage: once the name has
// another one, nothing is removed.
func (a *Archive) Collect(ctx context.Context, name string, owner sweep.Identity, garbage []Garbage, w Workflows) (removed []Garbage, err error) {
	own := a.fenced(func(ctx context.Context, name string) error { return a.stillHeld(ctx, name, owner) })
	var needed needs
	var looked time.Time
	for _, g := range garbage {
		if time.Since(looked) >= neededFor {
			p, err := w.Progress(ctx, name)
			if err == nil || errors.Is(err, activities.ErrNoExecution) {
				needed, err = a.needs(ctx, name, p)
			}
			if err != nil {
				return removed, err
			}
			looked = time.Now()
		}
		if needed.running[g.Trial] || needed.checkpoints[g.Key] {
			continue
		}
		switch g.Kind {
		case GarbageOvertaken, GarbageOrphan, GarbagePartial:
			err = own.Remove(ctx, g.Key)
		default:
			err = own.store.Delete(ctx, g.Key)
		}
		if err != nil {
			return removed, err
		}
		removed = append(removed, g)
	}
	return removed, nil
}

// trialObjects is what the store has of a trial.
type trialObjects struct {
	number      int
	result      bool
	checkpoints map[string]*storedCheckpoint // by key
	others      []Garbage                    // grid, logs and curves
}

type storedCheckpoint struct {
	complete bool // it has a manifest
	objects  int
	bytes    int64
	newest   time.Time
}

// trialObjects lists what the store has of each trial. newest is when the last of it was
// written.
func (a *Archive) trialObjects(ctx context.Context, name string) (trials map[int]*trialObjects, newest time.Time, err error) {
	prefix, err := sweepKey(name, "")
	if err != nil {
		return nil, newest, err
	}
	trials = map[int]*trialObjects{}
	for info, err := range a.store.List(ctx, prefix+"trials/") {
		if err != nil {
			return nil, newest, err
		}
		if info.Modified.After(newest) {
			newest = info.Modified
		}
		parts := trialObject.FindStringSubmatch(strings.TrimPrefix(info.Key, prefix))
		if parts == nil {
			continue // not made by tailsweep
		}
		number, err := strconv.Atoi(parts[1])
		if err != nil {
			continue
		}
		if parts[2] == resultName && isMoved(info) {
			_, ok, err := a.Result(ctx, name, number)
			if err != nil {
				return nil, newest, err
			}
			if !ok {
				continue
			}
		}
		if trials[number] == nil {
			trials[number] = &trialObjects{number: number, checkpoints: map[string]*storedCheckpoint{}}
		}
		trials[number].add(info, parts[2], parts[3])
	}
	return trials, newest, nil
}

// add notes an object; path is its key below the trial, file the end of it below the
// attempt.
func (t *trialObjects) add(info store.Info, path, file string) {
	other := Garbage{Key: info.Key, Trial: t.number, Objects: 1, Bytes: info.Size}
	switch {
	case path == resultName:
		t.result = true
		return
	case path == GridName:
		other.Kind = GarbageGrid
	case file == logName:
		other.Kind = GarbageLog
	case file == checkpoint.CurveName:
		other.Kind = GarbageCurve
	default:
		key, path, ok := inCheckpoint(info.Key)
		if !ok {
			return
		}
		c := t.checkpoints[key]
		if c == nil {
			c = &storedCheckpoint{}
			t.checkpoints[key] = c
		}
		c.complete = c.complete || path == checkpoint.ManifestName
		c.objects++
		c.bytes += info.Size
		if info.Modified.After(c.newest) {
			c.newest = info.Modified
		}
		return
	}
	t.others = append(t.others, other)
}

// needs is what a sweep needs.
type needs struct {
	running     map[int]bool    // trials that run, or that a command could continue
	finished    map[int]bool    // trials of the ledger
	checkpoints map[string]bool // by key
}

// needs returns what a sweep needs by its progress; nil: by what it has stored.
func (a *Archive) needs(ctx context.Context, name string, p *conduct.Progress) (needs, error) {
	n := needs{running: map[int]bool{}, finished: map[int]bool{}, checkpoints: map[string]bool{}}
	kept := map[int]bool{}
	keep := func(numbers []int) {
		for _, number := range numbers {
			kept[number] = true
		}
	}
	var running []conduct.Running
	switch {
	case p == nil:
		restored, err := a.restored(ctx, name)
		if err != nil {
			return n, err
		}
		st := restored.State
		running = st.Running
		keep(slices.Concat(numbersIn(st.Leaders), numbersIn(st.Gated), st.Pinned))
	case p.Kept == nil:
		return n, fmt.Errorf("sweep %s: the worker that answers for it is of an older build, which does not say what it keeps", name)
	default:
		running = p.Running
		keep(slices.Concat(p.Kept, p.Pinned))
	}
	for _, r := range running {
		n.running[r.Number] = true
	}
	ledger, _, err := a.allOfLedger(ctx, name)
	if err != nil {
		return n, err
	}
	for _, t := range ledger {
		n.finished[t.Number] = true
		ended := t.Status == sweep.StatusCompleted || t.Status == sweep.StatusStopped && t.Limit == ""
		if t.Checkpoint != "" && (kept[t.Number] || !ended) {
			n.checkpoints[t.Checkpoint] = true
		}
	}
	best, _, err := a.Best(ctx, name)
	if err != nil {
		return n, err
	}
	for _, t := range best.Trials {
		n.checkpoints[t.Checkpoint] = true
	}
	return n, nil
}

// checkPins returns a *PinsError if it is not known which trials of a sweep are pinned: its
// state is or was lost, and the command log, which then has the pins, lacks entries; or it lacks
// entries after the state of a sweep that does not run.
func (a *Archive) checkPins(ctx context.Context, name string, runs bool) error {
	log, err := a.commandLog(ctx, name)
	if err != nil || len(log.lost) == 0 {
		return err
	}
	var st *conduct.State
	if !runs {
		if st, err = a.state(ctx, name); err != nil {
			return err
		}
	}
	if log.stateAside || !runs && st == nil {
		return &PinsError{name, fmt.Sprintf("its %s was damaged or is missing, and its command log lacks %s", stateName, text.List(log.lost.texts(), mostEntries))}
	}
	if lost := log.lost.after(lastIn(st)); !runs && len(lost) > 0 {
		return &PinsError{name, fmt.Sprintf("its command log lacks %s, and its %s is older", text.List(lost.texts(), mostEntries), stateName)}
	}
	return nil
}

// mostEntries is how many lost entries of a command log a text names.
const mostEntries = 5

// needsAll reports whether nothing of a trial is garbage, whatever runs.
func (n needs) needsAll(t *trialObjects, finished bool) bool {
	for key, c := range t.checkpoints {
		if !c.complete || !n.checkpoints[key] {
			return false
		}
	}
	return finished || len(t.others) == 0
}

// of lists the garbage of a trial that does not run.
func (n needs) of(t *trialObjects, finished bool, now time.Time) []Garbage {
	var garbage []Garbage
	for key, c := range t.checkpoints {
		g := Garbage{Kind: GarbageOrphan, Key: key, Trial: t.number, Objects: c.objects, Bytes: c.bytes}
		switch {
		case n.checkpoints[key]:
			continue
		case !c.complete && now.Sub(c.newest) < partialAge:
			continue
		case !c.complete:
			g.Kind = GarbagePartial
		case n.finished[t.number]:
			g.Kind = GarbageOvertaken
		case finished: // published, and the ledger does not have it: `trials` lists it
			continue
		}
		garbage = append(garbage, g)
	}
	if !finished {
		garbage = append(garbage, t.others...)
	}
	return garbage
}
