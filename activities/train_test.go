package activities_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// bench is an activity environment around fakes.
type bench struct {
	*activities.Activities
	trainer  *activitiestest.Trainer
	archive  *activitiestest.Archive
	recorder *activitiestest.Recorder
	env      *testsuite.TestActivityEnvironment

	warned func() // nil, or called for each warning that an activity logs

	mu         sync.Mutex
	heartbeats []activities.Heartbeat
}

func (b *bench) heartbeatCount() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heartbeats)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		trainer:  &activitiestest.Trainer{},
		archive:  activitiestest.NewArchive(),
		recorder: &activitiestest.Recorder{},
	}
	b.Activities = &activities.Activities{
		Trainer: b.trainer, Archive: b.archive, Recorder: b.recorder,
		Executions: &activitiestest.Executions{}, StagingRoot: t.TempDir(),
	}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(warnings{slog.DiscardHandler, b})))
	b.env = suite.NewTestActivityEnvironment()
	b.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&heartbeatCounter{bench: b}}})
	b.env.RegisterActivity(b.Activities)
	return b
}

// warnings has bench.warned called for each warning that an activity logs.
type warnings struct {
	slog.Handler
	bench *bench
}

func (warnings) Enabled(_ context.Context, level slog.Level) bool { return level == slog.LevelWarn }
func (w warnings) WithAttrs([]slog.Attr) slog.Handler             { return w }
func (w warnings) Handle(context.Context, slog.Record) error {
	if w.bench.warned != nil {
		w.bench.warned()
	}
	return nil
}

// heartbeatCounter records every heartbeat; the SDK itself throttles them.
type heartbeatCounter struct {
	interceptor.WorkerInterceptorBase
	bench *bench
}

func (c *heartbeatCounter) InterceptActivity(
	ctx context.Context, next interceptor.ActivityInboundInterceptor,
) interceptor.ActivityInboundInterceptor {
	return &beatInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, bench: c.bench}
}

type beatInbound struct {
	interceptor.ActivityInboundInterceptorBase
	bench *bench
}

func (i *beatInbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&beatOutbound{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: next}, bench: i.bench})
}

type beatOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	bench *bench
}

func (o *beatOutbound) RecordHeartbeat(ctx context.Context, details ...any) {
	o.bench.mu.Lock()
	o.bench.heartbeats = append(o.bench.heartbeats, details[0].(activities.Heartbeat))
	o.bench.mu.Unlock()
	o.Next.RecordHeartbeat(ctx, details...)
}

func (b *bench) train(in activities.TrainInput) (activities.TrainResult, error) {
	var result activities.TrainResult
	value, err := b.env.ExecuteActivity(b.Train, in)
	if err == nil {
		err = value.Get(&result)
	}
	return result, err
}

func (b *bench) requireEmptyStaging(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(b.StagingRoot)
	require.NoError(t, err)
	require.Empty(t, left, "the staging folder was not removed")
}

func input(trial, attempt int) activities.TrainInput {
	return activities.TrainInput{
		Task: sweep.Task{Spec: sweep.Spec{
			Name: "s", Train: sweep.Train{Steps: 300}, Checkpoints: sweep.Checkpoints{EverySteps: 100},
		}, Assignment: sweep.Assignment{Number: trial}, Attempt: attempt},
	}
}

func TestTrainStoresEachCheckpoint(t *testing.T) {
	b := newBench(t)
	result, err := b.train(input(4, 1))
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomeDone, result.Status)
	require.Equal(t, activities.CheckpointRef{Key: activitiestest.Key(4, 1, 300), Step: 300}, result.Checkpoint)
	require.Positive(t, result.Seconds)
	require.Equal(t, []string{
		activitiestest.Key(4, 1, 100), activitiestest.Key(4, 1, 200), activitiestest.Key(4, 1, 300),
	}, b.archive.Keys())
	require.Equal(t, int64(9), b.recorder.StoredBytes(), "three files of three digits")
	require.Equal(t, []int{4}, b.recorder.Ended())
	b.requireEmptyStaging(t)
}

func TestTrainResumes(t *testing.T) {
	tests := []struct {
		name    string
		stored  []int // steps of whole checkpoints
		corrupt []int
		from    int
	}{
		{name: "nothing to resume from"},
		{name: "the last one", stored: []int{100, 200}, from: 200},
		{name: "the one before a corrupt one", stored: []int{100}, corrupt: []int{200}, from: 100},
		{name: "from the start when all are corrupt", corrupt: []int{100, 200}},
		{name: "a final one is only handed over", stored: []int{300}, from: 300},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			for _, step := range test.stored {
				b.archive.Store(0, 1, step, false)
			}
			for _, step := range test.corrupt {
				b.archive.Store(0, 1, step, true)
			}
			in := input(0, 2)
			in.After = sweep.FailLost
			result, err := b.train(in)
			require.NoError(t, err)
			require.Equal(t, 300, result.Checkpoint.Step)
			job := b.trainer.Jobs()[0]
			require.Equal(t, test.from, job.From)
			if test.from > 0 {
				require.Equal(t, activitiestest.Key(0, 1, test.from), job.Parent)
			}
			require.Equal(t, []sweep.FailureClass{sweep.FailLost}, b.recorder.Restarts())
		})
	}
}

func TestTrainToARung(t *testing.T) {
	b := newBench(t)
	in := input(4, 1)
	in.Until = 200
	result, err := b.train(in)
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomeDone, result.Status)
	require.Equal(t, activities.CheckpointRef{Key: activitiestest.Key(4, 1, 200), Step: 200}, result.Checkpoint)

	// A reset of the trial's workflow may ask for a rung again that later
	// checkpoints lie behind.
	b.archive.Store(4, 1, 300, false)
	in.Attempt, in.Until = 2, 100
	result, err = b.train(in)
	require.NoError(t, err)
	require.Equal(t, 100, result.Step)
	require.Equal(t, []activitiestest.Job{
		{Trial: 4, Attempt: 1, Until: 200},
		{Trial: 4, Attempt: 2, From: 100, Until: 100, Parent: activitiestest.Key(4, 1, 100)},
	}, b.trainer.Jobs())
}

func TestTrainFailureKeepsItsClassAndWhatWasDone(t *testing.T) {
	tests := []struct {
		name         string
		err          error
		errorType    string
		nonRetryable bool
	}{
		{"out of memory", failure(sweep.FailOutOfMemory), "out_of_memory", true},
		{"bad data", failure(sweep.FailBadData), "bad_data", true},
		{"bug", failure(sweep.FailBug), "bug", true},
		{"lost", failure(sweep.FailLost), "lost", false},
		{"any other", errors.New("connection refused"), "transient", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 200, Err: test.err}}}
			_, err := b.train(input(0, 3))
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, test.errorType, application.Type())
			require.Equal(t, test.nonRetryable, application.NonRetryable())
			var last activities.Heartbeat
			require.NoError(t, application.Details(&last))
			require.Equal(t, activities.CheckpointRef{Key: activitiestest.Key(0, 3, 200), Step: 200}, last.Checkpoint)
			require.Equal(t, 3, last.Attempt)
			require.Positive(t, last.Seconds)
			b.requireEmptyStaging(t)
		})
	}
}

func failure(class sweep.FailureClass) error {
	return &sweep.FailureError{Failure: sweep.Failure{Class: class, Message: "on purpose"}}
}

func TestTrainHeartbeatNamesOnlyStoredCheckpoints(t *testing.T) {
	b := newBench(t)
	b.Transfers = activities.Transfers{Timeout: time.Minute, FirstWait: time.Millisecond, MaxWait: time.Millisecond, RetryFor: 20 * time.Millisecond}
	b.HeartbeatEvery = time.Millisecond
	b.archive.Fail("Upload", errAway)
	_, err := b.train(input(0, 1))
	require.ErrorContains(t, err, "store is away")
	require.NotEmpty(t, b.heartbeats)
	for _, h := range b.heartbeats {
		require.Empty(t, h.Checkpoint.Key)
	}
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, string(block.Other), application.Type())
}

// A heartbeat is a transaction of the server.
func TestAShortAttemptSendsNoHeartbeat(t *testing.T) {
	b := newBench(t)
	_, err := b.train(input(0, 1))
	require.NoError(t, err)
	require.Empty(t, b.heartbeats)
}

func TestTrainThatStallsIsEnded(t *testing.T) {
	b := newBench(t)
	b.StallTimeout, b.HeartbeatEvery = 500*time.Millisecond, 5*time.Millisecond // a busy machine still has several heartbeats in that time
	b.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Hang: true}}}
	_, err := b.train(input(0, 1))
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, "transient", application.Type())
	require.Contains(t, application.Message(), "no step finished for 500ms after step 100")
	require.Greater(t, len(b.heartbeats), 5, "no heartbeat was sent while nothing moved")
}

// slowLoader reads images for longer than a step may take, and says so; or a program measures for
// as long, and reports the same step again and again.
type slowLoader struct {
	activities.Trainer
	measures bool
}

func (s slowLoader) Train(
	ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error,
) (activities.Outcome, error) {
	for n := range 16 {
		p := activities.Progress{Loaded: n + 1}
		if s.measures {
			p = activities.Progress{Reports: n + 1}
		}
		if err := report(p); err != nil {
			return activities.Outcome{}, err
		}
		select {
		case <-ctx.Done():
			return activities.Outcome{}, context.Cause(ctx)
		case <-time.After(25 * time.Millisecond):
		}
	}
	return s.Trainer.Train(ctx, job, drain, report)
}

func TestReadingImagesIsNoStall(t *testing.T) {
	for _, measures := range []bool{false, true} {
		b := newBench(t)
		b.Trainer, b.StallTimeout, b.HeartbeatEvery = slowLoader{b.trainer, measures}, 200*time.Millisecond, 5*time.Millisecond
		result, err := b.train(input(0, 1))
		require.NoError(t, err)
		require.Equal(t, sweep.OutcomeDone, result.Status)
	}
}

func TestTrainDrains(t *testing.T) {
	b := newBench(t)
	stop := make(chan struct{})
	close(stop)
	b.env.SetWorkerStopChannel(stop)
	b.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 200, Hang: true}}}
	result, err := b.train(input(0, 1))
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomePreempted, result.Status)
	require.Equal(t, 200, result.Checkpoint.Step)
}

// A drain right after a checkpoint names no further one, nor does one before the
// first step of an attempt that resumed.
func TestTrainEndsWithItsTime(t *testing.T) {
	b := newBench(t)
	b.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Hang: true}}}
	in := input(0, 1)
	in.Left = time.Millisecond
	result, err := b.train(in)
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomeTimeUp, result.Status)
	require.Equal(t, activitiestest.Key(0, 1, 100), result.Checkpoint.Key, "what was saved is kept")
}

func TestTrainPreemptedWithoutAFurtherCheckpoint(t *testing.T) {
	for name, test := range map[string]struct {
		resumed int
		want    activities.CheckpointRef
	}{
		"right after a checkpoint": {0, activities.CheckpointRef{Key: activitiestest.Key(0, 2, 100), Step: 100}},
		"right after it resumed":   {100, activities.CheckpointRef{Key: activitiestest.Key(0, 1, 100), Step: 100}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if test.resumed > 0 {
				b.archive.Store(0, 1, test.resumed, false)
			}
			b.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Preempt: true}}}
			result, err := b.train(input(0, 2))
			require.NoError(t, err)
			require.Equal(t, sweep.OutcomePreempted, result.Status)
			require.Equal(t, 100, result.Step)
			require.Equal(t, test.want, result.Checkpoint)
			require.Equal(t, []string{test.want.Key}, b.archive.Keys())
		})
	}
}

func TestEvaluateYieldsWhenTheWorkerStops(t *testing.T) {
	b := newBench(t)
	stop := make(chan struct{})
	close(stop)
	b.env.SetWorkerStopChannel(stop)
	ref := b.archive.Store(0, 1, 300, false)
	b.trainer.EvaluateHangs = true
	_, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: sweep.Task{Spec: input(0, 1).Spec}, Checkpoint: ref})
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, "preempted", application.Type())
}

func TestEvaluate(t *testing.T) {
	b := newBench(t)
	ref := b.archive.Store(0, 1, 300, false)
	b.trainer.Extra = map[string]float64{"fid.medium": math.NaN()}
	value, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: sweep.Task{Spec: input(0, 1).Spec}, Checkpoint: ref})
	require.NoError(t, err)
	var result activities.EvaluateResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, activitiestest.Metrics(sweep.Assignment{}), result.Metrics, "a metric that is not finite was kept")
	require.Equal(t, "trials/000000/grid.png", result.Grid)
	require.Equal(t, map[string]float64{"fid.tail": activitiestest.Floor}, result.Floor)
	require.Equal(t, activitiestest.Features, result.Features)
	require.Equal(t, 1, b.recorder.Pictures(), "nobody sees that the evaluation moves")
	b.requireEmptyStaging(t)
}

// An evaluation without a value of an objective is a failure that names it, never a
// result.
func TestEvaluateRefusesAMissingObjective(t *testing.T) {
	for name, value := range map[string]map[string]float64{"absent": nil, "not finite": {"kid.tail": math.NaN()}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.trainer.Extra = value
			in := activities.EvaluateInput{Task: sweep.Task{Spec: input(0, 1).Spec}, Checkpoint: b.archive.Store(0, 1, 300, false)}
			in.Spec.Metrics = append(in.Spec.Metrics, sweep.Objective{Name: "kid.tail", Goal: sweep.Minimize})
			_, err := b.env.ExecuteActivity(b.Evaluate, in)
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			require.Equal(t, "bad_data", application.Type())
			require.Contains(t, application.Message(), "kid.tail")
		})
	}
}

// A loss that is not finite is left out of heartbeats and results: 0 would be a loss.
func TestANonFiniteLossIsNotZero(t *testing.T) {
	b := newBench(t)
	b.Trainer, b.HeartbeatEvery = nanTrainer{b.trainer}, time.Microsecond
	result, err := b.train(input(0, 1))
	require.NoError(t, err)
	require.Equal(t, sweep.Losses{LossFirst: new(1.0)}, result.Losses)
	require.NotEmpty(t, b.heartbeats)
	for _, h := range b.heartbeats {
		require.Nil(t, h.Progress.Point)
	}
}

// nanTrainer reports losses that are not finite.
type nanTrainer struct{ activities.Trainer }

func (n nanTrainer) Train(
	ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error,
) (activities.Outcome, error) {
	outcome, err := n.Trainer.Train(ctx, job, drain, func(p activities.Progress) error {
		p.Point = &sweep.CurvePoint{Step: p.Step, Loss: math.NaN()}
		return report(p)
	})
	outcome.LossLast = new(math.NaN())
	return outcome, err
}

func TestEvaluateARung(t *testing.T) {
	b := newBench(t)
	in := activities.EvaluateInput{Task: sweep.Task{Spec: input(4, 1).Spec, Assignment: sweep.Assignment{Number: 4}}, Checkpoint: b.archive.Store(4, 1, 100, false)}
	in.Spec.Evaluate = sweep.Evaluate{SamplesPerClass: 1000, Rung: &sweep.RungEvaluate{SamplesPerClass: 200, Guidance: []float64{1}}}
	for _, rung := range []bool{true, false} {
		in.Rung = rung
		_, err := b.env.ExecuteActivity(b.Evaluate, in)
		require.NoError(t, err)
	}
	require.Equal(t, []activitiestest.Evaluation{{Trial: 4, Step: 100, SamplesPerClass: 200}, {Trial: 4, Step: 100, SamplesPerClass: 1000}}, b.trainer.Evaluations())
}

func TestEvaluateSaysCorrupt(t *testing.T) {
	b := newBench(t)
	ref := b.archive.Store(0, 1, 300, true)
	_, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: sweep.Task{Spec: input(0, 1).Spec}, Checkpoint: ref})
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, activities.TypeCorrupt, application.Type())
	require.Contains(t, application.Message(), ref.Key)
}

func TestTrainWithoutStagingRoot(t *testing.T) {
	b := newBench(t)
	b.StagingRoot = filepath.Join(b.StagingRoot, "absent")
	_, err := b.train(input(7, 1))
	require.ErrorContains(t, err, "stage trial 7")
}

// fetching is a FAKE of the port Datasets that takes its time, or fails.
type fetching struct {
	takes time.Duration
	err   error
	asked []sweep.Dataset
}

func (f *fetching) Dataset(ctx context.Context, d sweep.Dataset) error {
	f.asked = append(f.asked, d)
	select {
	case <-time.After(f.takes):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return f.err
}

func TestTheDatasetIsFetchedFirst(t *testing.T) {
	b := newBench(t)
	in := input(4, 1)
	in.Spec.Dataset = sweep.Dataset{Name: sweep.ImageFolder, Path: "s3://bucket/set"}
	port := &fetching{takes: 300 * time.Millisecond}
	b.Datasets, b.StallTimeout, b.HeartbeatEvery = port, 100*time.Millisecond, 10*time.Millisecond
	_, err := b.train(in)
	require.NoError(t, err, "a long download is not a stall")
	require.Equal(t, []sweep.Dataset{in.Spec.Dataset}, port.asked)

	for class, cause := range map[sweep.FailureClass]error{
		sweep.FailBadData:   failure(sweep.FailBadData),
		sweep.FailTransient: errors.New("network is unreachable"),
	} {
		b = newBench(t)
		b.Datasets = &fetching{err: cause}
		_, err = b.train(in)
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		require.Equal(t, string(class), application.Type())
		b.requireEmptyStaging(t)
	}
}

// An attempt after one that was blocked reports with its first stored checkpoint that
// the trial goes on, once.
func TestTrainReportsThatItIsNotBlockedAnyMore(t *testing.T) {
	b := newBench(t)
	executions := &activitiestest.Executions{}
	b.Executions = executions
	_, err := b.train(input(3, 1))
	require.NoError(t, err)
	require.Empty(t, executions.Signals())

	in := input(4, 1)
	in.Report, in.BlockedBy = toSweep, block.Full
	result, err := b.train(in)
	require.NoError(t, err)
	require.Empty(t, result.Reason())
	require.Equal(t, unblocked, executions.Signals())
}

var unblocked = []activitiestest.Sent{{Receiver: toSweep, Content: conduct.TrialBlocked{Trial: 4}}}

// stepping reports a step before the first checkpoint, and then calls moved.
type stepping struct {
	activities.Trainer
	moved func()
}

func (s stepping) Train(
	ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error,
) (activities.Outcome, error) {
	for _, p := range []activities.Progress{{Backend: "fake", Compiling: true}, {Backend: "fake", Step: 1, StepsPerSecond: 1}} {
		if err := report(p); err != nil {
			return activities.Outcome{}, err
		}
	}
	s.moved()
	return s.Trainer.Train(ctx, job, drain, report)
}

func (s stepping) Evaluate(ctx context.Context, job sweep.EvaluateJob, report func(activities.Progress) error) (sweep.Evaluation, error) {
	found, err := s.Trainer.Evaluate(ctx, job, report)
	s.moved()
	return found, err
}

// It reports that with its first step or sample where a success of a read shows that the
// cause is gone.
func TestAnAttemptThatMovesIsNotBlocked(t *testing.T) {
	for reason, atFirst := range map[block.Reason]bool{
		block.Unreachable: true, block.Clock: true, block.Environment: true, block.Denied: false, block.Full: false, block.Other: false,
		block.LedgerDamaged: false, block.NotOwner: false, block.WrongStore: false,
	} {
		for _, stage := range []activities.Stage{activities.StageTrain, activities.StageEvaluate} {
			b := newBench(t)
			executions := &activitiestest.Executions{}
			var seen []activitiestest.Sent
			b.Executions, b.Trainer = executions, stepping{b.trainer, func() { seen = executions.Signals() }}
			in := input(4, 2)
			if stage == activities.StageTrain {
				in.Report, in.BlockedBy = toSweep, reason
				result, err := b.train(in)
				require.NoError(t, err)
				require.Empty(t, result.Reason())
				require.Equal(t, unblocked, executions.Signals(), "once")
			} else {
				ref := b.archive.Store(4, 1, 300, false)
				value, err := b.env.ExecuteActivity(b.Evaluate, activities.EvaluateInput{Task: in.Task, Checkpoint: ref, Report: toSweep, BlockedBy: reason})
				require.NoError(t, err)
				var result activities.EvaluateResult
				require.NoError(t, value.Get(&result))
				if !atFirst {
					require.Equal(t, reason, result.Reason(), "the trial reports that it is not blocked when the evaluation has ended")
				}
			}
			if atFirst {
				require.Equal(t, unblocked, seen, "%s %s", stage, reason)
			} else {
				require.Empty(t, seen, "%s %s", stage, reason)
			}
		}
	}
}
