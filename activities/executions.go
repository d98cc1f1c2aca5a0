package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

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
func (e temporalExecutions) Status(ctx context.Context, workflowID string) (status ExecutionStatus, started time.Time, err error) {
	d, err := e.client.DescribeWorkflowExecution(ctx, workflowID, "")
	var notFound *serviceerror.NotFound
	switch {
	case errors.As(err, &notFound):
		return "", started, fmt.Errorf("describe workflow %q: %w", workflowID, ErrNoExecution)
	case err != nil:
		return "", started, fmt.Errorf("describe workflow %q: %w", workflowID, err)
	}
	started = d.GetWorkflowExecutionInfo().GetStartTime().AsTime()
	switch d.GetWorkflowExecutionInfo().GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
		enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
		return ExecutionRunning, started, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return ExecutionCompleted, started, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return ExecutionCancelled, started, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return ExecutionTerminated, started, nil
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return ExecutionTimedOut, started, nil
	default:
		return ExecutionFailed, started, nil
	}
}

// Signal implements Executions.
func (e temporalExecutions) Signal(ctx context.Context, to Receiver, content any) error {
	err := e.client.SignalWorkflow(ctx, to.Workflow, "", to.Name, content)
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return fmt.Errorf("signal workflow %q: %w", to.Workflow, ErrNoExecution)
	case err != nil:
		return fmt.Errorf("signal workflow %q: %w", to.Workflow, err)
	}
	return nil
}

// Awaits implements Executions.
func (e temporalExecutions) Awaits(ctx context.Context, token []byte, h Heartbeat) (bool, error) {
	err := e.client.RecordActivityHeartbeat(ctx, token, h)
	switch {
	case errors.As(err, new(*serviceerror.NotFound)):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("send a heartbeat: %w", err)
	}
	return true, nil
}
