package progress

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// failingTemporal is a FAKE of Temporal with one workflow, whose history it gives from the
// end, an event a page.
type failingTemporal struct {
	client.Client
	attempt int32
	events  []*historypb.HistoryEvent
}

// failingService is the service of a failingTemporal.
type failingService struct {
	workflowservice.WorkflowServiceClient
	events []*historypb.HistoryEvent
}

func (f failingTemporal) WorkflowService() workflowservice.WorkflowServiceClient {
	return failingService{events: f.events}
}

func (f failingTemporal) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{PendingWorkflowTask: &workflowpb.PendingWorkflowTaskInfo{Attempt: f.attempt}}, nil
}

func (f failingService) GetWorkflowExecutionHistoryReverse(
	_ context.Context, in *workflowservice.GetWorkflowExecutionHistoryReverseRequest, _ ...grpc.CallOption,
) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
	i := len(in.GetNextPageToken())
	page := &workflowservice.GetWorkflowExecutionHistoryReverseResponse{History: &historypb.History{Events: f.events[i : i+1]}}
	if i+1 < len(f.events) {
		page.NextPageToken = make([]byte, i+1)
	}
	return page, nil
}

func TestFailing(t *testing.T) {
	failed := func(message string) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
			WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{Identity: "7@old", Failure: &failurepb.Failure{Message: message}},
		}}
	}
	signal := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{}}
	completed := &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{},
	}}
	events := func(list ...*historypb.HistoryEvent) []*historypb.HistoryEvent { return list }
	for name, c := range map[string]struct {
		f    failingTemporal
		want string // "" for none
	}{
		"it fails":          {failingTemporal{attempt: 2, events: events(signal, failed("a panic\nits stack"), failed("before"), completed)}, "a panic"},
		"it timed out":      {failingTemporal{attempt: 2, events: events(signal, completed, failed("long ago"))}, ""},
		"it has just begun": {failingTemporal{attempt: 1, events: events(failed("before the signal"))}, ""},
		"no task waits":     {failingTemporal{events: events(completed)}, ""},
		"never completed":   {failingTemporal{attempt: 5, events: events(signal)}, ""},
		"an address at the cut": {failingTemporal{attempt: 3, events: events(failed(strings.Repeat("x", failingMessage-30) + " http://ann:a-long-password@host/" + strings.Repeat("y", 99)))},
			strings.Repeat("x", failingMessage-30) + " http://***@host/yyyyyyyyyy..."},
		"a long message": {failingTemporal{attempt: 3, events: events(failed(strings.Repeat("x", 2*failingMessage)))}, strings.Repeat("x", failingMessage-3) + "..."},
	} {
		err := Failing(t.Context(), c.f, "default", "small")
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, "no worker can take the next step of the sweep, it fails on worker 7@old: "+c.want, name)
	}
}
