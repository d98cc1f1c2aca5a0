package sweeps

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// fakeTemporal is a FAKE: it answers from its fields and keeps what it is sent. A method
// that it does not have panics.
type fakeTemporal struct {
	client.Client
	polled  time.Duration                                       // since a worker has polled
	idle    map[string]time.Duration                            // likewise, by queue, where that differs
	update  func(ctx context.Context) (conduct.Progress, error) // answers Updates
	signal  error                                               // the answer to signals
	start   error                                               // the answer to starts
	updates []client.UpdateWorkflowOptions
	signals []conduct.Commanded
	options []client.StartWorkflowOptions
	inputs  []workflows.SweepInput
	started func()   // is called once a workflow has started; may be nil
	ended   []string // runs that were terminated
}

func (f *fakeTemporal) DescribeTaskQueue(_ context.Context, queue string, _ enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	at := timestamppb.New(time.Now().Add(-cmp.Or(f.idle[queue], f.polled)))
	return &workflowservice.DescribeTaskQueueResponse{Pollers: []*taskqueuepb.PollerInfo{{LastAccessTime: at}}}, nil
}

func (f *fakeTemporal) Close() {}

func (f *fakeTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return fakeService{}
}

func (f *fakeTemporal) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	f.updates = append(f.updates, o)
	p, err := f.update(ctx)
	return fakeHandle{progress: p}, err
}

func (f *fakeTemporal) SignalWorkflow(_ context.Context, _, _, name string, e any) error {
	if name == workflows.SignalCommand {
		f.signals = append(f.signals, e.(conduct.Commanded))
	}
	return f.signal
}

func (f *fakeTemporal) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	in := args[0].(workflows.SweepInput)
	state := *in.State // as it is sent
	in.State = &state
	f.options, f.inputs = append(f.options, o), append(f.inputs, in)
	if f.started != nil {
		f.started()
	}
	return fakeRun{}, f.start
}

func (f *fakeTemporal) TerminateWorkflow(_ context.Context, id, run, _ string, _ ...any) error {
	f.ended = append(f.ended, id+" "+run)
	return nil
}

type fakeService struct {
	workflowservice.WorkflowServiceClient
	failed string // message of the last workflow task that failed; "" for none
}

func (fakeService) GetClusterInfo(context.Context, *workflowservice.GetClusterInfoRequest, ...grpc.CallOption) (*workflowservice.GetClusterInfoResponse, error) {
	return &workflowservice.GetClusterInfoResponse{ClusterId: "c1"}, nil
}

func (fakeService) ListWorkers(context.Context, *workflowservice.ListWorkersRequest, ...grpc.CallOption) (*workflowservice.ListWorkersResponse, error) {
	return &workflowservice.ListWorkersResponse{}, nil
}

func (s fakeService) GetWorkflowExecutionHistoryReverse(
	context.Context, *workflowservice.GetWorkflowExecutionHistoryReverseRequest, ...grpc.CallOption,
) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
	failed := &historypb.WorkflowTaskFailedEventAttributes{Identity: "7@old", Failure: &failurepb.Failure{Message: s.failed}}
	return &workflowservice.GetWorkflowExecutionHistoryReverseResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{
		{Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{WorkflowTaskFailedEventAttributes: failed}},
	}}}, nil
}

type fakeRun struct{ client.WorkflowRun }

func (fakeRun) GetRunID() string { return "again" }

type fakeHandle struct {
	client.WorkflowUpdateHandle
	progress conduct.Progress
}

func (h fakeHandle) Get(_ context.Context, into any) error {
	*into.(*conduct.Progress) = h.progress
	return nil
}

// Since when a worker has polled.
const (
	polls = time.Minute
	gone  = time.Hour
)

var errClosed = serviceerror.NewNotFound("workflow execution already completed")

// senderTo has a store with the ended sweeps of clitest.Archived.
func senderTo(t *testing.T, f *fakeTemporal) *sender {
	t.Helper()
	arc := archive.New(clitest.Archived(t))
	return &sender{temporal: f, open: func(context.Context) (*archive.Archive, error) { return arc, nil }, here: sweep.Identity{Namespace: "default"}}
}

// archiveOf is the archive of senderTo.
func archiveOf(t *testing.T, s *sender) *archive.Archive {
	t.Helper()
	arc, err := s.open(t.Context())
	require.NoError(t, err)
	return arc
}

func answers(p conduct.Progress, errs ...error) func(context.Context) (conduct.Progress, error) {
	return func(context.Context) (conduct.Progress, error) {
		if len(errs) == 0 {
			return p, nil
		}
		err := errs[0]
		errs = errs[1:]
		return conduct.Progress{}, err
	}
}

func stop() conduct.Commanded {
	return conduct.Commanded{Name: conduct.CommandStop, Command: conduct.Command{By: "ann", Reason: "enough"}}
}

func retryOf(t *testing.T, s *sender, numbers ...int) conduct.Commanded {
	t.Helper()
	c, err := retried(t.Context(), &cli.App{}, archiveOf(t, s), "done", conduct.Command{By: "ann", Trials: numbers})
	require.NoError(t, err)
	require.Empty(t, c.Trials)
	return conduct.Commanded{Name: conduct.CommandRetry, Command: c}
}

func TestACommandIsAnUpdate(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{Name: "done", Phase: conduct.PhaseStopping})}
	got, err := senderTo(t, f).send(t.Context(), "done", stop())
	require.NoError(t, err)
	require.Equal(t, answer{progress: conduct.Progress{Name: "done", Phase: conduct.PhaseStopping}}, got)
	sent := f.updates[0].Args[0].(conduct.Command)
	require.Equal(t, "sweep/done", f.updates[0].WorkflowID)
	require.Equal(t, "stop", f.updates[0].UpdateName)
	require.Equal(t, "enough", sent.Reason)
	require.NotEmpty(t, sent.ID)
	require.Equal(t, f.updates[0].UpdateID, sent.ID)
	require.Empty(t, f.signals)
}

func TestACommandThatTheSweepRefusesIsBadInput(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, temporal.NewApplicationError("cannot stop a sweep that is stopping", ""))}
	_, err := senderTo(t, f).send(t.Context(), "done", stop())
	require.EqualError(t, err, "cannot stop a sweep that is stopping")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	f.update = answers(conduct.Progress{}, temporal.NewApplicationError("there is no trial 9", workflows.TypeNoTrial))
	_, err = senderTo(t, f).send(t.Context(), "done", stop())
	require.EqualError(t, err, "there is no trial 9")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
}

// An Update that no worker has accepted is lost with the server, a signal is not.
func TestWithoutAWorkerACommandIsASignal(t *testing.T) {
	f := &fakeTemporal{polled: gone}
	got, err := senderTo(t, f).send(t.Context(), "done", stop())
	require.NoError(t, err)
	require.True(t, got.recorded)
	require.Len(t, f.signals, 1)
	require.NotEmpty(t, f.signals[0].ID)
	require.Equal(t, "enough", f.signals[0].Reason)
	require.Contains(t, steeredText("stop", Steered{Progress: got.progress, Recorded: true})[0], "done: stop is recorded in Temporal and is applied when a worker runs")
}

// The JSON of a command has no progress where none is known.
func TestSteeredAsJSON(t *testing.T) {
	for want, s := range map[string]Steered{
		`{"name":"done","recorded":true}`: {Progress: conduct.Progress{Name: "done"}, Recorded: true},
		`{"name":"done","edited":[{"field":"seed","old":1,"new":2}]}`: {
			Progress: conduct.Progress{Name: "done"}, Edited: []conduct.Difference{{Field: "seed", Old: json.RawMessage("1"), New: json.RawMessage("2")}},
		},
	} {
		got, err := json.Marshal(s.output())
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
	got, err := json.Marshal(Steered{Progress: conduct.Progress{Name: "done", Phase: conduct.PhaseRunning, Finished: 3}, Continued: true}.output())
	require.NoError(t, err)
	var again Steered
	require.NoError(t, json.Unmarshal(got, &again))
	require.Equal(t, 3, again.Finished)
	require.True(t, again.Continued)
}

// A worker that does not answer may still receive the Update: the signal has its ID.
func TestWithoutAnAnswerACommandIsASignalToo(t *testing.T) {
	f := &fakeTemporal{polled: polls}
	s := senderTo(t, f)
	notices := make(chan string, 1)
	s.patience, s.notice = time.Nanosecond, func(text string) { notices <- text }
	f.update = func(ctx context.Context) (conduct.Progress, error) {
		require.Equal(t, "no worker has answered yet; after 10s the command is recorded and this returns", <-notices)
		<-ctx.Done()
		return conduct.Progress{}, client.NewWorkflowUpdateServiceTimeoutOrCanceledError(ctx.Err())
	}
	s.timeout = time.Millisecond
	got, err := s.send(t.Context(), "done", stop())
	require.NoError(t, err)
	require.True(t, got.recorded)
	require.Len(t, f.signals, 1)
	require.Equal(t, f.updates[0].UpdateID, f.signals[0].ID)
}

// The server ends the call at the deadline, which may be before the client's clock says so.
// It refuses an Update of a workflow whose tasks fail. A signal is kept in both cases.
func TestACommandWithoutAnAnswerOfTheServerIsASignal(t *testing.T) {
	for _, unanswered := range []error{
		client.NewWorkflowUpdateServiceTimeoutOrCanceledError(errors.New("stream terminated by RST_STREAM with error code: CANCEL")),
		serviceerror.NewWorkflowNotReady("Unable to perform workflow execution update due to Workflow Task in failed state."),
	} {
		f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, unanswered)}
		got, err := senderTo(t, f).send(t.Context(), "done", stop())
		require.NoError(t, err)
		require.True(t, got.recorded)
		require.Equal(t, f.updates[0].UpdateID, f.signals[0].ID)
	}
}

// A sweep that has ended starts again under its name, with its state, its digest and the
// command.
func TestACommandContinuesAnEndedSweep(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)}
	s := senderTo(t, f)
	retry := retryOf(t, s, 2)
	got, err := s.send(t.Context(), "done", retry)
	require.NoError(t, err)
	require.True(t, got.continued)
	require.False(t, got.recorded)
	require.Equal(t, conduct.PhaseRunning, got.progress.Phase)
	require.Equal(t, 3, got.progress.Finished)
	require.Equal(t, "trial 2 again as trial 3", steeredText("retry", Steered{Progress: got.progress, Retried: retriedAs(got.progress, retry.Retry)})[0])

	o, in := f.options[0], f.inputs[0]
	require.Equal(t, "sweep/done", o.ID)
	require.Equal(t, workflows.ControlQueue, o.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, o.WorkflowIDReusePolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, o.WorkflowIDConflictPolicy)
	require.Equal(t, in.Spec.Digest(), in.Digest)
	require.Equal(t, in.Digest, o.Memo[memoDigest])
	require.Equal(t, conduct.PhaseTerminated, in.State.Phase, "the workflow obeys the command")
	require.Equal(t, conduct.CommandRetry, in.Command.Name)
	require.Equal(t, 2, in.Command.Retry[0].Number)
	require.Equal(t, f.updates[0].UpdateID, in.Command.ID)
}

func TestAnEndedSweepRefuses(t *testing.T) {
	f := &fakeTemporal{polled: gone, signal: errClosed}
	s := senderTo(t, f)
	_, err := s.send(t.Context(), "done", stop())
	require.EqualError(t, err, "cannot stop a sweep that is terminated: valid now: resume, extend, set, edit, enqueue, retry, pin, unpin")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.Empty(t, f.inputs)
	for _, name := range []string{conduct.CommandPin, conduct.CommandUnpin} {
		_, err = s.send(t.Context(), "done", conduct.Commanded{Name: name, Command: conduct.Command{By: "ann", Trials: []int{9}}})
		require.ErrorContains(t, err, name+` sweep "done": there is no trial 9 (the sweep has started 3, numbered from 0)`)
		require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
	}
	_, err = s.send(t.Context(), "nowhere", stop())
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
}

// Where another client has continued the sweep, its workflow receives the command.
func TestAFasterClientContinuesTheSweep(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{Name: "done"}, errClosed), start: serviceerror.NewWorkflowExecutionAlreadyStarted("started", "", "")}
	s := senderTo(t, f)
	got, err := s.send(t.Context(), "done", retryOf(t, s, 2))
	require.NoError(t, err)
	require.False(t, got.continued)
	require.Len(t, f.inputs, 1)
	require.Len(t, f.updates, 2)
}

func TestOtherFailuresOfTemporalAreReported(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errors.New("connection refused"))}
	_, err := senderTo(t, f).send(t.Context(), "done", stop())
	require.EqualError(t, err, "stop done: connection refused")
	require.Equal(t, cli.ExitFailure, cli.CodeOf(err))
	require.Empty(t, f.signals)
}

func TestOnlyTrialsThatDidNotCompleteAreRetried(t *testing.T) {
	s := senderTo(t, &fakeTemporal{})
	_, err := retried(t.Context(), &cli.App{}, archiveOf(t, s), "done", conduct.Command{Trials: []int{2, 1}})
	require.ErrorContains(t, err, `cannot retry sweep "done": trial 1 is completed`)
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
}

func TestOnlyStoredCheckpointsArePinned(t *testing.T) {
	s := senderTo(t, &fakeTemporal{})
	require.NoError(t, checkStored(t.Context(), archiveOf(t, s), "done", []int{7}), "it has not finished")
	err := checkStored(t.Context(), archiveOf(t, s), "done", []int{7, 1})
	require.EqualError(t, err, `cannot pin sweep "done": the checkpoint of trial 1 is not in the store: the sweep keeps those of its best trials (checkpoints.save_sweep_best)`)
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
}

// rm has not found the workflow that a command starts, and removes the sweep.
func TestASweepThatIsRemovedMeanwhileIsNotContinued(t *testing.T) {
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)}
	s := senderTo(t, f)
	c := retryOf(t, s, 2)
	owner, err := archiveOf(t, s).Owner(t.Context(), "done")
	require.NoError(t, err)
	f.started = func() {
		require.NoError(t, archiveOf(t, s).RemoveSweep(t.Context(), "done", owner, func() error { return nil }, func(int) {}))
	}
	_, err = s.send(t.Context(), "done", c)
	require.ErrorAs(t, err, new(*archive.RemovingError))
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.Equal(t, []string{"sweep/done again"}, f.ended)
}

// Ctrl-C while a command is under way: the sweep may have accepted it.
func TestAnInterruptedCommandMayHaveBeenAccepted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fakeTemporal{polled: polls, update: func(ctx context.Context) (conduct.Progress, error) {
		cancel()
		return conduct.Progress{}, client.NewWorkflowUpdateServiceTimeoutOrCanceledError(ctx.Err())
	}}
	_, err := senderTo(t, f).send(ctx, "done", stop())
	require.Equal(t, cli.ExitInterrupted, cli.CodeOf(err))
	require.Equal(t, "tailsweep: interrupted: the command may have been accepted: `tailsweep describe done` shows it", cli.Message(cli.Interrupted(ctx, err)))
	require.Empty(t, f.signals)
}

// A command that Temporal has not received is only interrupted.
func TestInterruptedBeforeTheCommandWasSent(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := senderTo(t, &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)})
	s.open = func(context.Context) (*archive.Archive, error) { cancel(); return nil, ctx.Err() }
	_, err := s.send(ctx, "done", stop())
	require.Equal(t, "tailsweep: interrupted", cli.Message(cli.Interrupted(ctx, err)))
}
