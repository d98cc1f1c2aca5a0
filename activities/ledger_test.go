package activities_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func TestPublishKeepsOneCheckpointAtMost(t *testing.T) {
	tests := []struct {
		name   string
		status sweep.Status
		named  int // step of the checkpoint that the trial names, 0 for none
		kept   int
		curve  int // step of the checkpoint whose curve is kept
	}{
		{"completed", sweep.StatusCompleted, 300, 300, 300},
		{"completed, with one from a later attempt that was lost", sweep.StatusCompleted, 200, 200, 200},
		{"diverged", sweep.StatusDiverged, 0, 0, 300},
		{"failed, the last", sweep.StatusFailed, 200, 300, 300},
		{"cancelled before it could say where it stood", sweep.StatusCancelled, 0, 300, 300},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			for _, step := range []int{100, 200, 300} {
				b.archive.Store(2, 1, step, false)
			}
			want := []string{b.archive.Store(3, 1, 100, false).Key}
			trial := sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: test.status}
			if test.named > 0 {
				trial.Checkpoint, trial.Steps = activitiestest.Key(2, 1, test.named), test.named
			}
			if test.kept > 0 {
				want = append(want, activitiestest.Key(2, 1, test.kept))
			}
			for range 2 { // the second time changes nothing
				value, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{Sweep: "s", Trial: trial})
				require.NoError(t, err)
				require.ElementsMatch(t, want, b.archive.Keys())
				var result activities.PublishResult
				require.NoError(t, value.Get(&result))
				published, ok, err := b.archive.Result(t.Context(), "s", 2)
				require.NoError(t, err)
				require.True(t, ok)
				require.Equal(t, published, result.Trial)
				require.Equal(t, test.kept, published.Steps)
			}
			for _, key := range b.archive.Curves() {
				require.Equal(t, activitiestest.Key(2, 1, test.curve), key)
			}
			require.NotEmpty(t, b.archive.Curves())
		})
	}
}

func TestPublishReportsTheResult(t *testing.T) {
	b := newBench(t)
	executions := &activitiestest.Executions{}
	b.Executions = executions
	in := activities.PublishInput{
		Sweep: "s", Trial: sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: sweep.StatusDiverged},
		Report: activities.Receiver{Workflow: "sweep/s", Name: "result"},
	}
	for _, test := range []struct {
		fault    error
		reported bool
	}{{nil, true}, {fmt.Errorf("signal: %w", activities.ErrNoExecution), true}, {errAway, false}} {
		executions.Receive = func(activities.Receiver, any) error { return test.fault }
		value, err := b.env.ExecuteActivity(b.Publish, in)
		require.NoError(t, err, "the result is stored")
		var result activities.PublishResult
		require.NoError(t, value.Get(&result))
		require.Equal(t, test.reported, result.Reported)
		sent := executions.Signals()
		require.Equal(t, activitiestest.Sent{Receiver: in.Report, Content: result.TrialResult}, sent[len(sent)-1])
	}
}

// Remove fails after the manifest is gone: the rest of the checkpoint is removed by the next
// attempt, and so is what an upload left that was interrupted.
func TestPublishRemovesPartialCheckpoints(t *testing.T) {
	b := newBench(t)
	trial := sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: sweep.StatusCompleted}
	trial.Checkpoint = b.archive.Store(2, 1, 300, false).Key
	b.archive.Interrupt(b.archive.Store(2, 1, 200, false).Key)
	other := b.archive.Store(3, 1, 200, false).Key
	b.archive.Interrupt(other)
	_, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{Sweep: "s", Trial: trial})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{trial.Checkpoint, other}, b.archive.Keys())
}

// Whoever publishes second, a worker that was stopped meanwhile or the one that took over,
// takes the end of the first: the ledger has the one, and the result must not have the other.
func TestPublishKeepsTheEndOfTheFirst(t *testing.T) {
	b := newBench(t)
	first := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	for _, end := range []time.Time{first, first.Add(10 * time.Second)} {
		trial := sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: sweep.StatusDiverged, FinishedAt: end}
		value, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{Sweep: "s", Trial: trial})
		require.NoError(t, err)
		var result activities.PublishResult
		require.NoError(t, value.Get(&result))
		stored, _, err := b.archive.Result(t.Context(), "s", 2)
		require.NoError(t, err)
		require.Equal(t, first, stored.FinishedAt)
		require.Equal(t, first, result.Trial.FinishedAt)
	}
}

// The worker that published a failure was stopped before its workflow task ended; a cancel
// came, and an attempt that counts as lost uploaded one more checkpoint.
func TestPublishKeepsTheFirstResult(t *testing.T) {
	b := newBench(t)
	began := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	publish := func(began time.Time, status sweep.Status) sweep.Trial {
		value, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{
			Sweep: "s", Trial: sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: status, StartedAt: began},
		})
		require.NoError(t, err)
		var result activities.PublishResult
		require.NoError(t, value.Get(&result))
		stored, _, err := b.archive.Result(t.Context(), "s", 2)
		require.NoError(t, err)
		require.Equal(t, stored, result.Trial)
		return stored
	}
	kept := b.archive.Store(2, 1, 100, false).Key
	first := publish(began, sweep.StatusFailed)
	require.Equal(t, kept, first.Checkpoint)
	b.archive.Store(2, 1, 200, false)
	require.Equal(t, first, publish(began, sweep.StatusCancelled))
	require.Equal(t, []string{kept}, b.archive.Keys())

	late := b.archive.Store(2, 1, 200, false).Key
	other := publish(began.Add(time.Hour), sweep.StatusCancelled)
	require.Equal(t, late, other.Checkpoint, "another run of the trial replaces the result")
}

// racing stores another result of a trial just before the given one.
type racing struct {
	*activitiestest.Archive
	other sweep.Trial
}

func (r *racing) For(context.Context, sweep.Identity, string) (activities.Checkpoints, activities.Records, error) {
	return r, r, nil
}

func (r *racing) CreateResult(ctx context.Context, name string, trial sweep.Trial) (sweep.Trial, error) {
	if err := r.PutResult(ctx, name, r.other); err != nil {
		return trial, err
	}
	return r.Archive.CreateResult(ctx, name, trial)
}

// A trial is terminated in Temporal while its Publish runs. Whichever result is stored first
// counts, since its sweep has recorded it or will: the store must not get another one.
func TestTheFirstResultOfATerminatedTrialCounts(t *testing.T) {
	began := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	silent := activities.SilentTrial{Workflow: "w2", Assignment: sweep.Assignment{Number: 2}, StartedAt: began}
	lost := sweep.Trial{
		Assignment: silent.Assignment, Status: sweep.StatusFailed, StartedAt: began, FinishedAt: began.Add(time.Hour),
		Error: &sweep.Failure{Class: sweep.FailLost},
	}
	completed := sweep.Trial{Assignment: silent.Assignment, Status: sweep.StatusCompleted, StartedAt: began.Add(time.Second), FinishedAt: began.Add(time.Minute)}

	t.Run("the sweep's", func(t *testing.T) {
		b := newBench(t)
		b.Archive = &racing{b.archive, lost}
		_, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{Sweep: "s", Trial: completed})
		require.ErrorContains(t, err, "publish trial 2: another result was stored meanwhile")
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure)
		require.False(t, failure.NonRetryable(), "a later run of the number replaces the result of an earlier one")
		stored, _, err := b.archive.Result(t.Context(), "s", 2)
		require.NoError(t, err)
		require.Equal(t, lost, stored)
	})
	t.Run("the trial's", func(t *testing.T) {
		b := newBench(t)
		executions := &activitiestest.Executions{}
		executions.Set("w2", activities.ExecutionTerminated)
		b.Executions, b.Archive = executions, &racing{b.archive, completed}
		value, err := b.env.ExecuteActivity(b.Reconcile, activities.ReconcileInput{Sweep: "s", Silent: []activities.SilentTrial{silent}})
		require.NoError(t, err)
		var result activities.ReconcileResult
		require.NoError(t, value.Get(&result))
		require.Equal(t, []sweep.Trial{completed}, result.Ended)
	})
}

// The result of a trial that was ended names its newest checkpoint with an intact manifest,
// and only then removes the others.
func TestPublishNamesNoDamagedCheckpoint(t *testing.T) {
	b := newBench(t)
	intact := b.archive.Store(2, 1, 100, false).Key
	b.archive.Store(2, 1, 200, true)
	in := activities.PublishInput{Sweep: "s", Trial: sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: sweep.StatusCancelled}}
	b.archive.Fail("CheckManifest", errAway)
	_, err := b.env.ExecuteActivity(b.Publish, in)
	require.ErrorContains(t, err, "store is away")
	require.Len(t, b.archive.Keys(), 2)
	b.archive.Fail("CheckManifest", nil)
	_, err = b.env.ExecuteActivity(b.Publish, in)
	require.NoError(t, err)
	published, _, err := b.archive.Result(t.Context(), "s", 2)
	require.NoError(t, err)
	require.Equal(t, intact, published.Checkpoint)
	require.Equal(t, 100, published.Steps)
	require.Equal(t, []string{intact}, b.archive.Keys())
}

func TestPublishLosesNoCurve(t *testing.T) {
	b := newBench(t)
	for _, step := range []int{100, 200, 300} {
		b.archive.Store(2, 1, step, false)
	}
	in := activities.PublishInput{Sweep: "s", Trial: sweep.Trial{Assignment: sweep.Assignment{Number: 2}, Status: sweep.StatusDiverged}}
	publish := func() error {
		_, err := b.env.ExecuteActivity(b.Publish, in)
		return err
	}
	b.archive.Fail("KeepCurve", errAway)
	require.ErrorContains(t, publish(), "store is away")
	require.Len(t, b.archive.Keys(), 3, "removed although the curve is not kept")
	b.archive.Fail("KeepCurve", nil)
	stale := b.archive.Store(3, 1, 100, false).Key
	b.archive.Fail("KeepCurve", activities.ErrCorrupt)
	_, err := b.env.ExecuteActivity(b.Publish, activities.PublishInput{Sweep: "s", Trial: sweep.Trial{Assignment: sweep.Assignment{Number: 3}, Status: sweep.StatusDiverged}})
	require.NoError(t, err, "a damaged manifest: the next try would not find another one")
	require.NotContains(t, b.archive.Keys(), stale)
	b.archive.Fail("KeepCurve", nil)

	b.archive.Fail("Remove", errAway)
	for left := 2; left >= 0; left-- { // each time dies after it has removed one
		require.ErrorContains(t, publish(), "store is away")
		require.Len(t, b.archive.Keys(), left)
	}
	b.archive.Fail("Remove", nil)
	require.NoError(t, publish())
	last := activitiestest.Key(2, 1, 300)
	require.Equal(t, []string{last, last, last}, b.archive.Curves(), "a shorter curve took the place of the longest")
}

func TestAppendSegment(t *testing.T) {
	b := newBench(t)
	appended := func(segment int, trials ...sweep.Trial) activities.AppendSegmentResult {
		value, err := b.env.ExecuteActivity(b.AppendSegment, activities.AppendSegmentInput{Sweep: "s", Segment: segment, Trials: trials})
		require.NoError(t, err)
		var result activities.AppendSegmentResult
		require.NoError(t, value.Get(&result))
		return result
	}
	first := sweep.Trial{Status: sweep.StatusCompleted}
	second, third := first, first
	second.Number, third.Number = 1, 2
	for range 2 {
		require.Empty(t, appended(0, first).Taken)
	}
	b.archive.Fail("Compact", errAway)
	require.Empty(t, appended(1, second, third).Taken, "a ledger without packs is complete")
	require.Equal(t, []sweep.Trial{second, third}, appended(1, third).Taken, "a history that a reset cut off was faster")
	require.Len(t, b.archive.Segments(), 2)
}

// blockedError is an error as a port returns it.
type blockedError struct{}

func (blockedError) Error() string             { return "object store: open: the bucket does not exist" }
func (blockedError) BlockReason() block.Reason { return block.NoBucket }

func TestErrorsKeepTheirReasonAndWholeRunes(t *testing.T) {
	b := newBench(t)
	failing := func(err error) *temporal.ApplicationError {
		b.archive.Fail("PutBest", err)
		_, err = b.env.ExecuteActivity(b.Curate, activities.CurateInput{Sweep: "s"})
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		return application
	}
	blocked := failing(fmt.Errorf("the pointer: %w", blockedError{}))
	require.Equal(t, string(block.NoBucket), blocked.Type())
	require.False(t, blocked.NonRetryable(), "the bucket may be made again")

	signed := failing(errors.New("Get https://bucket.example/x?X-Amz-Signature=abc123: refused"))
	require.NotContains(t, signed.Message(), "abc123", "a history keeps it")

	for shift := range 3 { // a cut at any byte would halve a rune of three bytes
		long := failing(sweep.Fail(sweep.FailBug, errors.New(strings.Repeat("x", shift)+strings.Repeat("画", 3000))))
		require.Equal(t, string(sweep.FailBug), long.Type())
		require.True(t, utf8.ValidString(long.Message()))
		require.Less(t, len(long.Message()), 5000)
	}
}

// Of two trials the one that led by a lucky seed comes second once the ledger has
// its other seed; what is not asked about, or is in a later segment, is left out.
func TestRankLooksAtTheLedger(t *testing.T) {
	b := newBench(t)
	spec := gridSpec()
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2}, Share: 0.5}
	trial := func(number int, x float64, seed int64, tail float64) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: sweep.KindSearch, Params: sweep.Params{"infonce.weight": sweep.Number(x)}, Seed: seed},
			Status:     sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{spec.Metrics[0].Name: tail}},
		}
	}
	for i, segment := range [][]sweep.Trial{{trial(0, 0, 9, 1), trial(1, 1, 9, 3)}, {trial(2, 0, 2, 9)}, {trial(3, 1, 2, 99)}} {
		_, err := b.env.ExecuteActivity(b.AppendSegment, activities.AppendSegmentInput{Sweep: spec.Name, Segment: i, Trials: segment})
		require.NoError(t, err)
	}
	for _, c := range []struct {
		segments        int
		numbers, result []int
	}{
		{1, []int{1, 0}, []int{0, 1}}, {2, []int{1, 0}, []int{1, 0}}, {3, []int{1, 0}, []int{0, 1}},
		{2, []int{0, 1, 2}, []int{1, 0}}, // a setting leads once
		{2, []int{1, 2}, []int{1, 2}},    // by whichever of its seeds is asked about
	} {
		value, err := b.env.ExecuteActivity(b.Rank, activities.RankInput{Spec: spec, Segments: c.segments, Numbers: c.numbers})
		require.NoError(t, err)
		var result activities.RankResult
		require.NoError(t, value.Get(&result))
		require.Equal(t, c.result, result.Numbers, "%+v", c)
	}
}

// Rank lists the trials with rungs that broke a constraint in the end.
func TestRankListsTheInfeasible(t *testing.T) {
	b := newBench(t)
	spec := gridSpec()
	limit, err := sweep.ParseConstraint("fid.head <= baseline.fid.head")
	require.NoError(t, err)
	spec.Constraints = []sweep.Constraint{limit}
	trial := func(number int, kind sweep.Kind, head float64, rungs ...sweep.Rung) sweep.Trial {
		return sweep.Trial{
			Assignment: sweep.Assignment{Number: number, Kind: kind, Params: sweep.Params{"infonce.weight": sweep.Number(float64(number))}}, Rungs: rungs,
			Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{spec.Metrics[0].Name: 9, "fid.head": head}},
		}
	}
	rung := sweep.Rung{Step: 100}
	_, err = b.env.ExecuteActivity(b.AppendSegment, activities.AppendSegmentInput{Sweep: spec.Name, Trials: []sweep.Trial{
		trial(3, sweep.KindSearch, 22, rung), trial(1, sweep.KindSearch, 21, rung), trial(2, sweep.KindSearch, 19, rung),
		trial(4, sweep.KindSearch, 30), trial(0, sweep.KindBaseline, 20, rung),
	}})
	require.NoError(t, err)
	value, err := b.env.ExecuteActivity(b.Rank, activities.RankInput{Spec: spec, Segments: 1, Numbers: []int{1}})
	require.NoError(t, err)
	var result activities.RankResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, activities.RankResult{Numbers: []int{1}, Infeasible: []int{1, 3}}, result)
}

func TestCurateMovesThePointerBeforeItRemoves(t *testing.T) {
	b := newBench(t)
	overtaken := b.archive.Store(0, 1, 300, false)
	_, err := b.env.ExecuteActivity(b.AppendSegment, activities.AppendSegmentInput{Sweep: "s", Trials: []sweep.Trial{
		{Assignment: sweep.Assignment{Number: 1}}, {Assignment: sweep.Assignment{Number: 0}}, {Assignment: sweep.Assignment{Number: 5}},
	}})
	require.NoError(t, err)
	in := activities.CurateInput{Sweep: "s", Evicted: []string{overtaken.Key}, Segments: 1, Leaders: []int{5, 1}}
	b.archive.Fail("PutBest", errors.New("store is away"))
	_, err = b.env.ExecuteActivity(b.Curate, in)
	require.Error(t, err)
	require.Equal(t, []string{overtaken.Key}, b.archive.Keys(), "removed although the pointer still names it")
	b.archive.Fail("PutBest", nil)
	_, err = b.env.ExecuteActivity(b.Curate, in)
	require.NoError(t, err)
	require.Equal(t, []int{5, 1}, b.archive.Best())
	require.Empty(t, b.archive.Keys())
}

func TestReconcile(t *testing.T) {
	b := newBench(t)
	executions := &activitiestest.Executions{}
	b.Executions = executions
	started := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	var silent []activities.SilentTrial
	for number, status := range []activities.ExecutionStatus{
		activities.ExecutionRunning, activities.ExecutionTerminated, activities.ExecutionCompleted, "",
	} {
		id := "w" + string(rune('0'+number))
		silent = append(silent, activities.SilentTrial{
			Workflow: id, StartedAt: started,
			Assignment: sweep.Assignment{Number: number, Params: sweep.Params{"lr": sweep.Number(.1)}},
		})
		if status != "" {
			executions.Set(id, status)
		}
	}
	b.archive.Store(2, 1, 100, false) // its removal was interrupted
	published := sweep.Trial{
		Assignment: silent[2].Assignment, Status: sweep.StatusCompleted, Losses: sweep.Losses{LossLast: new(.5)},
		Checkpoint: b.archive.Store(2, 1, 200, false).Key,
	}
	require.NoError(t, b.archive.PutResult(t.Context(), "s", published))
	b.archive.Store(1, 1, 100, false)
	last := b.archive.Store(1, 1, 200, false)
	b.archive.Store(1, 1, 300, true) // its manifest is damaged

	value, err := b.env.ExecuteActivity(b.Reconcile, activities.ReconcileInput{Sweep: "s", Silent: silent})
	require.NoError(t, err)
	var result activities.ReconcileResult
	require.NoError(t, value.Get(&result))
	require.Len(t, result.Ended, 3, "the running one has not ended")

	terminated := result.Ended[0]
	require.Equal(t, 1, terminated.Number)
	require.Equal(t, sweep.StatusFailed, terminated.Status)
	require.Equal(t, sweep.FailLost, terminated.Error.Class)
	require.Contains(t, terminated.Error.Message, "w1 ended (terminated)")
	require.Equal(t, silent[1].Assignment, terminated.Assignment)
	require.Equal(t, started, terminated.StartedAt)
	require.Equal(t, last.Key, terminated.Checkpoint)
	stored, _, err := b.archive.Result(t.Context(), "s", 1)
	require.NoError(t, err)
	require.Equal(t, terminated, stored)
	require.ElementsMatch(t, []string{last.Key, published.Checkpoint}, b.archive.Keys())
	require.ElementsMatch(t, []string{last.Key, published.Checkpoint}, b.archive.Curves())

	require.Equal(t, published, result.Ended[1])
	require.Contains(t, result.Ended[2].Error.Message, "workflow w3 no longer exists")

	published.Reason.Note = strings.Repeat("x", conduct.PayloadLimit)
	require.NoError(t, b.archive.PutResult(t.Context(), "s", published))
	value, err = b.env.ExecuteActivity(b.Reconcile, activities.ReconcileInput{Sweep: "s", Silent: silent})
	require.NoError(t, err)
	result = activities.ReconcileResult{}
	require.NoError(t, value.Get(&result))
	require.Len(t, result.Ended, 2)
	require.Equal(t, []int{3}, result.Left, "no more fits into a payload")
}

// A trial that the sweep did not start is found by its workflow or its result, unless
// it is older than the sweep.
func TestReconcileFindsAFurtherTrial(t *testing.T) {
	began := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	published := func(at time.Time) *sweep.Trial {
		return &sweep.Trial{Assignment: sweep.Assignment{Number: 4}, Status: sweep.StatusCompleted, StartedAt: at}
	}
	tests := []struct {
		name    string
		status  activities.ExecutionStatus
		started time.Time
		result  *sweep.Trial
		want    bool
	}{
		{name: "nothing is there"},
		{name: "it runs", status: activities.ExecutionRunning, started: began, want: true},
		{name: "it was terminated", status: activities.ExecutionTerminated, started: began.Add(time.Hour), want: true},
		{name: "it is of an earlier sweep", status: activities.ExecutionCompleted, started: began.Add(-time.Second), result: published(began.Add(-time.Second))},
		{name: "its workflow is past its retention", result: published(began.Add(time.Minute)), want: true},
		{name: "likewise, of an earlier sweep", result: published(began.Add(-time.Minute))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			executions := &activitiestest.Executions{Started: test.started}
			b.Executions = executions
			if test.status != "" {
				executions.Set("w4", test.status)
			}
			if test.result != nil {
				require.NoError(t, b.archive.PutResult(t.Context(), "s", *test.result))
			}
			value, err := b.env.ExecuteActivity(b.Reconcile, activities.ReconcileInput{Sweep: "s", Next: &activities.SilentTrial{
				Workflow: "w4", Assignment: sweep.Assignment{Number: 4}, StartedAt: began,
			}})
			require.NoError(t, err)
			var result activities.ReconcileResult
			require.NoError(t, value.Get(&result))
			require.Equal(t, test.want, result.Found)
			require.Empty(t, result.Ended)
		})
	}
}
