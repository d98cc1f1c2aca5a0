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

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/workflows"
)

// maxListed is the number of sweeps that list asks Temporal about.
const maxListed = 1000

// Listed is a line of `tailsweep list`.
type Listed struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // a conduct.Phase, "terminated" or "timed out"; "unknown" without an answer of Temporal
	Done     int       `json:"done"`  // trials in the ledger
	BestHead *float64  `json:"best_head,omitempty"`
	BestTail *float64  `json:"best_tail,omitempty"`
	Created  time.Time `json:"created"`
}

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
		known := map[string]Listed{}
		if c, err := a.Temporal(ctx); err != nil {
			a.Log("the states of the sweeps are unknown: %v", err)
		} else {
			defer c.Close()
			if known, err = listSweeps(ctx, c); err != nil {
				a.Log("the states of the sweeps are unknown: %v", err)
			}
		}
		rows := make([]Listed, 0, len(entries))
		for _, entry := range entries {
			row, ok := known[entry.Name]
			if !ok {
				row = Listed{Name: entry.Name, State: "unknown"}
				trials, err := arc.Trials(ctx, entry.Name)
				if err != nil {
					return err
				}
				row.Done = len(trials)
			}
			row.Created = entry.Created
			rows = append(rows, row)
		}
		t := console.NewTable("SWEEP", "STATE", ">TRIALS", ">FID.HEAD", ">FID.TAIL", "CREATED")
		for _, r := range rows {
			t.Row(r.Name, r.State, fmt.Sprint(r.Done), trialview.Number(r.BestHead), trialview.Number(r.BestTail), r.Created.Local().Format(time.DateTime))
		}
		return a.PrintAs(output, rows, a.Lines(t)...)
	}
	return cmd
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
