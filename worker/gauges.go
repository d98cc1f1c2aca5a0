package worker

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/workflows"
)

// How long a new worker tries to learn what the running sweeps' numbers are.
const (
	gaugesTimeout = 2 * time.Minute
	gaugesPage    = 100 // sweeps a page of the list
)

// rebuildGauges shows the numbers of the sweeps that were running before this
// worker was. Later changes come through the Record activity.
func (c Config) rebuildGauges(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, gaugesTimeout)
	defer cancel()
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + workflows.TypeSweep + "' AND ExecutionStatus = 'Running'", PageSize: gaugesPage,
	}
	for {
		page, err := c.Client.ListWorkflow(ctx, request)
		if err != nil {
			c.Log.Warn("cannot list running sweeps; their metrics come with their next result", "error", err)
			return
		}
		for _, e := range page.GetExecutions() {
			id := e.GetExecution().GetWorkflowId()
			if err := c.rebuildGauge(ctx, id); err != nil {
				c.Log.Warn("cannot ask a running sweep; its metrics come with its next result", "workflow", id, "error", err)
			}
		}
		if len(page.GetNextPageToken()) == 0 {
			return
		}
		request.NextPageToken = page.GetNextPageToken()
	}
}

func (c Config) rebuildGauge(ctx context.Context, workflowID string) error {
	answer, err := c.Client.QueryWorkflow(ctx, workflowID, "", workflows.QueryProgress)
	if err != nil {
		return err
	}
	var p workflows.Progress
	if err := answer.Get(&p); err != nil {
		return fmt.Errorf("decode its progress: %w", err)
	}
	c.Metrics.SweepState(p.Name, numbers(p))
	return nil
}

// numbers are a sweep's gauges.
func numbers(p workflows.Progress) activities.SweepNumbers {
	n := activities.SweepNumbers{
		Running: len(p.Running), ByStatus: p.Counts, Planned: p.Planned, GPUHours: p.GPUHours, Active: p.EndedAt == nil,
	}
	if p.Best != nil {
		n.Best = p.Best.Metrics
	}
	return n
}
