package progress

import (
	"context"
	"errors"
	"fmt"
	"time"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/workflows"
)

const (
	failingTimeout = 2 * time.Second
	failingPage    = 20  // events that are read at a time, from the end of the history
	failingMessage = 800 // bytes of the message that are shown
)

// FailingError means that the workflow of a sweep makes no step, since its task fails on the
// workers that try it: they are of another build, or have a bug. Temporal then answers no
// query and accepts no Update, but keeps signals.
type FailingError struct {
	Worker  string // identity of the one on which it failed last
	Message string // of that failure
}

// Error implements error.
func (e *FailingError) Error() string {
	return fmt.Sprintf("no worker can take the next step of the sweep, it fails on worker %s: %s", e.Worker, e.Message)
}

// Failing returns a *FailingError if the task of a sweep's workflow has failed since the last
// step, else nil, also where Temporal does not answer.
func Failing(ctx context.Context, c client.Client, namespace, name string) error {
	ctx, cancel := context.WithTimeout(ctx, failingTimeout)
	defer cancel()
	d, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	if err != nil || d.GetPendingWorkflowTask().GetAttempt() < 2 {
		return nil
	}
	failed := lastFailure(ctx, c, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: namespace, Execution: d.GetWorkflowExecutionInfo().GetExecution(), MaximumPageSize: failingPage,
	})
	if failed == nil {
		return nil
	}
	return &FailingError{Worker: failed.GetIdentity(), Message: text.Clip(address.Redact(text.FirstLine(failed.GetFailure().GetMessage())), failingMessage)}
}

// lastFailure returns the last failure of a workflow task since one was completed, nil for
// none. Temporal records the first failure in a row, and one after each further signal.
func lastFailure(ctx context.Context, c client.Client, request *workflowservice.GetWorkflowExecutionHistoryReverseRequest) *historypb.WorkflowTaskFailedEventAttributes {
	for {
		page, err := c.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, request)
		if err != nil {
			return nil
		}
		for _, e := range page.GetHistory().GetEvents() {
			if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil {
				return failed
			}
			if e.GetWorkflowTaskCompletedEventAttributes() != nil {
				return nil
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return nil
		}
	}
}

// Explained says why no worker has answered a query: it returns
// ErrNoWorker or a *FailingError where that is so, else err.
func Explained(ctx context.Context, c client.Client, namespace, name string, err error) error {
	if errors.Is(err, ErrNoSweep) {
		return err
	}
	looking, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if !WorkerPolls(looking, c) {
		return ErrNoWorker
	}
	if failing := Failing(ctx, c, namespace, name); failing != nil {
		return failing
	}
	return err
}
