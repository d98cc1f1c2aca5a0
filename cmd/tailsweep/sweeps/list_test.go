package sweeps

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

func TestListedState(t *testing.T) {
	running, err := converter.GetDefaultDataConverter().ToPayload(string(conduct.PhaseRunning))
	require.NoError(t, err)
	attributes := &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.AttrState: running}}
	best, err := converter.GetDefaultDataConverter().ToPayload(21.5)
	require.NoError(t, err)
	row := fromAttributes(&commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.AttrBestHead: best}})
	require.Equal(t, Listed{BestHead: new(21.5)}, row)
	for name, c := range map[string]struct {
		status     enumspb.WorkflowExecutionStatus
		attributes *commonpb.SearchAttributes
		want       string
	}{
		"runs":                              {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, attributes, "running"},
		"terminated":                        {enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, attributes, "terminated"},
		"timed out":                         {enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, attributes, "terminated"},
		"before its first task":             {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil, "running"},
		"failed before it set an attribute": {enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, nil, "terminated"},
	} {
		t.Run(name, func(t *testing.T) {
			row := fromExecution(&workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.SweepID("mine")}, Status: c.status, SearchAttributes: c.attributes,
			})
			require.Equal(t, "mine", row.Name)
			require.Equal(t, c.want, row.State)
			require.Equal(t, c.want == "running", row.live)
		})
	}
}

func TestListedShowsWhatBlocksASweep(t *testing.T) {
	text, err := converter.GetDefaultDataConverter().ToPayload("cannot suggest trial 3 (ledger_damaged): a segment is missing")
	require.NoError(t, err)
	memo := &commonpb.Memo{Fields: map[string]*commonpb.Payload{"blocked": text}}
	for status, want := range map[enumspb.WorkflowExecutionStatus]string{
		enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:    "blocked: cannot suggest trial 3 (ledger_damaged): a segment is missing",
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: "", // it left its last memo
	} {
		row := fromExecution(&workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.SweepID("mine")}, Status: status, Memo: memo})
		require.Equal(t, want, row.Fault)
	}
}

// fakeQueries is a FAKE of a Temporal that knows one sweep, for which its workers answer
// queries unless its tasks fail.
type fakeQueries struct {
	fakeTemporal
	name     string
	memo     *commonpb.Memo
	progress conduct.Progress
	failed   string // message of the failed tasks; "" for none
	queued   int    // trial that waits for a slot
	ended    bool   // the workflow was terminated
}

func (f *fakeQueries) WorkflowService() workflowservice.WorkflowServiceClient {
	return fakeService{failed: f.failed}
}

func (f *fakeQueries) execution() *workflowpb.WorkflowExecutionInfo {
	status := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if f.ended {
		status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	}
	return &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.SweepID(f.name)}, Status: status, Memo: f.memo,
		StartTime: timestamppb.New(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)), CloseTime: timestamppb.New(time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)),
	}
}

func (f *fakeQueries) GetWorkflow(context.Context, string, string) client.WorkflowRun {
	return terminatedRun{}
}

// terminatedRun is a FAKE of a run that was terminated.
type terminatedRun struct{ client.WorkflowRun }

func (terminatedRun) Get(context.Context, any) error { return errors.New("terminated") }

func (f *fakeQueries) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return &workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{f.execution()}}, nil
}

func (f *fakeQueries) DescribeWorkflowExecution(_ context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if f.queued > 0 && id == workflows.TrialID(f.name, f.queued) {
		return &workflowservice.DescribeWorkflowExecutionResponse{PendingActivities: []*workflowpb.PendingActivityInfo{{
			ActivityType: &commonpb.ActivityType{Name: "Train"}, State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
		}}}, nil
	}
	d := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: f.execution()}
	if f.failed != "" {
		d.PendingWorkflowTask = &workflowpb.PendingWorkflowTaskInfo{Attempt: 9}
	}
	return d, nil
}

func (f *fakeQueries) QueryWorkflow(_ context.Context, id, _, _ string, _ ...any) (converter.EncodedValue, error) {
	switch {
	case f.failed != "":
		return nil, serviceerror.NewWorkflowNotReady("Unable to query workflow due to Workflow Task in failed state.")
	case id != workflows.SweepID(f.name):
		return nil, errAway
	}
	return encoded{f.progress}, nil
}

// encoded is the answer to a query.
type encoded struct{ progress conduct.Progress }

func (encoded) HasValue() bool { return true }
func (e encoded) Get(into any) error {
	*into.(*conduct.Progress) = e.progress
	return nil
}

// list shows what a user asked for, without workers too, and one bad sweep does not empty
// it.
func TestListShowsWhatItKnows(t *testing.T) {
	s := clitest.Archived(t)
	arc := archive.New(s)
	spec, err := arc.Spec(t.Context(), "done")
	require.NoError(t, err)
	edited := *spec
	edited.Resources.Priority, edited.Budget.RunCap = 1, 9
	state, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Spec: &edited, Pinned: []int{0, 1}, Queue: make([]sweep.Assignment, 2)})
	require.NoError(t, err)
	require.NoError(t, arc.PutState(t.Context(), "done", state))
	for name, text := range map[string]string{"bad": "{", "gone": `{"digest":"1","spec":{"name":"gone"},"owner":{"id":"x","generation":2},"removing":true}`} {
		require.NoError(t, s.Put(t.Context(), "v1/sweeps/"+name+"/spec.json", strings.NewReader(text), int64(len(text))))
	}
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/done/not-ours", strings.NewReader("x"), 1))
	entries, err := arc.Sweeps(t.Context())
	require.NoError(t, err)
	for i := range entries {
		entries[i].Created = time.Date(2020, 11, 30, 8, 0, 0, 0, time.Local)
	}
	known := map[string]Listed{
		"done":  {Name: "done", State: "stopped", Done: 3, BestTail: new(50.0)},
		"fresh": {Name: "fresh", State: "running", Fault: "blocked: cannot rank the trials (no_bucket): \x1b[2Jgone", live: true},
		"gone":  {Name: "gone", State: "completed"},
	}
	a := &cli.App{}
	rows, err := rowsOf(t.Context(), arc, entries, known)
	require.NoError(t, err)
	require.Equal(t, []string{
		"SWEEP  STATE     TRIALS  RUN  REQ  PIN  PRIO  FID.HEAD  FID.TAIL  CREATED",
		"bad    damaged        0    -    -    -     -         -         -  2020-11-30",
		"done   stopped      3/9    -    2    2     1         -        50  2020-11-30",
		"fresh  running      0/9    ?    -    -     3         -         -  2020-11-30",
		"gone   removing       0    -    -    -     -         -         -  2020-11-30",
		"",
		"bad: sweep bad is damaged in the object store: v1/sweeps/bad/spec.json: it is not the spec of sweep bad: unexpected end of JSON input; " +
			"expected: the spec of this sweep: see `tailsweep doctor bad`; `tailsweep doctor bad --repair` rebuilds it from copies and results",
		"fresh: blocked: cannot rank the trials (no_bucket):  [2Jgone",
		"gone: sweep gone is being removed, or its removal was interrupted: `tailsweep rm gone` completes it",
	}, listText(a, rows))

	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: gone}, name: "fresh", progress: conduct.Progress{
		Name: "fresh", Planned: 40, Finished: 2, Running: make([]conduct.Running, 3), Queue: make([]sweep.Assignment, 1), Pinned: []int{0},
	}}
	askWorkers(t.Context(), f, "default", rows)
	require.Nil(t, rows[2].Running, "no worker polls")
	f.polled = polls
	askWorkers(t.Context(), f, "default", rows)
	require.Equal(t, "fresh  running     2/40    3    1    1     3         -         -  2020-11-30", listText(a, rows)[3])
	for i := range f.progress.Running {
		f.progress.Running[i].Number = i
	}
	f.queued = 2
	askWorkers(t.Context(), f, "default", rows)
	require.Equal(t, []string{
		"SWEEP  STATE     TRIALS  RUN  QUEUED  REQ  PIN  PRIO  FID.HEAD  FID.TAIL  CREATED",
		"fresh  running     2/40    2       1    1    1     3         -         -  2020-11-30",
	}, []string{listText(a, rows)[0], listText(a, rows)[3]})
	usual := []Listed{{Name: "done", State: "completed", Done: 3, Planned: 3, Priority: 3, Head: "coverage.head", Tail: "kid.tail", BestTail: new(1.5)}}
	require.Equal(t, "SWEEP  STATE      TRIALS  COVERAGE.HEAD  KID.TAIL  CREATED", listText(a, usual)[0])
	other := Listed{Name: "two", State: "completed", Done: 3, Planned: 3, Priority: 3, Head: "coverage.head", Tail: "fid.tail", BestTail: new(80.0)}
	require.Equal(t, []string{
		"SWEEP  STATE      TRIALS  COVERAGE.HEAD          TAIL  CREATED",
		"done   completed     3/3              -  kid.tail 1.5  -",
		"two    completed     3/3              -   fid.tail 80  -",
	}, listText(a, append(usual, other)), "a metric that is not that of all sweeps is named in each line")
}

// list counts the planned trials of a sweep that has ended as describe does: with its retries.
func TestListPlansWhatDescribePlans(t *testing.T) {
	s := clitest.Archived(t)
	arc := archive.New(s)
	state, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Retried: 2, Queue: []sweep.Assignment{{Reason: sweep.Reason{Sampler: sweep.SourceRetry}}}})
	require.NoError(t, err)
	require.NoError(t, arc.PutState(t.Context(), "done", state))
	p, err := arc.Progress(t.Context(), "done")
	require.NoError(t, err)
	require.Equal(t, 12, p.Planned)
	entries, err := arc.Sweeps(t.Context())
	require.NoError(t, err)
	rows, err := rowsOf(t.Context(), arc, entries, map[string]Listed{"done": {Name: "done", State: "stopped", Done: 3}})
	require.NoError(t, err)
	require.Equal(t, p.Planned, rows[0].Planned)
}

// silent is a FAKE of Temporal that knows its workers and answers nothing else.
type silent struct{ fakeTemporal }

func (silent) DescribeWorkflowExecution(ctx context.Context, _, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// What list waits does not depend on the number of sweeps.
func TestListWaitsForAllSweepsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := make([]Listed, 5*lookers)
		for i := range rows {
			rows[i] = Listed{Name: "small", State: "running", live: true}
		}
		began := time.Now()
		askWorkers(t.Context(), &silent{fakeTemporal{polled: polls}}, "default", rows)
		require.LessOrEqual(t, time.Since(began), queryTimeout+failingTimeout)
	})
}

// failing is a store in which reading the object of a key fails.
type failing struct {
	store.Store
	key string
	err error
}

func (f failing) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if key == f.key {
		return nil, store.Info{}, f.err
	}
	return f.Store.Get(ctx, key)
}

// A request that fails says nothing of a sweep, and one that is removed meanwhile is no longer
// there.
func TestListCallsNoReadableSweepDamaged(t *testing.T) {
	known := map[string]Listed{"done": {Name: "done", State: "running", live: true}, "fresh": {Name: "fresh", State: "running"}}
	for title, fault := range map[string]error{"no answer": &store.AccessError{Reason: block.Unreachable, Err: errAway}, "removed": store.ErrNotFound} {
		s := clitest.Archived(t)
		entries, err := archive.New(s).Sweeps(t.Context())
		require.NoError(t, err)
		rows, err := rowsOf(t.Context(), archive.New(failing{s, "v1/sweeps/done/spec.json", fault}), entries, known)
		if title == "removed" {
			require.NoError(t, err)
			require.Len(t, rows, 1)
			require.Equal(t, "fresh", rows[0].Name)
		} else {
			require.ErrorIs(t, err, fault)
		}
	}
}

// listless is a store that does not list the objects of trials.
type listless struct{ store.Store }

func (l listless) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	if strings.Contains(prefix, "/trials/") {
		return func(yield func(store.Info, error) bool) { yield(store.Info{}, errAway) }
	}
	return l.Store.List(ctx, prefix)
}

// A terminated sweep may have tens of thousands of objects: its trials are counted in the
// ledger.
func TestListCountsTheLedgerOfATerminatedSweep(t *testing.T) {
	arc := archive.New(listless{clitest.Archived(t)})
	entries, err := arc.Sweeps(t.Context())
	require.NoError(t, err)
	known := map[string]Listed{"fresh": {Name: "fresh", State: "running"}, "done": {Name: "done", State: string(conduct.PhaseTerminated)}}
	rows, err := rowsOf(t.Context(), arc, entries, known)
	require.NoError(t, err)
	require.Equal(t, string(conduct.PhaseTerminated), rows[0].State)
	require.Equal(t, 3, rows[0].Done)
}

// A terminated sweep has left no result in Temporal: its trials are those of the store, and
// every verb calls it by the same word.
func TestATerminatedSweep(t *testing.T) {
	objects, temporal := clitest.Archived(t), &fakeQueries{name: "done", ended: true}
	late := sweep.Trial{Assignment: sweep.Assignment{Number: 3, Kind: sweep.KindSearch}, Status: sweep.StatusCompleted}
	require.NoError(t, archive.New(objects).PutResult(t.Context(), "done", late), "a trial that outlived the sweep")
	waited := try(t, objects, temporal, Wait, "done")
	require.Equal(t, "done: terminated, 3 trials finished\n", waited.out)
	require.EqualError(t, waited.err, "sweep done terminated: its workflow ended as terminated")
	described := try(t, objects, temporal, Describe, "done")
	require.NoError(t, described.err)
	require.Contains(t, described.out, "\nterminated: 3 of 9 trials, 1 failed\n")
	require.Contains(t, described.out, "\nbest: trial 1 ")
	require.Regexp(t, `done +terminated +3/9 `, try(t, objects, temporal, List).out)

	require.NoError(t, objects.Delete(t.Context(), "v1/sweeps/done/ledger/000000.jsonl"))
	require.Contains(t, try(t, objects, temporal, Wait, "done").err.Error(), "its workflow ended as terminated; its results are unknown: ")
}
