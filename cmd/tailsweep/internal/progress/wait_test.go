package progress

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// waitingTemporal is a FAKE of Temporal with one trial, which has no pending activity.
type waitingTemporal struct {
	client.Client
	status enumspb.WorkflowExecutionStatus
	events []*historypb.HistoryEvent // the oldest first
}

// waitingService is the service of a waitingTemporal.
type waitingService struct {
	workflowservice.WorkflowServiceClient
	events []*historypb.HistoryEvent
}

func (f waitingTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return waitingService{events: f.events}
}

func (f waitingTemporal) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Status: f.status, Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "run"},
	}}, nil
}

func (f waitingService) GetWorkflowExecutionHistoryReverse(
	_ context.Context, _ *workflowservice.GetWorkflowExecutionHistoryReverseRequest, _ ...grpc.CallOption,
) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
	events := slices.Clone(f.events)
	slices.Reverse(events)
	return &workflowservice.GetWorkflowExecutionHistoryReverseResponse{History: &historypb.History{Events: events}}, nil
}

// slowTemporal is a FAKE of Temporal that takes two seconds for each answer.
type slowTemporal struct{ client.Client }

func (slowTemporal) DescribeWorkflowExecution(ctx context.Context, _, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(2 * time.Second):
		return nil, serviceerror.NewNotFound("not yet started")
	}
}

// A command that was accepted must not wait two seconds for each of its trials.
func TestLiveTrialsHaveOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p := conduct.Progress{Name: "small", Running: make([]conduct.Running, maxLive)}
		for i := range p.Running {
			p.Running[i].Number = i
		}
		live, err := LiveTrials(t.Context(), slowTemporal{}, "default", p)
		require.NoError(t, err)
		require.Len(t, live, 2)
		require.Equal(t, queryTimeout, time.Since(began))
	})
}

// A trial between two activities does not publish while one of its timers runs.
func TestWhatATrialWaitsFor(t *testing.T) {
	at := time.Unix(100, 0).UTC()
	started := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{},
	}}
	activity := func(name string, in any) *historypb.HistoryEvent {
		input, err := converter.GetDefaultDataConverter().ToPayloads(in)
		require.NoError(t, err)
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{ActivityType: &commonpb.ActivityType{Name: name}, Input: input},
		}}
	}
	timer := func(id int64, summary string) *historypb.HistoryEvent {
		payload, err := converter.GetDefaultDataConverter().ToPayload(summary)
		require.NoError(t, err)
		return &historypb.HistoryEvent{
			EventId: id, EventTime: timestamppb.New(at), UserMetadata: &sdkpb.UserMetadata{Summary: payload},
			Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{}},
		}
	}
	fired := func(id int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{
			TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{StartedEventId: id},
		}}
	}
	cancelled := func(id int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_TimerCanceledEventAttributes{
			TimerCanceledEventAttributes: &historypb.TimerCanceledEventAttributes{StartedEventId: id},
		}}
	}
	train := activity("Train", activities.TrainInput{})
	spec := sweep.Spec{}
	spec.Train.Steps = 1200
	evaluate := activity("Evaluate", activities.EvaluateInput{Task: sweep.Task{Spec: spec}})
	atRung := activity("Evaluate", activities.EvaluateInput{Task: sweep.Task{Spec: spec}, Checkpoint: activities.CheckpointRef{Step: 300}, Rung: true})
	events := func(list ...*historypb.HistoryEvent) []*historypb.HistoryEvent { return list }
	const lost = "after lost (attempt 2): the child was killed: signal 9"
	for name, c := range map[string]struct {
		events []*historypb.HistoryEvent
		want   LiveTrial
	}{
		"just started":          {events(started), LiveTrial{Stage: stageQueued}},
		"a lost attempt":        {events(started, train, timer(9, lost)), LiveTrial{Stage: "waiting after lost (attempt 2)", LastError: "the child was killed: signal 9", Since: at}},
		"a lost evaluation":     {events(train, evaluate, timer(9, "after lost (evaluation): x")), LiveTrial{Stage: "waiting after lost (evaluation)", LastError: "x", Since: at, Trained: true}},
		"a verdict":             {events(train, atRung, timer(9, workflows.TimerVerdict)), LiveTrial{Stage: "waiting for the verdict", Since: at, Step: 300, Steps: 1200}},
		"asked again":           {events(train, atRung, timer(9, workflows.TimerVerdict), fired(9), timer(19, workflows.TimerVerdict)), LiveTrial{Stage: "waiting for the verdict", Since: at, Step: 300, Steps: 1200}},
		"it publishes":          {events(train, evaluate), LiveTrial{Stage: stagePublishing}},
		"after a wait":          {events(train, timer(9, lost), cancelled(9)), LiveTrial{Stage: stagePublishing}},
		"cancelled":             {events(train, evaluate, timer(9, workflows.TimerGiveUp)), LiveTrial{Stage: stagePublishing}},
		"it will publish again": {events(activity("Publish", nil), timer(9, workflows.TimerGiveUp), timer(10, "after transient (publishing): x")), LiveTrial{Stage: "waiting after transient (publishing)", LastError: "x", Since: at, Trained: true}},
		"no summary":            {events(train, &historypb.HistoryEvent{EventTime: timestamppb.New(at), Attributes: timer(9, "").Attributes}), LiveTrial{Stage: "waiting after a failure", Since: at}},
	} {
		t.Run(name, func(t *testing.T) {
			p := conduct.Progress{Name: "small", Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 3}}}}
			f := waitingTemporal{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, events: c.events}
			live, err := LiveTrials(t.Context(), f, "default", p)
			require.NoError(t, err)
			require.Equal(t, map[int]LiveTrial{3: c.want}, live)
			require.Equal(t, c.want.Stage == stagePublishing, live[3].fraction(usualShare) == 1, "only a trial that publishes is complete")
		})
	}
	ended := waitingTemporal{status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED}
	live, err := liveState(t.Context(), ended, "default", "sweep/small/trial/000003")
	require.NoError(t, err)
	require.Equal(t, LiveTrial{Stage: stagePublishing}, live)
}
