package sweeps

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/workflows"
)

// maxListed is the number of sweeps that list asks Temporal about.
const maxListed = 1000

// Listed is a line of `tailsweep list`.
type Listed struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // a conduct.Phase, "terminated", "timed out" or "damaged"; "unknown" without an answer of Temporal
	Done     int       `json:"done"`  // trials in the ledger
	BestHead *float64  `json:"best_head,omitempty"`
	BestTail *float64  `json:"best_tail,omitempty"`
	Created  time.Time `json:"created"`
	Fault    string    `json:"fault,omitempty"` // what blocks the sweep, or why it cannot be read
}

// The states of sweeps that Temporal does not report.
const (
	stateUnknown = "unknown"
	stateDamaged = "damaged" // it cannot be read from the object store
)

// memoBlocked is the entry of a sweep's memo that says what blocks it.
const memoBlocked = "blocked"

// listTimeout bounds what list waits for Temporal.
const listTimeout = 10 * time.Second

// List is the verb list: it lists the sweeps.
func List(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List all sweeps, running and finished", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		arc, err := a.Archive(ctx)
		if err != nil {
			return err
		}
		entries, err := arc.Sweeps(ctx)
		if err != nil {
			return err
		}
		known, err := temporalSweeps(ctx, a)
		incomplete := err != nil
		if incomplete {
			a.Log("the states of the sweeps are unknown: %v", err)
		}
		rows := make([]Listed, 0, len(entries))
		for _, entry := range entries {
			row, ok := known[entry.Name]
			if !ok {
				if row, err = storedSweep(ctx, arc, entry); err != nil {
					return err
				}
			}
			if entry.Err != nil {
				row.State, row.Fault = stateDamaged, entry.Err.Error()
			}
			row.Created = entry.Created
			incomplete = incomplete || row.State == stateDamaged
			rows = append(rows, row)
		}
		if err := a.PrintAs(output, rows, listText(a, rows)...); err != nil {
			return err
		}
		if incomplete {
			return cli.Silently(cli.ExitFailure)
		}
		return nil
	}
	return cmd
}

// listText is a table of the sweeps, and a line for each fault.
func listText(a *cli.App, rows []Listed) []string {
	t := console.NewTable("SWEEP", "STATE", ">TRIALS", ">FID.HEAD", ">FID.TAIL", "CREATED")
	var faults []string
	for _, r := range rows {
		created := ""
		if !r.Created.IsZero() {
			created = r.Created.Local().Format(time.DateTime)
		}
		t.Row(r.Name, r.State, fmt.Sprint(r.Done), trialview.Number(r.BestHead), trialview.Number(r.BestTail), created)
		if r.Fault != "" {
			faults = append(faults, r.Name+": "+console.Printable(r.Fault))
		}
	}
	lines := a.Lines(t)
	if len(faults) > 0 {
		lines = append(append(lines, ""), faults...)
	}
	return lines
}

// storedSweep is a sweep of which Temporal reports nothing. An error means that no sweep
// can be read.
func storedSweep(ctx context.Context, arc *archive.Archive, entry archive.StoredSweep) (Listed, error) {
	row := Listed{Name: entry.Name, State: stateUnknown}
	if entry.Err != nil {
		return row, nil
	}
	trials, err := arc.Trials(ctx, entry.Name)
	reason := activities.BlockReason(err)
	switch {
	case err == nil:
		row.Done = len(trials)
	case ctx.Err() != nil, reason != "" && reason != block.LedgerDamaged:
		return row, err
	default:
		row.State, row.Fault = stateDamaged, err.Error()
	}
	return row, nil
}

// temporalSweeps asks Temporal for the sweeps that it knows, by name.
func temporalSweeps(ctx context.Context, a *cli.App) (map[string]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	c, err := a.Temporal(ctx)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return listSweeps(ctx, c)
}

// listSweeps reads the search attributes of the latest run of each sweep.
func listSweeps(ctx context.Context, c client.Client) (map[string]Listed, error) {
	found := map[string]Listed{}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + workflows.TypeSweep + "' AND ExecutionStatus != 'ContinuedAsNew'", PageSize: 100,
	}
	for len(found) < maxListed {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list sweeps: %w", err)
		}
		for _, e := range page.GetExecutions() {
			row := fromExecution(e)
			if _, newer := found[row.Name]; !newer { // the latest run comes first
				found[row.Name] = row
			}
		}
		if len(page.GetNextPageToken()) == 0 {
			break
		}
		request.NextPageToken = page.GetNextPageToken()
	}
	return found, nil
}

// fromExecution converts what Temporal lists for a sweep's run. A run that was ended
// from outside could not update its attribute, which still says running.
func fromExecution(e *workflowpb.WorkflowExecutionInfo) Listed {
	row := fromAttributes(e.GetSearchAttributes())
	row.Name = strings.TrimPrefix(e.GetExecution().GetWorkflowId(), workflows.SweepID(""))
	switch status := e.GetStatus(); {
	case status == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		row.State = "timed out"
	case status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED || row.State == "":
		row.State = strings.ToLower(status.String())
	}
	var blocked string
	payload, ok := e.GetMemo().GetFields()[memoBlocked]
	if ok && e.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, &blocked) // one that does not decode stays empty
	}
	if blocked != "" {
		row.Fault = "blocked: " + blocked
	}
	return row
}

// fromAttributes converts a sweep's search attributes. Missing ones stay empty.
func fromAttributes(attributes *commonpb.SearchAttributes) (row Listed) {
	for name, target := range map[string]any{
		workflows.AttrState: &row.State, workflows.AttrDone: &row.Done,
		workflows.AttrBestHead: &row.BestHead, workflows.AttrBestTail: &row.BestTail,
	} {
		if payload, ok := attributes.GetIndexedFields()[name]; ok {
			_ = converter.GetDefaultDataConverter().FromPayload(payload, target) // one that does not decode stays empty
		}
	}
	return row
}
