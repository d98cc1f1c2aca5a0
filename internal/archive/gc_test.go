package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// running is a fake of Temporal.
type running struct {
	progress *conduct.Progress // nil: the sweep does not run
	unknown  bool
	trials   []int  // whose workflows run
	asked    func() // called when the sweep is asked for its progress
}

func (r running) Progress(context.Context, string) (*conduct.Progress, error) {
	if r.asked != nil {
		r.asked()
	}
	if r.unknown {
		return nil, activities.ErrNoExecution
	}
	return r.progress, nil
}

func (r running) TrialRuns(_ context.Context, _ string, trial int) (bool, error) {
	return slices.Contains(r.trials, trial), nil
}

// littered is whole, with trials from 21 on: 21 and 22 run, 23 was lost, of 24 there is
// half an upload, 25 has published its result after the sweep's end, and 20 failed.
func littered(t *testing.T, s store.Store) {
	t.Helper()
	whole(t, s)
	a := New(s)
	file := filepath.Join(t.TempDir(), "log.txt")
	require.NoError(t, os.WriteFile(file, []byte("a line\n"), 0o600))
	upload := func(trial, step int) string {
		ref, err := a.Upload(t.Context(), name, trial, 1, stage(t, trial, 1, step, fmt.Sprint(trial, step)))
		require.NoError(t, err)
		return ref.Key
	}
	for _, trial := range []int{21, 22, 23, 25} {
		key := upload(trial, 600)
		require.NoError(t, a.PutLog(t.Context(), name, trial, 1, file))
		_, err := a.PutGrid(t.Context(), name, trial, file)
		require.NoError(t, err)
		require.NoError(t, a.KeepCurve(t.Context(), key))
	}
	published := aTrial(25)
	published.Checkpoint = checkpointKeyOf(25, 1, 600)
	require.NoError(t, a.PutResult(t.Context(), name, published))
	half := []byte("half of the weights")
	require.NoError(t, s.Put(t.Context(), checkpointKeyOf(24, 1, 100)+"/"+checkpoint.ModelName, bytes.NewReader(half), int64(len(half))))
	upload(20, 300)
	failed := aTrial(20)
	failed.Status, failed.Evaluation = sweep.StatusFailed, sweep.Evaluation{}
	failed.Error = &sweep.Failure{Class: sweep.FailBug, Message: "a bug"}
	failed.Checkpoint = upload(20, 600)
	require.NoError(t, a.AppendSegment(t.Context(), name, 17, []sweep.Trial{failed}))
	require.NoError(t, s.Put(t.Context(), sweepsPrefix+name+"/trials/readme", bytes.NewReader(half), int64(len(half))))
}

func found(garbage []Garbage) map[string]GarbageKind {
	kinds := map[string]GarbageKind{}
	for _, g := range garbage {
		kinds[strings.TrimPrefix(g.Key, sweepsPrefix+name+"/trials/")] = g.Kind
	}
	return kinds
}

func folderOf(trial, step int) string {
	return strings.TrimPrefix(checkpointKeyOf(trial, 1, step), sweepsPrefix+name+"/trials/")
}

func TestGarbage(t *testing.T) {
	today, tomorrow := time.Now().Add(partialAge-time.Hour), time.Now().Add(partialAge+time.Hour)
	orphans := map[string]GarbageKind{
		folderOf(23, 600): GarbageOrphan, "000023/grid.png": GarbageGrid,
		"000023/attempts/1/log.txt": GarbageLog, "000023/attempts/1/curve.jsonl": GarbageCurve,
		folderOf(20, 300): GarbageOvertaken,
	}
	with := func(more map[string]GarbageKind) map[string]GarbageKind {
		all := map[string]GarbageKind{}
		for _, m := range []map[string]GarbageKind{orphans, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	ongoing := []conduct.Running{{Assignment: sweep.Assignment{Number: 21}}}
	leader := trialAt(2)
	leader.Checkpoint = checkpointKeyOf(2, 1, 600)
	overtaken := map[string]GarbageKind{folderOf(2, 600): GarbageOvertaken}
	for title, c := range map[string]struct {
		w     running
		state *conduct.State
		now   time.Time
		want  map[string]GarbageKind
	}{
		"a sweep that runs": {
			w: running{progress: &conduct.Progress{Running: ongoing, Kept: []int{0}}, trials: []int{22}}, now: today, want: with(overtaken),
		},
		"a spare of the leaders": {
			w: running{progress: &conduct.Progress{Running: ongoing, Kept: []int{0, 1, 2}}, trials: []int{22}}, now: today, want: with(nil),
		},
		"a pin": {
			w: running{progress: &conduct.Progress{Running: ongoing, Kept: []int{0}, Pinned: []int{2}}, trials: []int{22}}, now: today, want: with(nil),
		},
		"an old partial upload": {
			w: running{progress: &conduct.Progress{Running: ongoing, Kept: []int{0, 2}}, trials: []int{22}}, now: tomorrow,
			want: with(map[string]GarbageKind{folderOf(24, 100): GarbagePartial}),
		},
		"a partial upload of a trial that runs": {
			w: running{progress: &conduct.Progress{Running: ongoing, Kept: []int{0, 2}}, trials: []int{22, 24}}, now: tomorrow, want: with(nil),
		},
		"a sweep that has ended": {
			w:     running{trials: []int{22}},
			state: &conduct.State{Phase: conduct.PhaseStopped, Running: ongoing, Counts: map[sweep.Status]int{}},
			now:   time.Now(), want: with(overtaken),
		},
		"a sweep that has ended, with a pin": {
			w:     running{trials: []int{22}},
			state: &conduct.State{Phase: conduct.PhaseStopped, Running: ongoing, Pinned: []int{2}, Counts: map[sweep.Status]int{}},
			now:   time.Now(), want: with(nil),
		},
		"a sweep that has ended, with a leader": {
			w: running{trials: []int{22}},
			state: &conduct.State{
				Phase: conduct.PhaseStopped, Running: ongoing, Counts: map[sweep.Status]int{sweep.StatusCompleted: 19, sweep.StatusFailed: 1}, Watermark: 20, Segments: 17, Next: 20,
				Leaders: []sweep.Trial{leader},
			},
			now: time.Now(), want: with(nil),
		},
		"a sweep that Temporal has forgotten": {
			w:     running{unknown: true},
			state: &conduct.State{Phase: conduct.PhaseStopped, Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 21}}, {Assignment: sweep.Assignment{Number: 22}}}, Pinned: []int{2}, Counts: map[sweep.Status]int{}},
			now:   tomorrow, want: with(map[string]GarbageKind{folderOf(24, 100): GarbagePartial}),
		},
	} {
		t.Run(title, func(t *testing.T) {
			s := storetest.NewMemory()
			littered(t, s)
			a := New(s)
			if c.state != nil {
				body, err := json.Marshal(c.state)
				require.NoError(t, err)
				require.NoError(t, a.PutState(t.Context(), name, body))
			}
			before := objects(t, s)
			garbage, err := a.Garbage(t.Context(), name, c.w, GarbageOptions{Now: c.now})
			require.NoError(t, err)
			require.Equal(t, c.want, found(garbage))
			require.Equal(t, before, objects(t, s), "nothing is removed")

			var gone []string
			for _, g := range garbage {
				n := 0
				for _, key := range before {
					if key == g.Key || strings.HasPrefix(key, g.Key+"/") {
						gone = append(gone, key)
						n++
					}
				}
				require.Equal(t, n, g.Objects, g.Key)
				require.Positive(t, g.Bytes)
			}
			collected(t, a, c.w, garbage)
			require.ElementsMatch(t, before, append(objects(t, s), gone...), "the rest is there")
			again, err := a.Garbage(t.Context(), name, c.w, GarbageOptions{Now: c.now})
			require.NoError(t, err)
			require.Empty(t, again)
		})
	}
}

// collected removes garbage of a sweep without an identity.
func collected(t *testing.T, a *Archive, w Workflows, garbage []Garbage) {
	t.Helper()
	removed, err := a.Collect(t.Context(), name, sweep.Identity{}, garbage, w)
	require.NoError(t, err)
	require.Len(t, removed, len(garbage))
}

// A pin, and a command that continues a trial, come after the garbage was listed.
func TestCollectLeavesWhatIsNeededMeanwhile(t *testing.T) {
	s := storetest.NewMemory()
	littered(t, s)
	a := New(s)
	p := &conduct.Progress{Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 21}}}, Kept: []int{0}}
	w := running{progress: p, trials: []int{22}}
	garbage, err := a.Garbage(t.Context(), name, w, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	listed := found(garbage)
	require.Contains(t, listed, folderOf(2, 600))
	require.Contains(t, listed, folderOf(23, 600))
	p.Pinned = []int{2}
	p.Running = append(p.Running, conduct.Running{Assignment: sweep.Assignment{Number: 23}})
	removed, err := a.Collect(t.Context(), name, sweep.Identity{}, garbage, w)
	require.NoError(t, err)
	require.Equal(t, map[string]GarbageKind{folderOf(20, 300): GarbageOvertaken}, found(removed))
	for _, key := range []string{checkpointKeyOf(2, 1, 600), checkpointKeyOf(23, 1, 600)} {
		require.NoError(t, a.CheckManifest(t.Context(), key))
	}
}

// A trial that starts, publishes and is appended while its sweep's objects are listed.
func TestGarbageOfATrialThatEndsMeanwhile(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	a := New(s)
	w := running{progress: &conduct.Progress{Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 20}}}, Kept: []int{0, 1, 2}}}
	trial := aTrial(20)
	ref, err := a.Upload(t.Context(), name, 20, 1, stage(t, 20, 1, 600, "20"))
	require.NoError(t, err)
	trial.Checkpoint = ref.Key
	w.asked = func() { require.NoError(t, a.AppendSegment(t.Context(), name, 17, []sweep.Trial{trial})) }
	garbage, err := a.Garbage(t.Context(), name, w, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Empty(t, garbage)
}

// Without a state the command log has the pins.
func TestGarbageWithoutAState(t *testing.T) {
	s := storetest.NewMemory()
	littered(t, s)
	a := New(s)
	add := func(e conduct.CommandEntry) {
		e.At = checkedAt.Add(time.Duration(e.Number) * time.Second)
		require.NoError(t, a.PutCommandEntry(t.Context(), name, e))
	}
	add(conduct.CommandEntry{Number: 2, Command: conduct.CommandPin, Trials: []int{2}})
	overwrite(t, s, under(stateName), flip)
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
	st, err := a.state(t.Context(), name)
	require.NoError(t, err)
	require.Nil(t, st)
	pinned := func() []int {
		restored, err := a.Restore(t.Context(), name, here)
		require.NoError(t, err)
		o, err := a.Overview(t.Context(), name)
		require.NoError(t, err)
		require.Len(t, restored.State.Pinned, o.Pinned)
		return restored.State.Pinned
	}
	require.Equal(t, []int{2}, pinned())
	garbage, err := a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.NotContains(t, found(garbage), folderOf(2, 600))

	add(conduct.CommandEntry{Number: 3, Command: conduct.CommandUnpin, Trials: []int{2}, Refused: "no"})
	add(conduct.CommandEntry{Number: 4, Command: conduct.CommandPin, Trials: []int{0, 1}})
	for n := range conduct.CommandLogLimit {
		add(conduct.CommandEntry{Number: 5 + n, Command: conduct.CommandPause})
	}
	require.Equal(t, []int{0, 1, 2}, pinned(), "pins before the entries that a state remembers count")
	add(conduct.CommandEntry{Number: 5 + conduct.CommandLogLimit, Command: conduct.CommandUnpin, Trials: []int{1, 2}})
	require.Equal(t, []int{0}, pinned())
	garbage, err = a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Contains(t, found(garbage), folderOf(2, 600))
}

// Entries that were stored after the state count: the workflow was terminated before it could
// store the state, too.
func TestEntriesAfterTheState(t *testing.T) {
	s := storetest.NewMemory()
	littered(t, s)
	a := New(s)
	entry := func(number int, after time.Duration, e conduct.CommandEntry) conduct.CommandEntry {
		e.Number, e.At = number, checkedAt.Add(after)
		require.NoError(t, a.PutCommandEntry(t.Context(), name, e))
		return e
	}
	before, err := a.Overview(t.Context(), name)
	require.NoError(t, err)
	st, err := a.state(t.Context(), name)
	require.NoError(t, err)
	st.CommandLog = []conduct.CommandEntry{entry(2, time.Minute, conduct.CommandEntry{Command: conduct.CommandPause})}
	st.Entries, st.Watermark, st.Exhausted = 2, 1, true
	state, err := json.Marshal(st)
	require.NoError(t, err)
	require.NoError(t, a.PutState(t.Context(), name, state))
	restore := func() *conduct.State {
		restored, err := a.Restore(t.Context(), name, here)
		require.NoError(t, err)
		return restored.State
	}
	require.Len(t, restore().CommandLog, 1, "the state has the entries up to its last one")

	entry(3, time.Hour, conduct.CommandEntry{Command: conduct.CommandPin, Trials: []int{2}})
	require.Equal(t, []int{2}, restore().Pinned)
	garbage, err := a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.NotContains(t, found(garbage), folderOf(2, 600))

	edited := *before.Spec
	edited.Description = "edited"
	entry(4, 2*time.Hour, conduct.CommandEntry{Command: conduct.CommandEdit, Spec: &edited})
	o, err := a.Overview(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, "edited", o.Spec.Description)
	require.Equal(t, 1, o.Pinned)
	restored := restore()
	require.Equal(t, 4, restored.Entries)
	require.True(t, restored.Rerank, "the leaders of the state are those of the spec before")
	require.False(t, restored.Exhausted)

	// After a reset of the workflow a number is used again.
	entry(2, 3*time.Hour, conduct.CommandEntry{Command: conduct.CommandPin, Trials: []int{1}})
	require.Equal(t, []int{1, 2}, restore().Pinned)

	entry(6, 4*time.Hour, conduct.CommandEntry{Command: conduct.CommandStop})
	require.ErrorContains(t, checkGarbage(t, a, running{}, false), "its command log lacks entry 5, and its state.json is older")
	require.NoError(t, checkGarbage(t, a, running{progress: &conduct.Progress{Kept: []int{}}}, false), "a sweep that runs has the pins")
	require.NoError(t, checkGarbage(t, a, running{}, true))
}

// If the entry of a pin was lost, too, nothing says that there was one: gc asks for an explicit
// word, also once the sweep has been continued.
func TestGarbageAfterLostEntries(t *testing.T) {
	pin := conduct.CommandEntry{Number: 2, At: checkedAt.Add(time.Minute), Command: conduct.CommandPin, Change: "2"}
	key := under("commands/20261130T080100.000000000Z-000002.json")
	for what, lose := range map[string]func(t *testing.T, s store.Store){
		"put aside": func(t *testing.T, s store.Store) { overwrite(t, s, key, flip) },
		"removed": func(t *testing.T, s store.Store) {
			require.NoError(t, s.Delete(t.Context(), key))
			require.NoError(t, New(s).PutCommandEntry(t.Context(), name, conduct.CommandEntry{Number: 3, At: checkedAt.Add(time.Hour), Command: conduct.CommandStop}))
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			littered(t, s)
			a := New(s)
			require.NoError(t, a.PutCommandEntry(t.Context(), name, pin))
			put := func(st conduct.State) {
				state, err := json.Marshal(st)
				require.NoError(t, err)
				require.NoError(t, a.PutState(t.Context(), name, state))
			}
			put(conduct.State{Phase: conduct.PhaseStopped, Segments: 17, Entries: 2, CommandLog: []conduct.CommandEntry{pin}})
			lose(t, s)
			require.NoError(t, checkGarbage(t, a, running{}, false), "the state has the pins")
			overwrite(t, s, under(stateName), flip)
			require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))

			require.ErrorContains(t, checkGarbage(t, a, running{}, false), "its command log lacks entry 2")
			put(conduct.State{Phase: conduct.PhaseStopped, Counts: map[sweep.Status]int{}})
			for _, w := range []running{{}, {progress: &conduct.Progress{Kept: []int{}}}} {
				err := checkGarbage(t, a, w, false)
				require.ErrorAs(t, err, new(*PinsError))
				require.ErrorContains(t, err, "`tailsweep gc "+name+" --pins-are-complete`")
				require.NoError(t, checkGarbage(t, a, w, true))
			}
		})
	}
}

func checkGarbage(t *testing.T, a *Archive, w running, pinsComplete bool) error {
	t.Helper()
	_, err := a.Garbage(t.Context(), name, w, GarbageOptions{Now: time.Now(), PinsComplete: pinsComplete})
	return err
}

func TestNoGarbageWhereItIsNotKnown(t *testing.T) {
	for title, c := range map[string]struct {
		w      running
		damage func(t *testing.T, s store.Store)
		want   string
	}{
		"a damaged ledger": {
			running{}, func(t *testing.T, s store.Store) { overwrite(t, s, sweepsPrefix+name+"/ledger/000016.jsonl", flip) }, "000016.jsonl",
		},
		"a damaged pointer": {
			running{progress: &conduct.Progress{Kept: []int{}}},
			func(t *testing.T, s store.Store) {
				overwrite(t, s, sweepsPrefix+name+"/"+bestName, func([]byte) []byte { return []byte("{") })
			}, "best.json",
		},
		"a sweep that may run on another Temporal": {running{unknown: true}, func(*testing.T, store.Store) {}, "does not know sweep fashion-lt"},
		"an older worker":                          {running{progress: &conduct.Progress{}}, func(*testing.T, store.Store) {}, "older build"},
	} {
		t.Run(title, func(t *testing.T) {
			s := storetest.NewMemory()
			littered(t, s)
			c.damage(t, s)
			_, err := New(s).Garbage(t.Context(), name, c.w, GarbageOptions{Now: time.Now()})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What the error of a damaged object advises lets gc list the garbage again.
func TestTheAdviceAboutADamagedObject(t *testing.T) {
	entry := conduct.CommandEntry{Number: 1, Command: conduct.CommandSet}
	for _, object := range []string{stateName, bestName, "ledger/000016.jsonl", commandsFolder + nameOf(entry)} {
		s := storetest.NewMemory()
		littered(t, s)
		a, key := New(s), sweepsPrefix+name+"/"+object
		if object == bestName {
			overwrite(t, s, key, func([]byte) []byte { return []byte("{") })
		} else {
			if strings.HasPrefix(object, commandsFolder) {
				require.NoError(t, a.PutCommandEntry(t.Context(), name, entry))
				require.NoError(t, s.Delete(t.Context(), sweepsPrefix+name+"/"+stateName))
			}
			overwrite(t, s, key, flip)
		}
		_, err := a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
		require.ErrorContains(t, err, key)
		require.ErrorContains(t, err, "`tailsweep doctor fashion-lt --repair`")
		require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
		_, err = New(s).Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
		if pins, unknown := errors.AsType[*PinsError](err); unknown {
			require.ErrorContains(t, pins, "`tailsweep gc fashion-lt --pins-are-complete`")
			continue
		}
		require.NoError(t, err, object)
	}
	for key, want := range map[string]string{
		sweepsPrefix + name + "/trials/000003/attempts/1/" + checkpoint.CurveName: "`tailsweep doctor fashion-lt --read-data --repair` copies it again if its checkpoint is there",
		checkpointKeyOf(3, 1, 600) + "/" + checkpoint.CurveName:                   "`tailsweep doctor fashion-lt --read-data` checks all checkpoints; one that is damaged cannot be rebuilt",
	} {
		require.ErrorContains(t, &DamagedError{Key: key}, want)
	}
}

// Every complete checkpoint verifies, and the ledger can be read.
func requireConsistent(t *testing.T, s store.Store) {
	t.Helper()
	a := New(s)
	for _, key := range objects(t, s) {
		if folder, _, ok := completeCheckpoint(key); ok {
			require.NoError(t, a.Download(t.Context(), folder, filepath.Join(t.TempDir(), "to"), nil), folder)
		}
	}
	_, err := a.Trials(t.Context(), name)
	require.NoError(t, err)
	best, _, err := a.Best(t.Context(), name)
	require.NoError(t, err)
	for _, trial := range best.Trials {
		_, _, err := a.manifest(t.Context(), trial.Checkpoint)
		require.NoError(t, err, "the pointer names what is there")
	}
}

// copyOf is a copy of a store that fails after a number of operations.
func copyOf(t *testing.T, s store.Store, left int) *crashing {
	t.Helper()
	c := newCrashing()
	for _, key := range objects(t, s) {
		data, _, err := New(s).object(key, nil).read(t.Context(), 1<<20)
		require.NoError(t, err)
		require.NoError(t, c.Memory.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))))
	}
	c.left = left
	return c
}

func TestCollectInterruptedAtEachStep(t *testing.T) {
	full := storetest.NewMemory()
	littered(t, full)
	w := running{progress: &conduct.Progress{Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 21}}}, Kept: []int{0}}, trials: []int{22}}
	tomorrow := time.Now().Add(partialAge + time.Hour)
	garbage, err := New(full).Garbage(t.Context(), name, w, GarbageOptions{Now: tomorrow})
	require.NoError(t, err)
	collected(t, New(full), w, garbage)
	want := objects(t, full)
	const segments = 18
	learned, err := New(full).Ledger(t.Context(), name, segments)
	require.NoError(t, err)
	before := storetest.NewMemory()
	littered(t, before)
	for step := 0; ; step++ {
		c := copyOf(t, before, step)
		_, err := New(c).Collect(t.Context(), name, sweep.Identity{}, garbage, w)
		c.left = -1
		requireConsistent(t, c)
		left, ledgerErr := New(c).Ledger(t.Context(), name, segments)
		require.NoError(t, ledgerErr, "another sweep learns from it")
		require.Equal(t, learned, left)
		for _, key := range want {
			_, statErr := c.Stat(t.Context(), key)
			require.NoError(t, statErr, "step %d", step)
		}
		if err == nil {
			require.Greater(t, step, 10)
			break
		}
		require.ErrorIs(t, err, errCrash)
		rest, err := New(c).Garbage(t.Context(), name, w, GarbageOptions{Now: tomorrow})
		require.NoError(t, err)
		collected(t, New(c), w, rest)
		require.Equal(t, want, objects(t, c), "step %d", step)
	}
}

func TestRemoveSweepInterruptedAtEachStep(t *testing.T) {
	full := storetest.NewMemory()
	littered(t, full)
	other := []byte("another sweep")
	require.NoError(t, full.Put(t.Context(), sweepsPrefix+name+"-2/spec.json", bytes.NewReader(other), int64(len(other))))
	require.NoError(t, New(full).PutCommandEntry(t.Context(), name, conduct.CommandEntry{Number: 1, At: checkedAt}))
	for step := 0; ; step++ {
		c := copyOf(t, full, step)
		counted := 0
		err := New(c).RemoveSweep(t.Context(), name, sweep.Identity{}, isEnded, func(n int) { counted = n })
		require.Equal(t, counted, len(c.ops))
		c.left = -1
		requireConsistent(t, c)
		if err == nil {
			require.Equal(t, len(objects(t, full))-1, step)
			require.Equal(t, []string{sweepsPrefix + name + "-2/spec.json"}, objects(t, c))
			_, err = New(c).Removal(t.Context(), name)
			require.ErrorIs(t, err, store.ErrNotFound)
			break
		}
		require.ErrorIs(t, err, errCrash)
		_, _, err = New(c).reservation(t.Context(), name)
		require.NoError(t, err, "step %d: the name is taken until the end", step)
		left, err := New(c).Removal(t.Context(), name)
		require.NoError(t, err)
		require.NoError(t, New(c).RemoveSweep(t.Context(), name, left.Owner, isEnded, func(int) {}))
		require.Equal(t, []string{sweepsPrefix + name + "-2/spec.json"}, objects(t, c))
	}
}

// A worker that ends late writes while the sweep is removed.
func TestRemoveSweepWithALateWriter(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	a := New(s)
	require.NoError(t, a.RemoveSweep(t.Context(), name, sweep.Identity{}, isEnded, func(n int) {
		if n == 40 {
			require.NoError(t, a.PutResult(t.Context(), name, aTrial(30)))
		}
	}))
	require.Empty(t, objects(t, s))
}

// The name of a sweep gets another identity after gc or rm has looked at it.
func TestNothingIsRemovedOfAnotherSweepOfTheName(t *testing.T) {
	s := storetest.NewMemory()
	littered(t, s)
	a := New(s)
	before, err := a.Owner(t.Context(), name)
	require.NoError(t, err)
	w := running{progress: &conduct.Progress{Kept: []int{}}}
	garbage, err := a.Garbage(t.Context(), name, w, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.NotEmpty(t, garbage)
	r, etag, err := a.reservation(t.Context(), name)
	require.NoError(t, err)
	r.Owner = sweep.Identity{ID: "another", Generation: 1, Namespace: "test"}
	_, err = a.write(t.Context(), r, &etag)
	require.NoError(t, err)
	stored := contents(t, s)

	_, collectErr := a.Collect(t.Context(), name, before, garbage, w)
	for what, err := range map[string]error{
		"gc": collectErr, "rm": a.RemoveSweep(t.Context(), name, before, isEnded, func(int) {}),
	} {
		var held *HolderError
		require.ErrorAs(t, err, &held, what)
		require.ErrorContains(t, err, `"test"`, what)
		require.Equal(t, stored, contents(t, s), what)
	}
	all, err := a.Collect(t.Context(), name, r.Owner, garbage, w)
	require.NoError(t, err)
	require.Equal(t, garbage, all)
	require.NoError(t, a.RemoveSweep(t.Context(), name, r.Owner, isEnded, func(int) {}))
}

// While a sweep is removed nobody writes for it, continues it or takes its name.
func TestASweepThatIsBeingRemovedIsLeftAlone(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	owner := reserved(t, a, here)
	_, records, err := a.For(t.Context(), owner, "")
	require.NoError(t, err)
	trial := sweep.Trial{Assignment: sweep.Assignment{Kind: sweep.KindSearch}, Status: sweep.StatusFailed}
	require.NoError(t, records.AppendSegment(t.Context(), name, 0, []sweep.Trial{trial}))
	_, records, err = a.For(t.Context(), owner, "") // the next activity
	require.NoError(t, err)
	temporal := run{&fakeTemporal{digest: aSpec().Digest(), owner: owner}, aSpec(), never}
	looks := 0
	require.NoError(t, a.RemoveSweep(t.Context(), name, owner, isEnded, func(int) {
		looks++
		if looks > 1 {
			return
		}
		var refused *OwnerError
		require.ErrorAs(t, records.PutState(t.Context(), name, []byte("{}")), &refused)
		var removing *RemovingError
		_, err := a.Begin(t.Context(), aSpec(), nil, here, temporal)
		require.ErrorAs(t, err, &removing)
		require.ErrorContains(t, err, "`tailsweep rm "+name+"` completes it")
		_, err = a.Restore(t.Context(), name, here)
		require.ErrorAs(t, err, &removing)
		_, err = a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now()})
		require.ErrorAs(t, err, &removing)
		_, err = a.Check(t.Context(), name, CheckOptions{Repair: true})
		require.ErrorAs(t, err, &removing)
		_, err = a.Check(t.Context(), name, CheckOptions{})
		require.NoError(t, err)
	}))
	require.Positive(t, looks)
	require.Equal(t, []string{storeName}, objects(t, s))
}

func TestCheckUnneeded(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	whole(t, s)
	put := func(key, body string) {
		require.NoError(t, s.Put(t.Context(), sweepsPrefix+key, strings.NewReader(body), int64(len(body))))
	}
	put("alone/spec.json", `{"digest":"1","spec":{"name":"alone","description":"`+name+`"}}`)
	require.NoError(t, a.CheckUnneeded(t.Context(), name))
	put("edited/spec.json", `{"digest":"1","spec":{"name":"edited"}}`)
	state := `{"spec":{"name":"edited","from":[{"sweep":"` + name + `"}]}}`
	put("edited/state.json", string(seal(digestOf([]byte(state)), []byte(state))))
	put("next/spec.json", `{"digest":"1","spec":{"name":"next","from":["other","`+name+`"]}}`)
	err := a.CheckUnneeded(t.Context(), name)
	var needed *NeededError
	require.ErrorAs(t, err, &needed)
	require.Equal(t, []string{"edited", "next"}, needed.By)
	require.NoError(t, a.CheckUnneeded(t.Context(), "alone"))
	require.NoError(t, a.CheckUnneeded(t.Context(), name, "edited", "next"), "they are removed with it")
	require.Equal(t, []string{"edited", "alone", "next", name}, a.RemovalOrder(t.Context(), []string{name, "edited", "alone", "next", name}))
	logged := `{"spec":{"name":"logged","from":["alone"]}}`
	put("logged/spec.json", `{"digest":"1","spec":{"name":"logged"}}`)
	put("logged/commands/20261130T080000.000000000Z-000001.json", string(seal(digestOf([]byte(logged)), []byte(logged))))
	require.ErrorAs(t, a.CheckUnneeded(t.Context(), "alone"), &needed)
	require.Equal(t, []string{"logged"}, needed.By, "its state was lost")
	put("bad/spec.json", `{`)
	put("worse/spec.json", `{`)
	require.ErrorContains(t, a.CheckUnneeded(t.Context(), "other"), "whether sweep bad needs other is not known (`tailsweep doctor bad` checks it, `tailsweep rm bad other` removes both)")
	require.ErrorContains(t, a.CheckUnneeded(t.Context(), "bad"), "tailsweep rm worse bad")
	require.NoError(t, a.CheckUnneeded(t.Context(), "bad", "bad", "worse"))
	require.Equal(t, []string{"worse", "logged", "alone"}, a.RemovalOrder(t.Context(), []string{"alone", "logged", "worse"}))
}

// isEnded answers that a sweep that is removed has ended.
func isEnded() error { return nil }

// interruptible is a store that writes nothing once its context is cancelled.
type interruptible struct{ store.Store }

func (s interruptible) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return s.Store.Replace(ctx, key, body, etag)
}

// A sweep that was continued before the mark, or whose removal is interrupted then, gets its
// reservation back.
func TestASweepThatRunsIsNotRemoved(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	owner := reserved(t, a, here)
	before := contents(t, s)
	runs := errors.New("it runs")
	err := a.RemoveSweep(t.Context(), name, owner, func() error {
		require.ErrorAs(t, a.CheckContinued(t.Context(), name, owner), new(*RemovingError), "marked before it is asked whether the sweep runs")
		return runs
	}, func(int) { t.Error("removed") })
	require.ErrorIs(t, err, runs)
	require.Equal(t, before, contents(t, s))
	require.NoError(t, a.CheckContinued(t.Context(), name, owner))

	interrupted, cancel := context.WithCancel(t.Context())
	err = New(interruptible{s}).RemoveSweep(interrupted, name, owner, func() error { cancel(); return interrupted.Err() }, func(int) { t.Error("removed") })
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, contents(t, s))

	require.NoError(t, a.RemoveSweep(t.Context(), name, owner, isEnded, func(int) {}))
	require.ErrorAs(t, a.CheckContinued(t.Context(), name, owner), new(*RemovingError))
	reserved(t, a, here)
	require.ErrorAs(t, a.CheckContinued(t.Context(), name, owner), new(*OwnerError))
}
