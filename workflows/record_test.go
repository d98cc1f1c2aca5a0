package workflows

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// record writes the histories of TestRecord into testdata. Each logic version has
// a folder of its own: after a change of version, and only then, run, next to
// `tailsweep up --no-worker`,
//
//	TAILSWEEP_TEST_TEMPORAL_ADDRESS=127.0.0.1:PORT go test ./workflows -run Record -record
var record = flag.Bool("record", false, "write the histories of the current logic version into testdata")

const addressVariable = "TAILSWEEP_TEST_TEMPORAL_ADDRESS"

// stage is a real Temporal server with a worker whose ports are fakes.
type stage struct {
	t       *testing.T
	client  client.Client
	trainer *activitiestest.Trainer
	archive *activitiestest.Archive
	spec    sweep.Spec

	released chan struct{} // hanging calls continue when a test closes it
}

// TestRecord runs workflows against a real Temporal server; what they train is a
// fake. It checks what the test environment cannot show: trials that outlive the
// run that started them, and cancellations that travel by heartbeat.
func TestRecord(t *testing.T) {
	address := os.Getenv(addressVariable)
	if address == "" {
		t.Skip("needs a Temporal server, named by " + addressVariable)
	}
	t.Run("grid", func(t *testing.T) {
		s := newStage(t, address, "grid")
		p := s.finish(s.start(0))
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Equal(t, 3, p.Best.Number)
		s.requireLedger(4)
		s.keep("grid-sweep", SweepID(s.spec.Name), 1)
		s.keep("grid-trial", TrialID(s.spec.Name, 0), 1)
	})
	t.Run("continued", func(t *testing.T) {
		s := newStage(t, address, "continued")
		s.trainer.Faults = map[int][]activitiestest.Fault{
			0: {{Step: 200, Err: failed(sweep.FailLost)}, {Step: 200, Preempt: true}},
			1: {{Step: 100, Diverge: true}},
			2: {{Step: 100, Err: failed(sweep.FailBadData)}},
		}
		p := s.finish(s.start(1))
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Equal(t, map[sweep.Status]int{"completed": 2, "diverged": 1, "failed": 1}, p.Counts)
		s.requireLedger(4)
		for _, trial := range s.archive.Trials() {
			if trial.Number == 0 {
				require.Equal(t, 3, trial.Attempts)
			}
		}
		s.keep("continued-sweep", SweepID(s.spec.Name), 3)
		s.keep("retried-trial", TrialID(s.spec.Name, 0), 1)
		s.keep("failed-trial", TrialID(s.spec.Name, 2), 1)
	})
	t.Run("cancelled", func(t *testing.T) {
		s := newStage(t, address, "cancelled")
		s.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Hang: true}}, 1: {{Step: 200, Hang: true}}}
		run := s.start(0)
		require.Eventually(t, func() bool { return len(s.archive.Keys()) == 3 }, time.Minute, 50*time.Millisecond)
		s.command(conduct.CommandPause)
		s.command(conduct.CommandCancel)
		s.finishCancelled(run)
		s.requireLedger(2)
		for _, trial := range s.archive.Trials() {
			require.Equal(t, sweep.StatusCancelled, trial.Status)
			require.Equal(t, activitiestest.Key(trial.Number, 1, 100*(trial.Number+1)), trial.Checkpoint)
			require.Positive(t, trial.TrainTime, "a cancelled attempt reports how long it held the slot")
		}
		s.keep("cancelled-sweep", SweepID(s.spec.Name), 1)
		s.keep("cancelled-trial", TrialID(s.spec.Name, 1), 1)
	})
	t.Run("steered", func(t *testing.T) {
		s := newStage(t, address, "steered")
		s.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Hang: true, Until: s.released}}, 1: {{Step: 100, Hang: true, Until: s.released}}}
		run := s.start(0)
		require.Eventually(t, func() bool { return len(s.archive.Keys()) == 2 }, time.Minute, 50*time.Millisecond)
		s.command(conduct.CommandPause)
		s.command(conduct.CommandResume)
		s.command(conduct.CommandStop)
		close(s.released)
		p := s.finish(run)
		require.Equal(t, conduct.PhaseStopped, p.Phase)
		require.Equal(t, "stop by recorder: a test", p.Message)
		s.requireLedger(2)
		s.keep("steered-sweep", SweepID(s.spec.Name), 1)
	})
	t.Run("changed", func(t *testing.T) {
		s := newStage(t, address, "changed")
		s.spec.Method, s.spec.Budget.RunCap, s.spec.MaxConcurrentTrials = sweep.MethodRandom, 3, 2
		s.spec.Parameters = []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 4}}
		s.spec.Points = []sweep.Params{{"infonce.weight": sweep.Number(1)}}
		s.trainer.Faults = map[int][]activitiestest.Fault{0: {{Step: 100, Err: failed(sweep.FailBadData)}}, 1: {{Step: 100, Hang: true, Until: s.released}}}
		run := s.start(0)
		require.Eventually(t, func() bool { return s.progress().Counts[sweep.StatusFailed] == 1 }, time.Minute, 50*time.Millisecond)
		concurrency, spec := 3, s.spec
		spec.Parameters = []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 2}}
		spec.Budget.RunCap, spec.MaxConcurrentTrials = 5, concurrency
		s.send(conduct.CommandExtend, conduct.Command{Extend: &conduct.Extension{RunCap: &conduct.Amount{Value: 2, Add: true}}})
		s.send(conduct.CommandSet, conduct.Command{Set: &conduct.Changes{Concurrency: &concurrency}})
		s.send(conduct.CommandEdit, conduct.Command{Spec: &spec})
		s.send(conduct.CommandEnqueue, conduct.Command{Points: []sweep.Params{{"infonce.weight": sweep.Number(0.5)}}})
		s.send(conduct.CommandRetry, conduct.Command{Retry: []sweep.Assignment{s.archive.Trials()[0].Assignment}})
		s.send(conduct.CommandPin, conduct.Command{Trials: []int{1}})
		s.send(conduct.CommandUnpin, conduct.Command{Trials: []int{1}})
		close(s.released)
		p := s.finish(run)
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.GreaterOrEqual(t, p.Finished, 6)
		s.requireLedger(p.Finished)
		s.keep("changed-sweep", SweepID(s.spec.Name), 1)

		// Its end is stored: a command continues it.
		_, state := s.archive.Log()
		var snapshot conduct.State
		require.NoError(t, json.Unmarshal(state, &snapshot))
		exists := func(key string) bool { return slices.Contains(s.archive.Keys(), key) }
		restored := conduct.Restore(&s.spec, p.StartedAt, &snapshot, s.archive.Trials(), len(s.archive.Segments()), exists)
		again, err := s.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: SweepID(s.spec.Name), TaskQueue: s.queue(), WorkflowExecutionTimeout: 5 * time.Minute,
		}, Sweep, SweepInput{Spec: s.spec, Digest: "d", State: restored, Command: &conduct.Commanded{
			Name: conduct.CommandExtend, Command: conduct.Command{By: "recorder", Extend: &conduct.Extension{RunCap: &conduct.Amount{Value: 2, Add: true}}},
		}})
		require.NoError(t, err)
		longer := s.finish(again)
		require.Equal(t, p.StartedAt, longer.StartedAt)
		require.Equal(t, 8, longer.Finished, "run_cap 7, which includes the point, and the retry")
		s.requireLedger(longer.Finished)
		s.keep("extended-sweep", SweepID(s.spec.Name), 1)
	})
	t.Run("blocked", func(t *testing.T) {
		s := newStage(t, address, "blocked")
		s.trainer.EvaluateErrors = map[int][]error{1: {blockedError{}}}
		s.archive.Fail("AppendSegment", blockedError{})
		run := s.start(0)
		require.Eventually(t, func() bool { return len(s.progress().Blocked) > 0 }, time.Minute, 50*time.Millisecond)
		require.Equal(t, block.NoBucket, s.progress().Blocked[0].Reason)
		s.archive.Fail("AppendSegment", nil)
		p := s.finish(run)
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Empty(t, p.Blocked)
		s.requireLedger(4)
		s.keep("blocked-sweep", SweepID(s.spec.Name), 1)
		s.keep("blocked-trial", TrialID(s.spec.Name, 1), 1)
	})
	t.Run("limited", func(t *testing.T) {
		s := newStage(t, address, "limited")
		s.spec.MaxTrialTime = sweep.Duration(time.Second)
		s.trainer.Faults = map[int][]activitiestest.Fault{2: {{Step: 100, Preempt: true}, {Step: 100, Hang: true}}}
		p := s.finish(s.start(0))
		require.Equal(t, map[sweep.Status]int{"completed": 3, "stopped": 1}, p.Counts)
		s.keep("limited-trial", TrialID(s.spec.Name, 2), 1)
	})
	t.Run("searched", func(t *testing.T) {
		s := newStage(t, address, "searched")
		limit, err := sweep.ParseConstraint("fid.all >= baseline.fid.all - 0.7")
		require.NoError(t, err)
		s.spec.Method, s.spec.Budget.RunCap = sweep.MethodBayes, 6
		s.spec.Parameters = []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 4}}
		s.spec.Metrics, s.spec.Constraints = s.spec.Metrics[:1], []sweep.Constraint{limit}
		s.spec.Baseline = &sweep.Baseline{Params: sweep.Params{"infonce.weight": sweep.Number(0)}, Seeds: []int64{7, 8}}
		s.spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
		p := s.finish(s.start(0))
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Equal(t, "budget.run_cap of 6 reached", p.Message)
		s.requireLedger(8)
		s.keep("searched-sweep", SweepID(s.spec.Name), 1)
	})
	t.Run("rungs", func(t *testing.T) {
		s := newStage(t, address, "rungs")
		spec := rungSpec(6)
		slices.Reverse(spec.Parameters[0].Values) // the best is the first
		spec.Name, spec.Resources = s.spec.Name, s.spec.Resources
		s.spec = spec
		p := s.finish(s.start(1)) // verdicts cross from run to run
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Equal(t, 0, p.Best.Number)
		require.GreaterOrEqual(t, p.Counts[sweep.StatusStopped], 3)
		s.requireLedger(6)
		stopped := -1
		for _, trial := range s.archive.Trials() {
			require.NotEmpty(t, trial.Rungs[0].Reason)
			if trial.Status == sweep.StatusStopped && stopped < 0 {
				stopped = trial.Number
			}
		}
		s.keep("rungs-sweep", SweepID(s.spec.Name), 3)
		s.keep("rungs-trial", TrialID(s.spec.Name, 0), 1)
		s.keep("stopped-trial", TrialID(s.spec.Name, stopped), 1)
	})
	t.Run("repeated", func(t *testing.T) {
		s := newStage(t, address, "repeated")
		s.spec.Metrics = s.spec.Metrics[:1]
		s.spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.5}
		p := s.finish(s.start(0))
		require.Equal(t, conduct.PhaseCompleted, p.Phase)
		require.Greater(t, len(s.archive.Trials()), 4)
		s.keep("repeated-sweep", SweepID(s.spec.Name), 1)
	})
	t.Run("reset", func(t *testing.T) {
		s := newStage(t, address, "reset")
		s.trainer.Faults = map[int][]activitiestest.Fault{1: {{Step: 100, Err: failed(sweep.FailTransient)}}} // it outlives the stop
		run := s.start(0)
		require.Eventually(t, func() bool { return len(s.archive.Trials()) > 0 }, time.Minute, 10*time.Millisecond)
		s.command(conduct.CommandStop)
		first := s.finish(run)
		require.Equal(t, conduct.PhaseStopped, first.Phase)

		// To its first task; the server repeats the results and the command.
		var task *historypb.HistoryEvent
		for events := s.client.GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); task.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED; {
			require.True(t, events.HasNext())
			event, err := events.Next()
			require.NoError(t, err)
			task = event
		}
		again, err := s.client.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: client.DefaultNamespace, RequestId: s.spec.Name, Reason: "a test", WorkflowTaskFinishEventId: task.GetEventId(),
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		})
		require.NoError(t, err)
		p := s.finish(s.client.GetWorkflow(t.Context(), run.GetID(), again.GetRunId()))
		require.Equal(t, first.StartedAt, p.StartedAt)
		require.Equal(t, first.Finished, p.Finished)
		s.requireLedger(p.Finished)
		s.keep("reset-sweep", SweepID(s.spec.Name), 1)
	})
	t.Run("terminated", func(t *testing.T) {
		s := newStage(t, address, "terminated")
		s.trainer.Faults = map[int][]activitiestest.Fault{1: {{Step: 100, Hang: true}}}
		run := s.start(1) // the trial's first run is over when it vanishes
		require.Eventually(t, func() bool { return len(s.archive.Trials()) == 3 }, time.Minute, 50*time.Millisecond)
		require.NoError(t, s.client.TerminateWorkflow(t.Context(), TrialID(s.spec.Name, 1), "", "a test"))
		s.command(conduct.CommandCancel) // asks each trial, and finds that this one is gone
		p := s.finishCancelled(run)
		require.Equal(t, map[sweep.Status]int{"completed": 3, "failed": 1}, p.Counts)
		s.requireLedger(4)
	})
}

func newStage(t *testing.T, address, name string) *stage {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address, Identity: "recorder", Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	s := &stage{t: t, client: c, trainer: &activitiestest.Trainer{}, archive: activitiestest.NewArchive(), spec: gridSpec(4), released: make(chan struct{})}
	// A name is used once: a trial's workflow id is, for as long as Temporal remembers it.
	s.spec.Name = name + "-" + strconv.FormatInt(time.Now().UnixMilli(), 36)
	s.spec.Resources.Queue = "train-" + s.spec.Name
	do := &activities.Activities{
		Trainer: s.trainer, Archive: s.archive, Recorder: &activitiestest.Recorder{},
		Executions: activities.NewExecutions(c), StagingRoot: t.TempDir(), HeartbeatEvery: 100 * time.Millisecond,
	}
	for _, queue := range []string{s.spec.Resources.Queue, s.queue()} {
		w := worker.New(c, queue, worker.Options{
			Identity: "recorder", MaxHeartbeatThrottleInterval: 100 * time.Millisecond, MaxConcurrentActivityExecutionSize: 4,
		})
		w.RegisterWorkflow(Sweep)
		w.RegisterWorkflow(Trial)
		w.RegisterActivity(do)
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	return s
}

func (s *stage) queue() string { return ControlQueue + "-" + s.spec.Name }

func (s *stage) start(continueAfter int) client.WorkflowRun {
	s.t.Helper()
	run, err := s.client.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{
		ID: SweepID(s.spec.Name), TaskQueue: s.queue(), WorkflowExecutionTimeout: 5 * time.Minute,
	}, Sweep, SweepInput{Spec: s.spec, Digest: "d", ContinueAfter: continueAfter})
	require.NoError(s.t, err)
	return run
}

func (s *stage) finish(run client.WorkflowRun) conduct.Progress {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	var p conduct.Progress
	require.NoError(s.t, run.Get(ctx, &p))
	s.requireShown(ctx, p)
	return p
}

// finishCancelled waits for the end of a sweep that is cancelled, whose workflow ends as
// cancelled.
func (s *stage) finishCancelled(run client.WorkflowRun) conduct.Progress {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	p := cancelledProgress(s.t, run.Get(ctx, nil))
	s.requireShown(ctx, p)
	described, err := s.client.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
	require.NoError(s.t, err)
	require.Equal(s.t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, described.GetWorkflowExecutionInfo().GetStatus())
	return p
}

// requireShown checks what lists in the Temporal UI show of the sweep.
func (s *stage) requireShown(ctx context.Context, p conduct.Progress) {
	s.t.Helper()
	described, err := s.client.DescribeWorkflow(ctx, SweepID(s.spec.Name), "")
	require.NoError(s.t, err)
	attributes := described.TypedSearchAttributes
	state, _ := attributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(AttrState))
	require.Equal(s.t, string(p.Phase), state)
	done, _ := attributes.GetInt64(temporal.NewSearchAttributeKeyInt64(AttrDone))
	require.Equal(s.t, int64(p.Finished), done)
}

func (s *stage) progress() (p conduct.Progress) {
	s.t.Helper()
	answer, err := s.client.QueryWorkflow(s.t.Context(), SweepID(s.spec.Name), "", QueryProgress)
	require.NoError(s.t, err)
	require.NoError(s.t, answer.Get(&p))
	return p
}

func (s *stage) command(name string) { s.send(name, conduct.Command{}) }

func (s *stage) send(name string, c conduct.Command) {
	s.t.Helper()
	c.By, c.Reason = "recorder", "a test"
	handle, err := s.client.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: SweepID(s.spec.Name), UpdateName: name, Args: []any{c},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(s.t, err)
	require.NoError(s.t, handle.Get(s.t.Context(), nil))
}

// requireLedger checks that each of the first n trials is in the ledger, once.
func (s *stage) requireLedger(n int) {
	s.t.Helper()
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	require.ElementsMatch(s.t, want, numbers(s.archive.Trials()))
}

// keep reads the history of each run of a workflow, the last one first, checks
// how many there are at least, and writes them when asked to.
func (s *stage) keep(name, id string, atLeast int) {
	s.t.Helper()
	runs := 0
	for run := ""; ; runs++ {
		history := &historypb.History{}
		events := s.client.GetWorkflowHistory(s.t.Context(), id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(s.t, err)
			history.Events = append(history.Events, event)
		}
		s.requireAbandons(history)
		write(s.t, fmt.Sprintf("%s-%d.json", name, runs), history)
		run = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
		if run == "" {
			break
		}
	}
	require.GreaterOrEqual(s.t, runs+1, atLeast, "runs of %s", id)
}

// requireAbandons checks that a run which continues as new leaves its trials alone.
func (s *stage) requireAbandons(history *historypb.History) {
	s.t.Helper()
	events := history.GetEvents()
	if events[len(events)-1].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
		return
	}
	for _, event := range events {
		require.NotEqual(s.t, enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, event.GetEventType())
	}
}

func write(t *testing.T, name string, history *historypb.History) {
	t.Helper()
	if !*record {
		return
	}
	hostname, err := os.Hostname() // is in the name of the sticky task queue
	require.NoError(t, err)
	data, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	data = bytes.ReplaceAll(data, []byte(hostname), []byte("host"))
	dir := filepath.Join("testdata", fmt.Sprintf("logic-%d", conduct.LogicNow))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), append(data, '\n'), 0o644))
}
