package sweeps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
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
	"golang.org/x/sync/errgroup"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// maxListed is the number of sweeps that list asks Temporal about.
const maxListed = 1000

// Listed is a line of `tailsweep list`.
type Listed struct {
	Name      string    `json:"name"`
	State     string    `json:"state"`             // a conduct.Phase, "removing" or "damaged"; "unknown" without an answer of Temporal, or of a sweep of another one
	Done      int       `json:"done"`              // trials in the ledger
	Planned   int       `json:"planned,omitempty"` // 0: until the budget is used up
	Running   *int      `json:"running,omitempty"` // trials, and those that progress.LiveTrials did not look at; absent if no worker has answered
	Queued    *int      `json:"queued,omitempty"`  // trials that wait for a training slot; absent as Running
	Requested int       `json:"requested"`         // trials that a user asked for and that have not started
	Pinned    int       `json:"pinned"`            // trials
	Priority  int       `json:"priority"`          // resources.priority of the spec in force
	BestHead  *float64  `json:"best_head,omitempty"`
	BestTail  *float64  `json:"best_tail,omitempty"`
	Head      string    `json:"head,omitempty"` // name of the metric of BestHead
	Tail      string    `json:"tail,omitempty"` // name of the metric of BestTail
	Created   time.Time `json:"created,omitzero"`
	Fault     string    `json:"fault,omitempty"` // what blocks the sweep, why it cannot be read, or which Temporal it belongs to

	live bool // its workflow runs
}

// The states of sweeps that Temporal does not report.
const (
	stateUnknown  = "unknown"
	stateDamaged  = "damaged"  // it cannot be read from the object store
	stateRemoving = "removing" // its removal has begun
)

const (
	listTimeout    = 10 * time.Second // what list waits for Temporal
	queryTimeout   = 2 * time.Second  // what list waits for workers to say what runs
	failingTimeout = 2 * time.Second  // what list then waits for Temporal to say why sweeps do not continue
	lookers        = 8                // sweeps that list looks at at a time
)

// List is the verb list: it lists the sweeps.
func List(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List all sweeps, running and finished", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		c, known, err := temporalSweeps(ctx, a)
		incomplete := err != nil
		if incomplete {
			a.Log("the phases of the sweeps are unknown: %v", err)
		} else {
			defer c.Close()
		}
		rows, err := storedRows(ctx, a, c, known)
		if err != nil {
			if c == nil || ctx.Err() != nil {
				return err
			}
			incomplete = true
			a.Log("only what Temporal knows is shown, since the object store does not answer: %v", err)
			rows = knownRows(known)
		}
		if c != nil {
			target, err := connect.Resolve(a.Flags)
			if err != nil {
				return err
			}
			askWorkers(ctx, c, target.Namespace(), rows)
		}
		if err := ctx.Err(); err != nil { // what is missing is its consequence
			return err
		}
		incomplete = incomplete || slices.ContainsFunc(rows, func(r Listed) bool { return r.State == stateDamaged })
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

// storedRows makes a row of each sweep of the store, with what Temporal knows of it. An error
// means that the store does not answer. c is nil without an answer of Temporal.
func storedRows(ctx context.Context, a *cli.App, c client.Client, known map[string]Listed) ([]Listed, error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := arc.Sweeps(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(ctx, arc, entries, known)
	if err == nil && c != nil {
		nameElsewhere(ctx, a, c, arc, rows)
	}
	return rows, err
}

// knownRows are the sweeps that Temporal knows, by name.
func knownRows(known map[string]Listed) []Listed {
	return slices.SortedFunc(maps.Values(known), func(a, b Listed) int { return cmp.Compare(a.Name, b.Name) })
}

// rowsOf makes a row of each sweep of the store, with what Temporal knows of it. An error
// means that no sweep can be read.
func rowsOf(ctx context.Context, arc *archive.Archive, entries []archive.StoredSweep, known map[string]Listed) ([]Listed, error) {
	rows, errs := make([]Listed, len(entries)), make([]error, len(entries))
	each(len(entries), func(i int) {
		entry := entries[i]
		row, ok := known[entry.Name]
		if !ok {
			row = Listed{Name: entry.Name, State: stateUnknown}
		}
		if !ok || row.State == string(conduct.PhaseTerminated) {
			errs[i] = row.countStored(ctx, arc, entry)
		}
		o, err := arc.Overview(ctx, entry.Name)
		if entry.Err != nil {
			err = entry.Err
		}
		switch {
		case ctx.Err() != nil:
			errs[i] = ctx.Err()
		case entry.Err == nil && errors.Is(err, store.ErrNotFound): // removed since it was listed
			return
		case err != nil && unreadable(err):
			errs[i] = err
		case err != nil:
			row.State, row.Fault = stateDamaged, err.Error()
		case o.Removing:
			row.State, row.Fault = stateRemoving, (&archive.RemovingError{Name: entry.Name}).Error()
		default:
			row.Planned, row.Priority, row.Pinned = o.Planned, o.Spec.Resources.Priority, o.Pinned
			head, tail := o.Spec.HeadAndTail()
			row.Head, row.Tail = cmp.Or(row.Head, head.Name), cmp.Or(row.Tail, tail.Name)
			if row.Requested = o.Requested; row.live { // it changes: only a worker knows
				row.Requested = 0
			}
		}
		row.Created = entry.Created
		rows[i] = row
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(rows, func(r Listed) bool { return r.Name == "" }), nil
}

// nameElsewhere sets the fault of each sweep of unknown state that belongs to another Temporal
// cluster or namespace.
func nameElsewhere(ctx context.Context, a *cli.App, c client.Client, arc *archive.Archive, rows []Listed) {
	each(len(rows), func(i int) {
		if row := &rows[i]; row.State == stateUnknown {
			if err := elsewhere(ctx, a, c, arc, row.Name); err != nil {
				row.Fault = err.Error()
			}
		}
	})
}

// unreadable reports whether an error says nothing of a sweep: the store did not give what it
// has.
func unreadable(err error) bool {
	reason := activities.BlockReason(err)
	return reason != "" && reason != block.LedgerDamaged
}

// askWorkers adds to the rows of sweeps that run what their workers know, or why none can
// continue the sweep. Rows of sweeps for which none answers in time stay as they are.
func askWorkers(ctx context.Context, c client.Client, namespace string, rows []Listed) {
	explaining, cancel := context.WithTimeout(ctx, queryTimeout+failingTimeout) // for all rows together
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if !progress.WorkerPolls(ctx, c) {
		return
	}
	each(len(rows), func(i int) {
		row := &rows[i]
		if !row.live {
			return
		}
		p, err := progress.QueryProgress(ctx, c, row.Name)
		if err != nil {
			if failing := progress.Failing(explaining, c, namespace, row.Name); failing != nil {
				row.Fault = blockedText(failing)
			}
			return
		}
		if p.EndedAt != nil {
			return
		}
		row.Done, row.Planned, row.Requested, row.Pinned = p.Finished, p.Planned, len(p.Queue), len(p.Pinned)
		if live, err := progress.LiveTrials(ctx, c, namespace, p); err == nil {
			running, queued, unknown := progress.Count(p, live)
			row.Running, row.Queued = new(running+unknown), &queued
		}
	})
}

// blockedText is the fault of a sweep whose workflow cannot say itself what blocks it.
func blockedText(err error) string { return "blocked: " + err.Error() }

// each calls do for 0 to n-1, some at a time.
func each(n int, do func(i int)) {
	var g errgroup.Group
	g.SetLimit(lookers)
	for i := range n {
		g.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = g.Wait() // do returns no error
}

// listColumn is a column of the table of sweeps.
type listColumn struct {
	title string
	cell  func(r Listed) string
	shown func(r Listed) bool // the column is left out unless it is true of a sweep; nil: it is always there
}

var listColumns = []listColumn{
	{"SWEEP", func(r Listed) string { return r.Name }, nil},
	{"STATE", func(r Listed) string { return r.State }, nil},
	{">TRIALS", func(r Listed) string {
		if r.Planned == 0 {
			return fmt.Sprint(r.Done)
		}
		return fmt.Sprintf("%d/%d", r.Done, max(r.Done, r.Planned)) // the stored state may be older than the ledger
	}, nil},
	{">RUN", func(r Listed) string {
		switch {
		case r.Running != nil:
			return count(*r.Running)
		case r.live:
			return "?"
		}
		return count(0)
	}, func(r Listed) bool { return r.live }},
	{">QUEUED", func(r Listed) string { return count(queued(r)) }, func(r Listed) bool { return queued(r) > 0 }},
	{">REQ", func(r Listed) string { return count(r.Requested) }, func(r Listed) bool { return r.Requested > 0 }},
	{">PIN", func(r Listed) string { return count(r.Pinned) }, func(r Listed) bool { return r.Pinned > 0 }},
	{">PRIO", func(r Listed) string { return count(r.Priority) }, func(r Listed) bool { return r.Priority > 0 && r.Priority != sweep.PriorityDefault }},
	{titleHead, func(r Listed) string { return trialview.Number(r.BestHead) }, nil},
	{titleTail, func(r Listed) string { return trialview.Number(r.BestTail) }, nil},
	{"CREATED", func(r Listed) string {
		switch {
		case r.Created.IsZero():
			return "-"
		case time.Since(r.Created) < recently:
			return r.Created.Local().Format("01-02 15:04")
		}
		return r.Created.Local().Format(time.DateOnly)
	}, nil},
}

// The titles of the columns of the best trial's head and tail metric. Where all sweeps have
// one and the same metric, its name takes the place of the title; else it stands in the cell.
const (
	titleHead = ">HEAD"
	titleTail = ">TAIL"
)

// named puts the names of the metrics into the columns of head and tail.
func named(columns []listColumn, rows []Listed) {
	for i, c := range columns {
		var metric func(r Listed) string
		switch c.title {
		case titleHead:
			metric = func(r Listed) string { return r.Head }
		case titleTail:
			metric = func(r Listed) string { return r.Tail }
		default:
			continue
		}
		var names []string
		for _, r := range rows {
			if name := metric(r); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		switch len(names) {
		case 0:
		case 1:
			columns[i].title = ">" + strings.ToUpper(names[0])
		default:
			columns[i].cell = func(r Listed) string { return strings.TrimSpace(metric(r) + " " + c.cell(r)) }
		}
	}
}

// recently is the age up to which the table has the hour of a date instead of the year.
const recently = 180 * 24 * time.Hour

func queued(r Listed) int {
	if r.Queued == nil {
		return 0
	}
	return *r.Queued
}

func count(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// listText is a table of the sweeps, and a line for each fault.
func listText(a *cli.App, rows []Listed) []string {
	columns := slices.DeleteFunc(slices.Clone(listColumns), func(c listColumn) bool { return c.shown != nil && !slices.ContainsFunc(rows, c.shown) })
	named(columns, rows)
	var titles, faults []string
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	t := console.NewTable(titles...)
	for _, r := range rows {
		var cells []string
		for _, c := range columns {
			cells = append(cells, c.cell(r))
		}
		t.Row(cells...)
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

// countStored counts the trials in the ledger of a sweep of which Temporal reports no count,
// or an early one. An error means that no sweep can be read.
func (r *Listed) countStored(ctx context.Context, arc *archive.Archive, entry archive.StoredSweep) error {
	if entry.Err != nil {
		return nil
	}
	count := func(ctx context.Context, name string) (int, error) { // all results
		trials, err := arc.Trials(ctx, name)
		return len(trials), err
	}
	if r.State == string(conduct.PhaseTerminated) { // as describe and wait: those that a command continues from
		count = arc.Finished
	}
	done, err := count(ctx, entry.Name)
	switch {
	case err == nil:
		r.Done = done
	case ctx.Err() != nil, unreadable(err):
		return err
	default:
		r.State, r.Fault = stateDamaged, err.Error()
	}
	return nil
}

// temporalSweeps asks Temporal for the sweeps that it knows, by name. The caller closes the
// client.
func temporalSweeps(ctx context.Context, a *cli.App) (client.Client, map[string]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	c, err := a.Temporal(ctx)
	if err != nil {
		return nil, nil, err
	}
	known, err := listSweeps(ctx, c)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return c, known, nil
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
	row.live = e.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	switch {
	case row.live && row.State == "":
		row.State = string(conduct.PhaseRunning)
	case !row.live && !conduct.Phase(row.State).Final():
		row.State = string(conduct.PhaseTerminated)
	}
	var blocked string
	for name, target := range map[string]*string{workflows.MemoBlocked: &blocked, workflows.MemoHead: &row.Head, workflows.MemoTail: &row.Tail} {
		if payload, ok := e.GetMemo().GetFields()[name]; ok {
			_ = converter.GetDefaultDataConverter().FromPayload(payload, target) // one that does not decode stays empty
		}
	}
	if blocked != "" && row.live {
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
