package sweeps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// executions are the workflows of sweeps in Temporal. It implements archive.Workflows.
type executions struct {
	client  client.Client
	archive *archive.Archive
	here    sweep.Identity // the cluster and namespace of client
}

// openExecutions opens the object store and connects to Temporal. The caller closes the
// client.
func openExecutions(ctx context.Context, a *cli.App) (executions, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return executions{}, err
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return executions{}, fmt.Errorf("what runs is not known: %w", err)
	}
	here, err := a.Here(ctx, c)
	if err != nil {
		c.Close()
		return executions{}, err
	}
	return executions{c, arc, here}, nil
}

// elsewhere returns an error if a sweep of the store belongs to another Temporal cluster or
// namespace than the one that c is connected to.
func elsewhere(ctx context.Context, a *cli.App, c client.Client, arc *archive.Archive, name string) error {
	here, err := a.Here(ctx, c)
	if err != nil {
		return nil // Temporal does not answer: what follows says why
	}
	if other, is := errors.AsType[*archive.ElsewhereError](arc.CheckTemporal(ctx, name, here)); is {
		return cli.ExitWith(cli.ExitUsage, other)
	}
	return nil
}

// Progress implements archive.Workflows.
func (e executions) Progress(ctx context.Context, name string) (*conduct.Progress, error) {
	if err := e.archive.CheckTemporal(ctx, name, e.here); err != nil {
		return nil, err
	}
	running, err := e.runs(ctx, workflows.SweepID(name))
	if err != nil || !running {
		return nil, err
	}
	p, err := progress.QueryProgress(ctx, e.client, name)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// TrialRuns implements archive.Workflows.
func (e executions) TrialRuns(ctx context.Context, name string, trial int) (bool, error) {
	running, err := e.runs(ctx, workflows.TrialID(name, trial))
	if errors.Is(err, activities.ErrNoExecution) {
		return false, nil
	}
	return running, err
}

// runs reports whether the latest run of a workflow runs. The error of one that is not
// known wraps activities.ErrNoExecution.
func (e executions) runs(ctx context.Context, id string) (bool, error) {
	d, err := e.client.DescribeWorkflowExecution(ctx, id, "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return false, fmt.Errorf("%w: %s", activities.ErrNoExecution, id)
	}
	if err != nil {
		return false, fmt.Errorf("describe workflow %s: %w", id, err)
	}
	return d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// execution is a run of a workflow.
type execution struct {
	id, run string
	running bool
}

// All lists the runs of a sweep and of its trials that Temporal knows.
func (e executions) All(ctx context.Context, name string) ([]execution, error) {
	var all []execution
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s' OR %s = '%s'", workflows.SweepID(name), workflows.AttrSweep, name), PageSize: 1000,
	}
	for {
		page, err := e.client.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list the workflows of sweep %s: %w", name, err)
		}
		for _, w := range page.GetExecutions() {
			id := w.GetExecution().GetWorkflowId()
			if id != workflows.SweepID(name) && !strings.HasPrefix(id, workflows.SweepID(name)+"/") {
				continue // somebody else's, with this attribute
			}
			all = append(all, execution{id, w.GetExecution().GetRunId(), w.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING})
		}
		if len(page.GetNextPageToken()) == 0 {
			return all, nil
		}
		request.NextPageToken = page.GetNextPageToken()
	}
}

// SweepRuns reports whether the sweep's workflow runs; known is false if Temporal has none.
func (e executions) SweepRuns(ctx context.Context, name string) (running, known bool, err error) {
	running, err = e.runs(ctx, workflows.SweepID(name))
	if errors.Is(err, activities.ErrNoExecution) {
		return false, false, nil
	}
	return running, err == nil, err
}

// errNotAllowed means that this client may not delete workflows.
var errNotAllowed = errors.New("deleting workflows is not allowed")

// Delete deletes a closed run. Temporal does so some time later.
func (e executions) Delete(ctx context.Context, x execution) error {
	_, err := e.client.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
		Namespace: e.here.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: x.id, RunId: x.run},
	})
	_, gone := errors.AsType[*serviceerror.NotFound](err)
	_, denied := errors.AsType[*serviceerror.PermissionDenied](err)
	_, absent := errors.AsType[*serviceerror.Unimplemented](err)
	switch {
	case gone || err == nil:
		return nil
	case denied || absent:
		return fmt.Errorf("%w: %w", errNotAllowed, err)
	}
	return fmt.Errorf("delete workflow %s: %w", x.id, err)
}

// deletedWithin is how long Deleted waits: longer than the 35 s after which the queues of a
// Temporal with its default settings have stored how far they are.
const deletedWithin = 90 * time.Second

// Deleted waits until Temporal no longer has any of the runs, and reports whether that is so.
func (e executions) Deleted(ctx context.Context, runs []execution) bool {
	ctx, cancel := context.WithTimeout(ctx, deletedWithin)
	defer cancel()
	return !slices.ContainsFunc(runs, func(x execution) bool {
		return nil != retry.Until(ctx, 100*time.Millisecond, func() (bool, error) {
			_, err := e.client.DescribeWorkflowExecution(ctx, x.id, x.run)
			_, gone := errors.AsType[*serviceerror.NotFound](err)
			return gone, nil
		})
	})
}
