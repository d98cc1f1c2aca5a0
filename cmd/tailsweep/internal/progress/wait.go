package progress

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/workflows"
)

// waitPage is how many events of a trial are read from the end: more than follow the activity
// before a wait.
const waitPage = 30

// betweenActivities reads what a trial without a pending activity does.
func betweenActivities(ctx context.Context, c client.Client, namespace string, d *workflowservice.DescribeWorkflowExecutionResponse) (LiveTrial, error) {
	run := d.GetWorkflowExecutionInfo().GetExecution()
	page, err := c.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: namespace, Execution: run, MaximumPageSize: waitPage,
	})
	if err != nil {
		return LiveTrial{}, fmt.Errorf("read the last events of %s: %w", run.GetWorkflowId(), err)
	}
	return fromHistory(page.GetHistory().GetEvents()), nil
}

// fromHistory converts the last events of a trial without a pending activity, the newest
// first. It publishes, in a local activity, unless a timer runs or no activity was scheduled
// yet.
func fromHistory(events []*historypb.HistoryEvent) LiveTrial {
	live := LiveTrial{Stage: stagePublishing}
	ended := map[int64]bool{} // timers, by the event that started them
	for _, e := range events {
		if a := e.GetTimerFiredEventAttributes(); a != nil {
			ended[a.GetStartedEventId()] = true
		}
		if a := e.GetTimerCanceledEventAttributes(); a != nil {
			ended[a.GetStartedEventId()] = true
		}
		if e.GetTimerStartedEventAttributes() != nil && !ended[e.GetEventId()] && live.Stage == stagePublishing {
			live.await(e)
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			if live.Stage != stagePublishing {
				live.addStep(a)
			}
			return live
		}
		if e.GetWorkflowExecutionStartedEventAttributes() != nil {
			return LiveTrial{Stage: stageQueued}
		}
	}
	return live
}

// await sets the stage of a trial whose timer runs.
func (l *LiveTrial) await(started *historypb.HistoryEvent) {
	var summary string
	// One that does not decode is shown as a wait without a reason.
	_ = converter.GetDefaultDataConverter().FromPayload(started.GetUserMetadata().GetSummary(), &summary)
	switch summary {
	case workflows.TimerGiveUp: // it publishes, or waits for another timer
		return
	case workflows.TimerVerdict:
		l.Stage = stageVerdict
	default:
		after, message, _ := strings.Cut(strings.TrimPrefix(summary, "after "), ": ")
		l.Stage, l.LastError = stageAfter+" "+cmp.Or(after, "a failure"), message
	}
	l.Since = started.GetEventTime().AsTime()
}

// addStep adds how far a waiting trial was at its last activity, as far as its input says.
func (l *LiveTrial) addStep(last *historypb.ActivityTaskScheduledEventAttributes) {
	var in activities.EvaluateInput
	switch last.GetActivityType().GetName() {
	case "Publish":
		l.Trained = true
	case "Evaluate":
		if err := converter.GetDefaultDataConverter().FromPayloads(last.GetInput(), &in); err != nil {
			return // of another version
		}
		l.Trained = !in.Rung
		if in.Rung {
			l.Step, l.Steps = in.Checkpoint.Step, in.Spec.Train.Steps
		}
	}
}
