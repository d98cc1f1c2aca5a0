package archive

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
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

// Garbage lists what nothing needs of a sweep, by key. It keeps what belongs to trials
// that run or that a command could continue, what the pointer names, the checkpoints of
// leaders and of pinned trials, and the last checkpoint of a trial that failed, was
// cancelled or ran out of time. An error means that this is not known, as with a damaged
// ledger.
func (a *Archive) Garbage(ctx context.Context, name string, w Workflows, now time.Time) ([]Garbage, error) {
	// The order counts: a trial whose objects are listed had started, so the sweep counts
	// it as running afterwards, or the ledger has it.
	trials, newest, err := a.trialObjects(ctx, name)
	if err != nil {
		return nil, err
	}
	p, err := w.Progress(ctx, name)
	if errors.Is(err, activities.ErrNoExecution) {
		err = CheckKnown(name, newest, now)
	}
	if err != nil {
		return nil, err
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
			garbage = append(garbage, k.of(t, finished, now)...)
		}
	}
	slices.SortFunc(garbage, func(a, b Garbage) int { return cmp.Compare(a.Key, b.Key) })
	return garbage, nil
}

// Collect removes what Garbage has listed, a checkpoint's manifest first. It may be ended
// at any step: what is left is garbage too, a partial upload. owner is the identity that the
// sweep had before Garbage: once the name has another one, nothing is removed.
func (a *Archive) Collect(ctx context.Context, owner sweep.Identity, garbage []Garbage) error {
	own := a.fenced(func(ctx context.Context, name string) error { return a.stillHeld(ctx, name, owner) })
	for _, g := range garbage {
		switch g.Kind {
		case GarbageOvertaken, GarbageOrphan, GarbagePartial:
			if err := own.Remove(ctx, g.Key); err != nil {
				return err
			}
		default:
			if err := own.store.Delete(ctx, g.Key); err != nil {
				return err
			}
		}
	}
	return nil
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
		return n, fmt.Errorf("archive: sweep %s: the worker that answers for it is of an older build, which does not say what it keeps", name)
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

// NeededError means that other sweeps need a sweep.
type NeededError struct {
	Name string
	By   []string
}

// Error implements error.
func (e *NeededError) Error() string {
	return fmt.Sprintf("sweep %s is needed by %s, whose specs name it in from: remove those first", e.Name, strings.Join(e.By, ", "))
}

// CheckUnneeded returns a *NeededError if the spec of another sweep names this one.
func (a *Archive) CheckUnneeded(ctx context.Context, name string) error {
	needed := &NeededError{Name: name}
	for other, err := range a.store.Folders(ctx, sweepsPrefix) {
		if err != nil {
			return err
		}
		if other == name || !validName.MatchString(other) {
			continue
		}
		from, err := a.from(ctx, other)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("archive: whether sweep %s needs %s is not known (`tailsweep doctor %s` checks it): %w", other, name, other, err)
		}
		if slices.Contains(from, name) {
			needed.By = append(needed.By, other)
		}
	}
	if len(needed.By) > 0 {
		return needed
	}
	return nil
}

// Removal is what there is to remove of a sweep.
type Removal struct {
	Objects int
	Bytes   int64
	Newest  time.Time      // when the last of it was written
	Owner   sweep.Identity // has no ID if there is no reservation that can be read
	phases  [removalPhases][]string
}

// The phases of a removal, in order. Up to the last one the ledger can be read, and a
// checkpoint is complete or absent.
const (
	removePointer   = iota
	removeManifests // the other files are then no checkpoint
	removeFiles
	removePacks
	removeSegments // the last one first
	removeResults
	removeState
	removeYAML
	removeSpec // the name is free, and a removal that was interrupted is not found before
	removalPhases
)

// Removal lists everything that is stored of a sweep. Without anything the error wraps
// store.ErrNotFound.
func (a *Archive) Removal(ctx context.Context, name string) (*Removal, error) {
	prefix, err := sweepKey(name, "")
	if err != nil {
		return nil, err
	}
	r := &Removal{}
	if r.Owner, err = a.holder(ctx, name); err != nil {
		return nil, err
	}
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		r.Objects++
		r.Bytes += info.Size
		if info.Modified.After(r.Newest) {
			r.Newest = info.Modified
		}
		phase := removalPhase(name, info.Key, strings.TrimPrefix(info.Key, prefix))
		r.phases[phase] = append(r.phases[phase], info.Key)
	}
	if r.Objects == 0 {
		return nil, fmt.Errorf("archive: sweep %s: %w", name, store.ErrNotFound)
	}
	slices.Reverse(r.phases[removeSegments])
	return r, nil
}

// removalPhase returns when an object is removed; rest is its key below the sweep.
func removalPhase(name, key, rest string) int {
	_, isSegment := parseSegmentKey(name, key)
	_, _, isPack := parsePackKey(name, key)
	_, _, isManifest := completeCheckpoint(key)
	switch {
	case isSegment:
		return removeSegments
	case isPack:
		return removePacks
	case isManifest:
		return removeManifests
	case rest == bestName:
		return removePointer
	case rest == stateName, strings.HasPrefix(rest, commandsFolder):
		return removeState
	case rest == yamlName:
		return removeYAML
	case rest == specName:
		return removeSpec
	case strings.HasPrefix(rest, "trials/") && strings.HasSuffix(rest, "/"+resultName):
		return removeResults
	default:
		return removeFiles
	}
}

// RemoveSweep removes everything that is stored of a sweep. It may be ended at any step and
// run again. owner is the identity that Removal has found. RemoveSweep first gives the
// reservation the next generation, so that nobody else writes for the sweep or continues
// it, and removes nothing once the name has another identity. Then it calls ended: if the
// sweep was continued before, ended returns an error, and the sweep gets its reservation
// back. removed is called after each object.
func (a *Archive) RemoveSweep(ctx context.Context, name string, owner sweep.Identity, ended func() error, removed func(objects int)) error {
	owner, undo, err := a.beginRemoval(ctx, name, owner)
	if err != nil {
		return err
	}
	if err := ended(); err != nil {
		return errors.Join(err, undo())
	}
	own := a.fenced(func(ctx context.Context, name string) error { return a.stillHeld(ctx, name, owner) })
	n := 0
	remove := func(keys []string) error {
		for _, key := range keys {
			if err := own.store.Delete(ctx, key); err != nil {
				return fmt.Errorf("remove sweep %s (run it again, it continues): %w", name, err)
			}
			n++
			removed(n)
		}
		return nil
	}
	for {
		r, err := a.Removal(ctx, name)
		if err != nil {
			return err
		}
		spec := r.phases[removeSpec]
		if r.Objects == len(spec) { // nothing was written meanwhile
			return remove(spec)
		}
		for _, keys := range r.phases[:removeSpec] {
			if err := remove(keys); err != nil {
				return err
			}
		}
		if len(spec) == 0 {
			return nil
		}
	}
}

// beginRemoval marks the reservation of owner as being removed, in the next generation, and
// returns the identity that it has then, and what writes the reservation as it was. A
// reservation that cannot be read stays as it is.
func (a *Archive) beginRemoval(ctx context.Context, name string, owner sweep.Identity) (marked sweep.Identity, undo func() error, err error) {
	for range replaceTries {
		if err := a.stillHeld(ctx, name, owner); err != nil {
			return owner, nil, err
		}
		r, etag, err := a.reservation(ctx, name)
		if unreadable(err) || err == nil && etag == "" { // a file without its attributes cannot be replaced
			return owner, func() error { return nil }, nil
		}
		if err != nil {
			return owner, nil, err
		}
		before := r
		r.Owner.Generation++
		r.Removing = true
		body, err := r.encode()
		if err != nil {
			return owner, nil, err
		}
		etag, err = a.store.Replace(ctx, sweepsPrefix+name+"/"+specName, body, etag)
		switch {
		case err == nil:
			return r.Owner, func() error { return a.undoRemoval(ctx, before, etag) }, nil
		case !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrNotFound):
			return owner, nil, err
		}
	}
	return owner, nil, fmt.Errorf("archive: name %s: its reservation keeps changing; try again", name)
}

// undoRemoval writes the reservation that beginRemoval has replaced; etag is that of the mark.
func (a *Archive) undoRemoval(ctx context.Context, before reservation, etag string) error {
	body, err := before.encode()
	if err == nil {
		_, err = a.store.Replace(ctx, sweepsPrefix+before.Spec.Name+"/"+specName, body, etag)
	}
	if err != nil {
		return fmt.Errorf("archive: sweep %s is still marked as being removed, since its reservation could not be written back: %w", before.Spec.Name, err)
	}
	return nil
}

// CheckContinued returns an error if the sweep of owner, whose workflow was started again,
// is being removed or has lost its name.
func (a *Archive) CheckContinued(ctx context.Context, name string, owner sweep.Identity) error {
	r, _, err := a.reservation(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && r.Removing:
		return &RemovingError{name}
	case err == nil && !r.Owner.Same(owner):
		return &OwnerError{Name: name, Writer: owner, Holder: r.Owner}
	}
	return err
}

// holder returns the identity that has a name, without an ID if there is no reservation that
// can be read.
func (a *Archive) holder(ctx context.Context, name string) (sweep.Identity, error) {
	r, _, err := a.reservation(ctx, name)
	if unreadable(err) {
		return sweep.Identity{}, nil
	}
	return r.Owner, err
}

// stillHeld returns a *HolderError unless owner has the name.
func (a *Archive) stillHeld(ctx context.Context, name string, owner sweep.Identity) error {
	now, err := a.holder(ctx, name)
	if err == nil && !now.Same(owner) {
		err = &HolderError{Name: name, Before: owner, Now: now}
	}
	return err
}

// unreadable reports whether an error of reservation means that there is none, or that it is
// damaged.
func unreadable(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.As(err, new(*notSpecError)) || errors.As(err, new(*tooLargeError))
}

// from lists the sweeps that a sweep's spec names as earlier ones, in the first spec and
// in the one in force.
func (a *Archive) from(ctx context.Context, name string) ([]string, error) {
	var names []string
	for _, file := range []string{specName, stateName} {
		var stored struct {
			Spec *struct{ From earlier } `json:"spec"`
		}
		var err error
		if o := a.object(sweepKey(name, file)); file == stateName {
			err = o.readSealedJSON(ctx, maxState, &stored)
		} else {
			_, err = o.readJSON(ctx, maxState, &stored)
		}
		switch {
		case errors.Is(err, store.ErrNotFound) && file == stateName:
		case err != nil:
			return nil, err
		case stored.Spec != nil:
			names = append(names, stored.Spec.From...)
		}
	}
	return names, nil
}

// earlier is every text in the field from of a spec, a name of a sweep among them. It
// reads specs of any version.
type earlier []string

// UnmarshalJSON implements json.Unmarshaler.
func (e *earlier) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	e.add(v)
	return nil
}

func (e *earlier) add(v any) {
	switch v := v.(type) {
	case string:
		*e = append(*e, v)
	case []any:
		for _, x := range v {
			e.add(x)
		}
	case map[string]any:
		for _, x := range v {
			e.add(x)
		}
	}
}
