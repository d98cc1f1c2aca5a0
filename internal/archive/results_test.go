package archive

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestRecordsRefuseImpossibleTrials(t *testing.T) {
	a := New(storetest.NewMemory())
	reserve(t, a, aSpec(), "")
	before := objects(t, a.store)
	for what, change := range map[string]func(*sweep.Trial){
		"status":   func(t *sweep.Trial) { t.Status = "running" },
		"kind":     func(t *sweep.Trial) { t.Kind = "" },
		"fid.tail": func(t *sweep.Trial) { t.Metrics["fid.tail"] = math.NaN() },
		"number":   func(t *sweep.Trial) { t.Number = -1 },
		"NaN":      func(t *sweep.Trial) { t.LossLast = new(math.NaN()) },
	} {
		bad := aTrial(4)
		change(&bad)
		require.ErrorContains(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{bad}), what)
		require.ErrorContains(t, a.PutResult(t.Context(), name, bad), what)
	}
	require.ErrorContains(t, a.AppendSegment(t.Context(), "Bad Name", 0, nil), "Bad Name")
	require.ErrorContains(t, a.AppendSegment(t.Context(), name, 1_000_000, nil), "1000000")
	require.Equal(t, before, objects(t, a.store))
}

func TestCreateResultKeepsTheFirst(t *testing.T) {
	s := storetest.NewMemory()
	a := New(s)
	first, late := aTrial(4), aTrial(4)
	late.FinishedAt = late.FinishedAt.Add(time.Minute)
	for range 2 {
		stored, err := a.CreateResult(t.Context(), name, first)
		require.NoError(t, err)
		require.Equal(t, first, stored)
	}
	stored, err := a.CreateResult(t.Context(), name, late)
	require.NoError(t, err)
	require.Equal(t, first, stored)
	kept, _, err := a.Result(t.Context(), name, 4)
	require.NoError(t, err)
	require.Equal(t, first, kept)

	key, err := trialKey(name, 4, resultName)
	require.NoError(t, err)
	overwrite(t, s, key, func([]byte) []byte { return []byte("{") })
	_, err = a.CreateResult(t.Context(), name, late)
	require.Equal(t, block.LedgerDamaged, activities.BlockReason(err))
	overwrite(t, s, key, func([]byte) []byte { return moved })
	stored, err = a.CreateResult(t.Context(), name, late)
	require.NoError(t, err)
	require.Equal(t, late, stored)
	kept, ok, err := a.Result(t.Context(), name, 4)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, late, kept)
}

func TestResults(t *testing.T) {
	a := New(storetest.NewMemory())
	_, ok, err := a.Result(t.Context(), name, 4)
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, a.PutResult(t.Context(), name, aTrial(4)))
	require.NoError(t, a.PutResult(t.Context(), name, aTrial(4)), "twice")
	got, ok, err := a.Result(t.Context(), name, 4)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, aTrial(4), got)

	key, err := trialKey(name, 4, "result.json")
	require.NoError(t, err)
	overwrite(t, a.store, key, func(b []byte) []byte { return resealed(t, b, `"number":4`, `"number":5`) })
	_, _, err = a.Result(t.Context(), name, 4)
	require.ErrorContains(t, err, "trial 5")
	require.NoError(t, a.PutResult(t.Context(), name, aTrial(4)))
	overwrite(t, a.store, key, func(b []byte) []byte { return bytes.Replace(b, []byte(`"loss":0.047`), []byte(`"loss":0.041`), 1) })
	_, _, err = a.Result(t.Context(), name, 4)
	require.ErrorContains(t, err, "does not name", "a metric is wrong")
	require.Equal(t, block.LedgerDamaged, activities.BlockReason(err))
	overwrite(t, a.store, key, func([]byte) []byte { return []byte("{") })
	_, _, err = a.Result(t.Context(), name, 4)
	require.ErrorContains(t, err, "result.json")
}

func TestEachMoveOfBestHasItsGeneration(t *testing.T) {
	a := New(storetest.NewMemory())
	_, ok, err := a.Best(t.Context(), name)
	require.NoError(t, err)
	require.False(t, ok)
	trials := []sweep.Trial{aTrial(0), aTrial(1), aTrial(2)}
	for i, best := range [][]int{{2}, {2}, {1, 2}} {
		require.NoError(t, a.PutBest(t.Context(), name, best, trials))
		got, ok, err := a.Best(t.Context(), name)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, []int{1, 1, 2}[i], got.Generation, "the same again moves nothing")
		require.Equal(t, trials[best[0]], got.Trials[0])
		require.Len(t, got.Trials, len(best))
	}
	require.ErrorContains(t, a.PutBest(t.Context(), name, []int{7}, trials), "trial 7")
}

func TestBestKeepsConcurrentMoves(t *testing.T) {
	a := New(storetest.NewMemory())
	const writers = 8
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() { errs[w] = a.PutBest(t.Context(), name, []int{w}, []sweep.Trial{aTrial(w)}) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	got, _, err := a.Best(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, writers, got.Generation)
}

func TestLogsAndGrids(t *testing.T) {
	a := New(storetest.NewMemory())
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("content"), 0o600))
	for _, attempt := range []int{10, 2, 1} {
		require.NoError(t, a.PutLog(t.Context(), name, 4, attempt, path))
	}
	attempts, err := a.Attempts(t.Context(), name, 4)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 10}, attempts)
	r, err := a.Log(t.Context(), name, 4, 2)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	_, err = a.Log(t.Context(), name, 4, 3)
	require.ErrorIs(t, err, store.ErrNotFound)

	key, err := a.PutGrid(t.Context(), name, 4, path)
	require.NoError(t, err)
	require.Equal(t, "v1/sweeps/"+name+"/trials/000004/grid.png", key)
	grid, err := a.Grid(t.Context(), name, 4)
	require.NoError(t, err)
	require.Equal(t, "content", string(grid))
	require.Error(t, a.PutLog(t.Context(), name, 4, 1, filepath.Dir(path)), "a folder is not a log")

	var failure *sweep.FailureError
	_, err = a.PutGrid(t.Context(), name, 4, filepath.Dir(path))
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBug, failure.Class)
	require.NoError(t, os.Truncate(path, maxGrid+1))
	_, err = a.PutGrid(t.Context(), name, 4, path)
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sweep.FailBadData, failure.Class)
	require.ErrorIs(t, err, file.ErrTooLarge)
}

// A child that replaces a file after the checkpoint was verified made a corrupt one.
func TestAReplacedFileIsCorrupt(t *testing.T) {
	for _, err := range []error{file.ErrNotPlain, file.ErrTooLarge} {
		require.ErrorIs(t, replaced(fmt.Errorf("archive: %w", err)), activities.ErrCorrupt)
	}
	require.NotErrorIs(t, replaced(store.ErrUnreachable), activities.ErrCorrupt)
}

func TestCurveOutlivesItsCheckpoint(t *testing.T) {
	a := New(storetest.NewMemory())
	trial := aTrial(4)
	trial.Attempts = 3 // the checkpoint is of the second
	_, err := a.Curve(t.Context(), name, trial)
	require.ErrorIs(t, err, store.ErrNotFound)
	ref, err := a.Upload(t.Context(), name, 4, 2, stage(t, 4, 2, 600, "a"))
	require.NoError(t, err)
	trial.Checkpoint = ref.Key
	published, err := a.Curve(t.Context(), name, trial)
	require.NoError(t, err, "of a trial that vanished before it was published")
	require.Contains(t, string(published), `"loss":1`)

	for range 2 {
		require.NoError(t, a.KeepCurve(t.Context(), ref.Key))
	}
	require.Contains(t, objects(t, a.store), "v1/sweeps/"+name+"/trials/000004/attempts/2/curve.jsonl")
	require.NoError(t, a.Remove(t.Context(), ref.Key))
	for _, checkpoint := range []string{ref.Key, ""} { // of one that was overtaken, of one that diverged
		trial.Checkpoint = checkpoint
		curve, err := a.Curve(t.Context(), name, trial)
		require.NoError(t, err)
		require.Equal(t, published, curve)
	}
	require.NoError(t, a.KeepCurve(t.Context(), ref.Key), "a checkpoint without a curve")
	require.Error(t, a.KeepCurve(t.Context(), "v1/sweeps/"+name), "only checkpoints have one")
}

// A byte flips in the curve that was kept, in the one of the checkpoint before it is kept, or
// in the manifest.
func TestADamagedCurveIsNamed(t *testing.T) {
	curve := func(key string) string { return key + "/curve.jsonl" }
	kept := func(string) string { return curveOf(4) }
	for what, c := range map[string]struct {
		damaged    func(key string) string
		keepBefore bool
		keepAfter  error
	}{
		"kept":                                 {damaged: kept, keepBefore: true},
		"kept, its digest":                     {damaged: kept, keepBefore: true},
		"of the checkpoint":                    {damaged: curve},
		"of the checkpoint, before it is kept": {damaged: curve},
		"the manifest of the checkpoint that has it": {damaged: manifestKey, keepAfter: activities.ErrCorrupt},
	} {
		a := New(storetest.NewMemory())
		trial := aTrial(4)
		ref, err := a.Upload(t.Context(), name, 4, 1, stage(t, 4, 1, 600, "a"))
		require.NoError(t, err)
		trial.Checkpoint = ref.Key
		if c.keepBefore {
			require.NoError(t, a.KeepCurve(t.Context(), ref.Key))
		}
		key := c.damaged(ref.Key)
		overwrite(t, a.store, key, func(b []byte) []byte {
			switch {
			case key == manifestKey(ref.Key):
				return b[1:]
			case what == "kept, its digest":
				b[20] ^= 1
				return b
			}
			return bytes.Replace(b, []byte(`"loss":1`), []byte(`"loss":2`), 1)
		})
		if what == "of the checkpoint, before it is kept" || c.keepAfter != nil {
			require.ErrorIs(t, a.KeepCurve(t.Context(), ref.Key), c.keepAfter, what)
		}
		if what == "of the checkpoint, before it is kept" {
			require.NoError(t, a.Remove(t.Context(), ref.Key))
			key = curveOf(4)
		}
		_, err = a.Curve(t.Context(), name, trial)
		var damaged *DamagedError
		require.ErrorAs(t, err, &damaged, what)
		require.Equal(t, key, damaged.Key, what)
		require.ErrorContains(t, err, "tailsweep doctor "+name, what)
	}
}
