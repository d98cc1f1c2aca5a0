package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// How often and how long a control worker queries the sweeps' numbers.
const (
	gaugesEvery   = 30 * time.Second
	gaugesTimeout = 2 * time.Minute // for all of them
	gaugesPage    = 100             // sweeps a page of the list
)

// keepGauges updates the gauges of all sweeps until ctx ends. The activity Record
// updates them at once, but in one worker only, and never for a terminated sweep.
func (c Config) keepGauges(ctx context.Context) {
	ticker := time.NewTicker(gaugesEvery)
	defer ticker.Stop()
	for {
		if err := c.refreshGauges(ctx); err != nil && ctx.Err() == nil {
			c.Log.Warn("the metrics of sweeps may be outdated", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// refreshGauges updates the gauges of running sweeps, and of sweeps that have ended
// since the last time. A sweep whose workflow fails at each step is blocked.
func (c Config) refreshGauges(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, gaugesTimeout)
	defer cancel()
	shown := c.Metrics.ActiveSweeps()
	running, err := c.runningSweeps(ctx)
	if err != nil {
		return fmt.Errorf("list the running sweeps: %w", err)
	}
	var errs []error
	for _, id := range running {
		p, err := c.progressOf(ctx, id)
		if err != nil {
			errs = append(errs, err)
			if _, failing := errors.AsType[*serviceerror.WorkflowNotReady](err); failing {
				name := strings.TrimPrefix(id, workflows.SweepID(""))
				last := shown[name]
				last.Active, last.Blocked = true, []block.Reason{block.Other}
				c.Metrics.SweepState(name, last)
				delete(shown, name)
			}
			continue
		}
		delete(shown, p.Name)
		c.Metrics.SweepState(p.Name, workflows.Numbers(p))
	}
	for name, last := range shown {
		errs = append(errs, c.refreshEnded(ctx, name, last))
	}
	return errors.Join(errs...)
}

// refreshEnded updates the gauges of a sweep that is not in the list of running ones. If
// its final numbers are not known, its last known numbers are kept. Temporal's list lags,
// so a missing sweep may also have just started.
func (c Config) refreshEnded(ctx context.Context, name string, last activities.SweepNumbers) error {
	id := workflows.SweepID(name)
	status, _, err := activities.NewExecutions(c.Client).Status(ctx, id)
	switch {
	case errors.Is(err, activities.ErrNoExecution):
		err = nil
	case err != nil || status == activities.ExecutionRunning:
		return err
	default:
		var p conduct.Progress
		if p, err = c.progressOf(ctx, id); err == nil {
			last = workflows.Numbers(p)
		}
	}
	last.Active, last.Running = false, 0
	c.Metrics.SweepState(name, last)
	return err
}

// runningSweeps returns the workflow ids of the running sweeps.
func (c Config) runningSweeps(ctx context.Context) ([]string, error) {
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + workflows.TypeSweep + "' AND ExecutionStatus = 'Running'", PageSize: gaugesPage,
	}
	var ids []string
	for {
		page, err := c.Client.ListWorkflow(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, e := range page.GetExecutions() {
			ids = append(ids, e.GetExecution().GetWorkflowId())
		}
		if len(page.GetNextPageToken()) == 0 {
			return ids, nil
		}
		request.NextPageToken = page.GetNextPageToken()
	}
}

// progressOf queries a sweep, which may have ended.
func (c Config) progressOf(ctx context.Context, workflowID string) (conduct.Progress, error) {
	var p conduct.Progress
	answer, err := c.Client.QueryWorkflow(ctx, workflowID, "", workflows.QueryProgress)
	if err == nil {
		err = answer.Get(&p)
	}
	if err != nil {
		return p, fmt.Errorf("query workflow %s: %w", workflowID, err)
	}
	return p, nil
}
