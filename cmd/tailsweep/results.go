package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/workflows"
)

// maxListed bounds how many sweeps list asks Temporal about.
const maxListed = 1000

// listed is a line of `tailsweep list`.
type listed struct {
	Name     string    `json:"name"`
	State    string    `json:"state"` // a workflows.Phase, "terminated" or "timed out"; "unknown" when Temporal does not say
	Done     int       `json:"done"`  // trials in the ledger
	BestHead *float64  `json:"best_head,omitempty"`
	BestTail *float64  `json:"best_tail,omitempty"`
	Created  time.Time `json:"created"`
}

func newList(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "All sweeps, running and finished", Args: args(0, 0, "no arguments")}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		arc, err := a.archive(ctx)
		if err != nil {
			return err
		}
		entries, err := arc.Sweeps(ctx)
		if err != nil {
			return err
		}
		known := map[string]listed{}
		if c, err := a.temporal(ctx); err != nil {
			a.say("states are unknown: %v", err)
		} else {
			defer c.Close()
			if known, err = listSweeps(ctx, c); err != nil {
				a.say("states are unknown: %v", err)
			}
		}
		rows := make([]listed, 0, len(entries))
		for _, entry := range entries {
			row, ok := known[entry.Name]
			if !ok {
				row = listed{Name: entry.Name, State: "unknown"}
				trials, err := arc.Trials(ctx, entry.Name)
				if err != nil {
					return err
				}
				row.Done = len(trials)
			}
			row.Created = entry.Created
			rows = append(rows, row)
		}
		if output.value == "json" {
			return a.printJSON(rows)
		}
		t := newTable("SWEEP", "STATE", ">TRIALS", ">FID.HEAD", ">FID.TAIL", "CREATED")
		for _, r := range rows {
			t.row(r.Name, r.State, fmt.Sprint(r.Done), optional(r.BestHead), optional(r.BestTail), r.Created.Local().Format(time.DateTime))
		}
		return a.printTable(t)
	}
	return cmd
}

func optional(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.4g", *x)
}

// printTable writes a table as wide as the terminal.
func (a *app) printTable(t *table) error {
	term := a.terminal()
	return a.print(t.render(term.width, painter(term.colour))...)
}

// listSweeps reads the search attributes of the latest run of each sweep.
func listSweeps(ctx context.Context, c client.Client) (map[string]listed, error) {
	found := map[string]listed{}
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
			if _, newer := found[row.Name]; !newer { // the latest comes first
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

// fromExecution reads what Temporal lists of a sweep's run. One that was ended
// from outside could not write down its state: its attribute still says running.
func fromExecution(e *workflowpb.WorkflowExecutionInfo) listed {
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

// fromAttributes reads a sweep's search attributes; absent ones stay empty.
func fromAttributes(attributes *commonpb.SearchAttributes) listed {
	var row listed
	var head, tail float64
	for name, target := range map[string]any{
		workflows.AttrState: &row.State, workflows.AttrDone: &row.Done,
		workflows.AttrBestHead: &head, workflows.AttrBestTail: &tail,
	} {
		payload, ok := attributes.GetIndexedFields()[name]
		if !ok || converter.GetDefaultDataConverter().FromPayload(payload, target) != nil {
			continue
		}
		switch name {
		case workflows.AttrBestHead:
			row.BestHead = &head
		case workflows.AttrBestTail:
			row.BestTail = &tail
		}
	}
	return row
}

func newTrials(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trials SWEEP",
		Short: "Every finished trial, with its parameters and metrics",
		Args:  args(1, 1, "one sweep"),
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		spec, trials, err := a.loadTrials(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		slices.SortFunc(trials, func(a, b sweep.Trial) int { return cmp.Compare(a.Number, b.Number) })
		if output.value == "json" {
			return a.printJSON(judge(spec, trials, trials))
		}
		return a.printTable(trialTable(spec, judge(spec, trials, trials), nil))
	}
	return cmd
}

// loadTrials reads a sweep's spec and finished trials, which need no Temporal.
func (a *app) loadTrials(ctx context.Context, name string) (*sweep.Spec, []sweep.Trial, error) {
	arc, err := a.archive(ctx)
	if err != nil {
		return nil, nil, err
	}
	spec, _, err := loadSpec(ctx, arc, name)
	if err != nil {
		return nil, nil, err
	}
	trials, err := arc.Trials(ctx, name)
	return spec, trials, err
}

// judged is a trial, and whether it keeps the constraints of its sweep.
type judged struct {
	sweep.Trial
	Feasibility analysis.Feasibility `json:"feasibility,omitempty"` // of completed trials under constraints
}

// judge looks at some trials of a ledger. The result is never nil: JSON is an array.
func judge(spec *sweep.Spec, ledger, trials []sweep.Trial) []judged {
	verdicts := analysis.Judge(spec, ledger)
	list := make([]judged, len(trials))
	for i, t := range trials {
		list[i] = judged{t, verdicts[t.Number]}
	}
	return list
}

// trialTable lists trials in the order given; marks stand behind their numbers.
func trialTable(spec *sweep.Spec, trials []judged, marks map[int]string) *table {
	names := columns(spec)
	titles := []string{">TRIAL", "KIND", "STATUS"}
	if len(spec.Constraints) > 0 {
		titles = append(titles, "CONSTRAINTS")
	}
	for _, name := range names {
		titles = append(titles, ">"+strings.ToUpper(name))
	}
	titles = append(titles, ">LOSS", ">STEPS", ">ATTEMPTS")
	if len(marks) > 0 {
		titles = append(titles, "")
	}
	t := newTable(append(titles, "PARAMETERS")...)
	for _, trial := range trials {
		row := []string{fmt.Sprint(trial.Number), string(trial.Kind), string(trial.Status)}
		if len(spec.Constraints) > 0 {
			row = append(row, cmp.Or(string(trial.Feasibility), "-"))
		}
		for _, name := range names {
			row = append(row, metricText(trial.Metrics, name))
		}
		row = append(row, lossText(trial.Trial), fmt.Sprint(trial.Steps), fmt.Sprint(trial.Tries()))
		if len(marks) > 0 {
			row = append(row, marks[trial.Number])
		}
		t.row(append(row, trialNote(trial.Trial))...)
	}
	return t
}

// trialNote is a trial's parameters, and why it did not complete.
func trialNote(t sweep.Trial) string {
	note := paramsText(t.Params)
	if why := trialTrouble(t); why != "" {
		note += "  " + why
	}
	return note
}

// checkMetric refuses a metric that is not of the closed list.
func checkMetric(name string) error {
	if name == "" {
		return nil
	}
	if _, known := sweep.LookupMetric(name); known {
		return nil
	}
	return usagef("--metric: %q is no metric; valid: %s", name, sweep.MetricWords())
}

// lossText is the final loss; a trial that did not train to its end has none.
func lossText(t sweep.Trial) string {
	if t.Steps == 0 || t.LossLast == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4f", t.LossLast)
}
