package archive

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestLedgerKeepsTheOrderOfCompletion(t *testing.T) {
	a := New(storetest.NewMemory())
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(4), aTrial(1)}))
	require.NoError(t, a.AppendSegment(t.Context(), name, 1, []sweep.Trial{aTrial(0)}))
	ledger, err := a.Ledger(t.Context(), name, 2)
	require.NoError(t, err)
	require.Equal(t, []sweep.Trial{aTrial(4), aTrial(1), aTrial(0)}, ledger)
	ledger, err = a.Ledger(t.Context(), name, 1)
	require.NoError(t, err)
	require.Len(t, ledger, 2)
	ledger, err = a.Ledger(t.Context(), name, 0)
	require.NoError(t, err)
	require.Empty(t, ledger)
	_, err = a.Ledger(t.Context(), name, 3)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.ErrorContains(t, err, "000002.jsonl")
}

func TestSegmentsAreImmutable(t *testing.T) {
	a := New(storetest.NewMemory())
	first := []sweep.Trial{aTrial(4)}
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, first))
	elsewhere := aTrial(4) // as another process decoded it
	elsewhere.StartedAt = elsewhere.StartedAt.In(time.FixedZone("CET", 3600))
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{elsewhere}), "equal content is success")
	err := a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(5)})
	require.ErrorIs(t, err, activities.ErrConflict)
	require.ErrorContains(t, err, "ledger/000000.jsonl")
	ledger, err := a.Ledger(t.Context(), name, 1)
	require.NoError(t, err)
	require.Equal(t, first, ledger)
}

func TestRecordsRefuseWhatCannotBe(t *testing.T) {
	a := New(storetest.NewMemory())
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
	require.Empty(t, objects(t, a.store))
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
	overwrite(t, a.store, key, func(b []byte) []byte { return bytes.Replace(b, []byte(`"number":4`), []byte(`"number":5`), 1) })
	_, _, err = a.Result(t.Context(), name, 4)
	require.ErrorContains(t, err, "trial 5")
	overwrite(t, a.store, key, func([]byte) []byte { return []byte("{") })
	_, _, err = a.Result(t.Context(), name, 4)
	require.ErrorContains(t, err, "result.json")
}

func TestTrialsAddsResultsToTheLedger(t *testing.T) {
	a := New(storetest.NewMemory())
	for _, n := range []int{0, 1, 2, 10} {
		require.NoError(t, a.PutResult(t.Context(), name, aTrial(n)))
	}
	require.NoError(t, a.AppendSegment(t.Context(), name, 0, []sweep.Trial{aTrial(2)}))
	require.NoError(t, a.AppendSegment(t.Context(), name, 1, []sweep.Trial{aTrial(0), aTrial(3)}))
	_, err := a.Upload(t.Context(), name, 7, 1, stage(t, 7, 1, 100, "still training"))
	require.NoError(t, err)
	trials, err := a.Trials(t.Context(), name)
	require.NoError(t, err)
	var numbers []int
	for _, trial := range trials {
		numbers = append(numbers, trial.Number)
	}
	require.Equal(t, []int{2, 0, 3, 1, 10}, numbers)
}

func TestBestMovesWithItsGeneration(t *testing.T) {
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

func TestBestLosesNoMove(t *testing.T) {
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

func TestLedgerErrorsNameTheLine(t *testing.T) {
	good, err := encodeLedger([]sweep.Trial{aTrial(1)})
	require.NoError(t, err)
	for _, bad := range []string{"{", "\n", "null", `{"number":1}`, string(good[:len(good)/2]), string(good[:len(good)-1]) + "x", strings.Repeat(" ", maxLine+10)} {
		_, err := decodeLedger(strings.NewReader(string(good) + bad + "\n"))
		require.ErrorContains(t, err, "line 2", "%.40q", bad)
	}
}

// FuzzLedger: whatever is accepted is written back in a form that reads the same.
func FuzzLedger(f *testing.F) {
	good, err := encodeLedger([]sweep.Trial{aTrial(1), aTrial(2)})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"number":1,"kind":"search","status":"failed","error":{"class":"bug"},"params":{"a":""}}`))
	f.Add([]byte(`{"number":999999,"kind":"baseline","status":"diverged","loss_last":1e308,"metrics":{"":-0}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		trials, err := decodeLedger(bytes.NewReader(data))
		if err != nil {
			return
		}
		once, err := encodeLedger(trials)
		if err != nil {
			t.Skip(err) // a time outside the years that JSON can write
		}
		again, err := decodeLedger(bytes.NewReader(once))
		if err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		twice, err := encodeLedger(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\n%s\n%s", err, once, twice)
		}
	})
}
