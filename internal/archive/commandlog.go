package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

const (
	stateName      = "state.json"
	commandsFolder = "commands/"
	maxState       = 4 << 20 // bytes

	// entryTime makes the keys of the command log sort by time. After a reset of a sweep,
	// two entries may have the same number.
	entryTime = "20060102T150405.000000000Z"
)

// PutCommandEntry implements activities.Records.
func (a *Archive) PutCommandEntry(ctx context.Context, sweepName string, entry conduct.CommandEntry) error {
	o := a.object(sweepKey(sweepName, commandsFolder+nameOf(entry)))
	body, err := json.MarshalIndent(entry, "", "  ")
	if err != nil {
		return fmt.Errorf("entry %d of %s: %w", entry.Number, sweepName, err)
	}
	return o.create(ctx, seal(digestOf(body), body))
}

// nameOf returns the name of an entry in the folder of the command log.
func nameOf(e conduct.CommandEntry) string {
	return fmt.Sprintf("%s-%06d.json", e.At.UTC().Format(entryTime), e.Number)
}

// lastIn returns the name of the last entry that a state includes, "" for none.
func lastIn(st *conduct.State) string {
	if st == nil || len(st.CommandLog) == 0 {
		return ""
	}
	return nameOf(st.CommandLog[len(st.CommandLog)-1])
}

var entryName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{9}Z-[0-9]{6,}\.json$`)

// isEntry reports whether a name in the folder of the command log is that of an entry.
func isEntry(name string) bool { return entryName.MatchString(name) }

// SpecVersion returns the last entry of the command log that changed the spec, with the
// spec; ok is false if the spec is as submitted.
func (a *Archive) SpecVersion(ctx context.Context, sweepName string) (e conduct.CommandEntry, ok bool, err error) {
	keys, err := a.commandKeys(ctx, sweepName)
	if err != nil {
		return e, false, err
	}
	for _, key := range slices.Backward(keys) {
		var e conduct.CommandEntry
		if err := a.object(key, nil).readSealedJSON(ctx, maxSpec, &e); err != nil {
			return e, false, err
		}
		if e.Spec != nil {
			return e, true, nil
		}
	}
	return e, false, nil
}

// commandKeys lists the keys of the command log, in order.
func (a *Archive) commandKeys(ctx context.Context, sweepName string) (keys []string, err error) {
	prefix, err := sweepKey(sweepName, commandsFolder)
	if err != nil {
		return nil, err
	}
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if isEntry(strings.TrimPrefix(info.Key, prefix)) {
			keys = append(keys, info.Key)
		}
	}
	return keys, nil
}

// commandLog is what the store has of a command log.
type commandLog struct {
	keys       []string // of the entries, in order
	lost       lostEntries
	stateAside bool // a repair has put a state aside
}

// lostEntries are the entries that a command log lacks, in order.
type lostEntries []lostEntry

type lostEntry struct {
	at     string // sorts among the names of entries
	number string // as in its name
}

// after leaves out what comes before the entry of a name.
func (l lostEntries) after(name string) lostEntries {
	return slices.DeleteFunc(slices.Clone(l), func(e lostEntry) bool { return e.at <= name })
}

func (l lostEntries) texts() []string {
	texts := make([]string, len(l))
	for i, e := range l {
		texts[i] = "entry " + e.number
	}
	return texts
}

// commandLog looks for the entries of a command log without reading them.
func (a *Archive) commandLog(ctx context.Context, sweepName string) (log commandLog, err error) {
	if log.keys, err = a.commandKeys(ctx, sweepName); err != nil {
		return log, err
	}
	aside, err := sweepKey(sweepName, damagedFolder)
	if err != nil {
		return log, err
	}
	var damaged []string
	for info, err := range a.store.List(ctx, aside) {
		if err != nil {
			return log, err
		}
		damaged = append(damaged, strings.TrimPrefix(info.Key, aside))
	}
	log.lost, log.stateAside = lostIn(log.keys, damaged)
	return log, nil
}

// lostIn returns the entries that a command log lacks: the numbers that its keys leave out, and
// what a repair has put aside. damaged has the keys below damaged/.
func lostIn(keys, damaged []string) (lost lostEntries, stateAside bool) {
	last, before := 0, ""
	names := make([]string, len(keys))
	for i, key := range keys {
		name := path.Base(key)
		names[i] = name
		n, err := strconv.Atoi(entryNumber(name))
		if err != nil {
			continue
		}
		for n > last+1 {
			last++
			lost = append(lost, lostEntry{at: before + "+", number: strconv.Itoa(last)})
		}
		last, before = max(last, n), name
	}
	for _, key := range damaged {
		_, rest, _ := strings.Cut(key, "/") // the time of the repair
		name, isCommand := strings.CutPrefix(rest, commandsFolder)
		switch {
		case rest == stateName:
			stateAside = true
		case isCommand && isEntry(name) && !slices.Contains(names, name): // it may have been written again
			number := strings.TrimLeft(entryNumber(name), "0")
			lost = slices.DeleteFunc(lost, func(e lostEntry) bool { return e.number == number }) // the gap that it left
			lost = append(lost, lostEntry{at: name, number: number})
		}
	}
	slices.SortFunc(lost, func(a, b lostEntry) int { return strings.Compare(a.at, b.at) })
	return lost, stateAside
}

// entryNumber returns the number in the name of an entry.
func entryNumber(name string) string {
	return strings.TrimSuffix(name[strings.LastIndex(name, "-")+1:], ".json")
}

// PutState implements activities.Records.
func (a *Archive) PutState(ctx context.Context, sweepName string, state []byte) error {
	return a.object(sweepKey(sweepName, stateName)).put(ctx, seal(digestOf(state), state))
}

// state returns the last state that a sweep has stored, nil for none.
func (a *Archive) state(ctx context.Context, sweepName string) (*conduct.State, error) {
	var st conduct.State
	err := a.object(sweepKey(sweepName, stateName)).readSealedJSON(ctx, maxState, &st)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &st, nil
}

// lastState returns the last state that a sweep has stored with the entries of the command log
// after it: those of the commands before the workflow was terminated, or all where a repair has
// put the state aside; nil for neither. started is when the sweep began.
func (a *Archive) lastState(ctx context.Context, sweepName string, submitted *sweep.Spec, started time.Time) (*conduct.State, error) {
	st, err := a.state(ctx, sweepName)
	if err != nil {
		return nil, err
	}
	keys, err := a.commandKeys(ctx, sweepName)
	if err != nil {
		return nil, err
	}
	last := lastIn(st)
	keys = slices.DeleteFunc(keys, func(key string) bool { return path.Base(key) <= last })
	if len(keys) == 0 {
		return st, nil
	}
	entries := make([]conduct.CommandEntry, len(keys))
	for i, key := range keys {
		if err := a.object(key, nil).readSealedJSON(ctx, maxSpec, &entries[i]); err != nil {
			return nil, err
		}
	}
	if st == nil {
		return conduct.Logged(submitted, started, entries), nil
	}
	st.Replay(entries)
	return st, nil
}

// Restored is what a sweep whose workflow has ended continues from.
type Restored struct {
	Spec   *sweep.Spec    // that it was started with
	Digest string         // of Spec
	Owner  sweep.Identity // stays the same
	State  *conduct.State // see conduct.Restore
	phase  conduct.Phase  // as it was stored, before the sweep counted as terminated
}

// Restore returns what a sweep whose workflow has ended can continue from in the Temporal
// cluster and namespace of at. A sweep of another one is an *ElsewhereError: its workflow
// may still run there.
func (a *Archive) Restore(ctx context.Context, sweepName string, at sweep.Identity) (Restored, error) {
	if err := a.CheckTemporal(ctx, sweepName, at); err != nil {
		return Restored{}, err
	}
	return a.restored(ctx, sweepName)
}

func (a *Archive) restored(ctx context.Context, sweepName string) (Restored, error) {
	r, _, err := a.reservation(ctx, sweepName)
	if err != nil {
		return Restored{}, err
	}
	if r.Removing {
		return Restored{}, &RemovingError{sweepName}
	}
	ledger, segments, err := a.allOfLedger(ctx, sweepName)
	if err != nil {
		return Restored{}, err
	}
	stored, err := a.checkpoints(ctx, sweepName)
	if err != nil {
		return Restored{}, err
	}
	started := time.Now().UTC()
	for _, t := range ledger {
		if t.StartedAt.Before(started) {
			started = t.StartedAt
		}
	}
	snapshot, err := a.lastState(ctx, sweepName, &r.Spec, started)
	if err != nil {
		return Restored{}, err
	}
	phase := conduct.PhaseRunning
	if snapshot != nil {
		phase = snapshot.Phase // Restore changes the snapshot
	}
	state := conduct.Restore(&r.Spec, started, snapshot, ledger, segments, func(key string) bool {
		_, found := slices.BinarySearch(stored, key)
		return found
	})
	owner := r.Owner
	owner.Address = a.name() // the store may have moved
	return Restored{Spec: &r.Spec, Digest: r.Digest, Owner: owner, State: state, phase: phase}, nil
}

// Progress returns the progress of a sweep as far as it is stored. It does not say whether the
// sweep runs: that is known by Temporal.
func (a *Archive) Progress(ctx context.Context, sweepName string) (*conduct.Progress, error) {
	restored, err := a.restored(ctx, sweepName)
	if err != nil {
		return nil, err
	}
	p := conduct.New(restored.Spec, restored.State, conduct.LogicNow, time.Now().UTC()).Progress(restored.Digest)
	if !restored.phase.Final() {
		p.Phase, p.EndedAt, p.Message = restored.phase, nil, ""
	}
	return &p, nil
}

// checkpoints lists the keys of a sweep's complete checkpoints, in order.
func (a *Archive) checkpoints(ctx context.Context, sweepName string) (keys []string, err error) {
	prefix, err := sweepKey(sweepName, "trials/")
	if err != nil {
		return nil, err
	}
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if folder, _, ok := completeCheckpoint(info.Key); ok {
			keys = append(keys, folder)
		}
	}
	slices.Sort(keys)
	return keys, nil
}
