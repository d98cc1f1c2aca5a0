package sweeps

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

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
		"timed out":                         {enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, attributes, "timed out"},
		"before its first task":             {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil, "running"},
		"failed before it set an attribute": {enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, nil, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			row := fromExecution(&workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: workflows.SweepID("mine")}, Status: c.status, SearchAttributes: c.attributes,
			})
			require.Equal(t, "mine", row.Name)
			require.Equal(t, c.want, row.State)
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
