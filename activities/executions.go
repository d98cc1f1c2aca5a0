package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// temporalExecutions asks Temporal.
type temporalExecutions struct {
	client client.Client
}

// NewExecutions returns the Executions of a Temporal namespace.
func NewExecutions(c client.Client) Executions { return temporalExecutions{client: c} }

// Status implements Executions.
func (e temporalExecutions) Status(ctx context.Context, workflowID string) (ExecutionStatus, error) {
	d, err := e.client.DescribeWorkflowExecution(ctx, workflowID, "")
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return "", fmt.Errorf("describe workflow %q: %w", workflowID, ErrNoExecution)
	case err != nil:
		return "", fmt.Errorf("describe workflow %q: %w", workflowID, err)
	}
	switch d.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
		enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return ExecutionRunning, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return ExecutionCompleted, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return ExecutionCancelled, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return ExecutionTerminated, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return ExecutionTimedOut, nil
	default:
		return ExecutionFailed, nil
	}
}
