package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/tailsweep/tailsweep/workflows"
)

func TestLastWords(t *testing.T) {
	for name, c := range map[string]struct {
		ended error
		phase workflows.Phase
		done  int
	}{
		"failed":                  {temporal.NewApplicationError("", workflows.TypeSweepFailed, workflows.Progress{Phase: workflows.PhaseFailed, Finished: 2}), workflows.PhaseFailed, 2},
		"cancelled in Temporal":   {temporal.NewCanceledError(workflows.Progress{Phase: workflows.PhaseCancelled, Finished: 3}), workflows.PhaseCancelled, 3},
		"cancelled, no words":     {temporal.NewCanceledError(), "before", 1},
		"another's failure":       {temporal.NewApplicationError("", "Other", 7), "before", 1},
		"terminated from outside": {errors.New("terminated"), "before", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := workflows.Progress{Phase: "before", Finished: 1}
			require.NoError(t, lastWords(c.ended, &p))
			require.Equal(t, c.phase, p.Phase)
			require.Equal(t, c.done, p.Finished)
		})
	}
}

func TestListedState(t *testing.T) {
	running, err := converter.GetDefaultDataConverter().ToPayload(string(workflows.PhaseRunning))
	require.NoError(t, err)
	attributes := &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.AttrState: running}}
	for name, c := range map[string]struct {
		status     enumspb.WorkflowExecutionStatus
		attributes *commonpb.SearchAttributes
		want       string
	}{
		"runs":                      {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, attributes, "running"},
		"terminated":                {enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, attributes, "terminated"},
		"timed out":                 {enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, attributes, "timed out"},
		"its first task is to come": {enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, nil, "running"},
		"failed before it spoke":    {enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, nil, "failed"},
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
