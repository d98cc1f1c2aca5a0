package progress

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workerpb "go.temporal.io/api/worker/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// fakeTemporal is a FAKE of Temporal with the workers of the queue gpu and one sweep.
type fakeTemporal struct {
	client.Client
	polled  map[string]time.Duration // by queue, since when its worker, named as the queue, has polled
	workers map[string]*workerpb.WorkerHeartbeat
	gone    []string // listed, but no longer known
	running []int    // trials of the sweep, which wait
	ended   bool     // the sweep
	looks   int      // at the list of workers
}

func (f *fakeTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return fakeService{f: f}
}

func (f *fakeTemporal) DescribeTaskQueue(_ context.Context, queue string, kind enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	d := &workflowservice.DescribeTaskQueueResponse{}
	if ago, ok := f.polled[queue]; ok && (kind == enumspb.TASK_QUEUE_TYPE_WORKFLOW) == (queue == workflows.ControlQueue) {
		d.Pollers = append(d.Pollers, &taskqueuepb.PollerInfo{Identity: queue, LastAccessTime: timestamppb.New(time.Now().Add(-ago))})
	}
	return d, nil
}

type fakeService struct {
	workflowservice.WorkflowServiceClient
	f *fakeTemporal
}

func (s fakeService) ListWorkers(context.Context, *workflowservice.ListWorkersRequest, ...grpc.CallOption) (*workflowservice.ListWorkersResponse, error) {
	f := s.f
	f.looks++
	list := &workflowservice.ListWorkersResponse{}
	for _, key := range f.gone {
		list.Workers = append(list.Workers, &workerpb.WorkerListInfo{TaskQueue: "gpu", WorkerInstanceKey: key})
	}
	for key := range f.workers {
		list.Workers = append(list.Workers, &workerpb.WorkerListInfo{TaskQueue: "gpu", WorkerInstanceKey: key})
	}
	return list, nil
}

func (s fakeService) DescribeWorker(_ context.Context, in *workflowservice.DescribeWorkerRequest, _ ...grpc.CallOption) (*workflowservice.DescribeWorkerResponse, error) {
	beat, ok := s.f.workers[in.GetWorkerInstanceKey()]
	if !ok {
		return nil, serviceerror.NewNotFound("no such worker")
	}
	return &workflowservice.DescribeWorkerResponse{WorkerInfo: &workerpb.WorkerInfo{WorkerHeartbeat: beat}}, nil
}

func (f *fakeTemporal) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if id != workflows.SweepID("small") { // a trial: it is being started
		return nil, serviceerror.NewNotFound("no such workflow")
	}
	info := &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Execution: &commonpb.WorkflowExecution{RunId: "run"}}
	if f.ended {
		info.Status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func (f *fakeTemporal) progress() conduct.Progress {
	p := conduct.Progress{Name: "small"}
	for _, n := range f.running {
		p.Running = append(p.Running, conduct.Running{Assignment: sweep.Assignment{Number: n}})
	}
	if f.ended {
		p.EndedAt = new(time.Now())
	}
	return p
}

func (f *fakeTemporal) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	return f, nil
}

func (f *fakeTemporal) GetWorkflow(context.Context, string, string) client.WorkflowRun {
	return fakeRun{f: f}
}

// HasValue and Get make the answer to a query.
func (f *fakeTemporal) HasValue() bool { return true }

func (f *fakeTemporal) Get(into any) error {
	*into.(*conduct.Progress) = f.progress()
	return nil
}

type fakeRun struct {
	client.WorkflowRun
	f *fakeTemporal
}

func (r fakeRun) Get(_ context.Context, into any) error { return r.f.Get(into) }

// beat is a heartbeat that was sent some time ago by the worker's clock.
func beat(identity string, ago time.Duration, busy, free int32) *workerpb.WorkerHeartbeat {
	return &workerpb.WorkerHeartbeat{
		WorkerIdentity: identity, HeartbeatTime: timestamppb.New(time.Now().Add(-ago)),
		ActivityTaskSlotsInfo: &workerpb.WorkerSlotsInfo{CurrentUsedSlots: busy, CurrentAvailableSlots: free},
	}
}

// A trial has a slot since its activity was started there, and waits for one since the
// activity was scheduled.
func TestLiveTrialSince(t *testing.T) {
	scheduled, started := time.Unix(100, 0).UTC(), time.Unix(400, 0).UTC()
	a := &workflowpb.PendingActivityInfo{ActivityType: &commonpb.ActivityType{Name: "Train"},
		ScheduledTime: timestamppb.New(scheduled), LastStartedTime: timestamppb.New(started)}
	for state, want := range map[enumspb.PendingActivityState]time.Time{
		enumspb.PENDING_ACTIVITY_STATE_STARTED: started, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED: scheduled,
	} {
		a.State = state
		live, ok := fromActivity(a)
		require.True(t, ok)
		require.Equal(t, want, live.Since)
	}
}

func TestWhyTrialsWait(t *testing.T) {
	const none = "1 trial waits for a worker: none polls the queue gpu (`tailsweep worker --only training --queue gpu` starts one)"
	queued := map[int]LiveTrial{}
	for n, state := range []enumspb.PendingActivityState{enumspb.PENDING_ACTIVITY_STATE_STARTED, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED} {
		l, ok := fromActivity(&workflowpb.PendingActivityInfo{ActivityType: &commonpb.ActivityType{Name: "Train"}, State: state, LastWorkerIdentity: []string{"trains", "trained"}[n]})
		require.True(t, ok)
		queued[n] = l
	}
	for name, c := range map[string]struct {
		f    fakeTemporal
		live map[int]LiveTrial
		want string
	}{
		"no worker": {fakeTemporal{}, queued, none},
		"busy workers, which do not poll": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", time.Second, 1, 0), "b": beat("b", 9*time.Second, 1, 1)}},
			queued, "1 trial waits for a training slot"},
		"killed":                            {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", time.Minute, 4, 0)}, polled: map[string]time.Duration{"gpu": 3 * time.Minute}}, queued, none},
		"killed, with a clock that is fast": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", -time.Hour, 4, 0)}}, queued, none},
		"a clock that is an hour slow, polls": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("gpu", time.Hour, 1, 1)}, polled: map[string]time.Duration{"gpu": time.Minute}},
			queued, "1 trial waits for a training slot"},
		"a clock that is an hour slow, trains": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("trains", time.Hour, 1, 0)}},
			queued, "1 trial waits for a training slot: 1 of 1 busy"},
		"killed, had a trial that waits again": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("trained", time.Hour, 1, 0)}}, queued, none},
		"one of two is no longer known": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", 0, 1, 0)}, gone: []string{"b"}},
			queued, "1 trial waits for a training slot: 1 of 1 busy"},
		"polls, but is not listed yet": {fakeTemporal{polled: map[string]time.Duration{"gpu": 0}}, queued, "1 trial waits for a training slot"},
		"nothing waits":                {fakeTemporal{}, map[int]LiveTrial{1: {Stage: StageTraining}}, ""},
	} {
		require.Equal(t, c.want, Waiting(t.Context(), &c.f, "default", "gpu", c.live), name)
	}
}

// A worker whose slots are busy does not poll, but reports its slots.
func TestTrainerPolls(t *testing.T) {
	for name, c := range map[string]struct {
		f    fakeTemporal
		want bool
	}{
		"none":   {fakeTemporal{}, false},
		"idle":   {fakeTemporal{polled: map[string]time.Duration{"gpu": time.Minute}}, true},
		"busy":   {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", time.Second, 1, 0)}}, true},
		"killed": {fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", time.Hour, 1, 0)}, polled: map[string]time.Duration{"gpu": time.Hour}}, false},
	} {
		require.Equal(t, c.want, TrainerPolls(t.Context(), &c.f, "default", "gpu"), name)
	}
}

// watch makes a view each second: it asks for the workers less often.
func TestTheWorkersAreAskedForOnceInAWhile(t *testing.T) {
	f := &fakeTemporal{workers: map[string]*workerpb.WorkerHeartbeat{"a": beat("a", 0, 1, 0)}}
	live := map[int]LiveTrial{1: {Stage: stageQueued}}
	var k lookout
	for range 3 {
		require.Equal(t, "1 trial waits for a training slot: 1 of 1 busy", k.waiting(t.Context(), f, "default", "gpu", live))
	}
	require.Equal(t, 1, f.looks)
	k.at = k.at.Add(-lookEvery)
	k.waiting(t.Context(), f, "default", "gpu", live)
	require.Equal(t, 2, f.looks)
	k.waiting(t.Context(), f, "default", "other", live)
	require.Equal(t, 3, f.looks, "an edit has changed the queue")
}

func TestWhyQueued(t *testing.T) {
	spec := &sweep.Spec{Name: "small", Resources: sweep.Resources{Queue: "gpu"}}
	polls := map[string]time.Duration{workflows.ControlQueue: 0}
	for name, c := range map[string]struct {
		f    fakeTemporal
		want string
	}{
		"no worker":                      {fakeTemporal{running: []int{1, 2}}, ErrNoWorker.Error()},
		"no training worker":             {fakeTemporal{polled: polls, running: []int{1, 2}}, "2 trials wait for a worker: none polls the queue gpu (`tailsweep worker --only training --queue gpu` starts one)"},
		"nothing waits":                  {fakeTemporal{polled: polls}, ""},
		"it has ended":                   {fakeTemporal{polled: polls, ended: true}, ""},
		"it has ended, and no worker is": {fakeTemporal{ended: true}, ""},
	} {
		require.Equal(t, c.want, WhyQueued(t.Context(), &c.f, "default", spec), name)
	}
}
