package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/metrics"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// cluster is a FAKE of Temporal as far as the gauges ask it.
type cluster struct {
	listed   []string // workflow ids that the list of running sweeps has
	status   map[string]enumspb.WorkflowExecutionStatus
	progress map[string]conduct.Progress
	failing  string // workflow id of the sweep whose tasks fail
}

func (c *cluster) client() client.Client {
	m := &mocks.Client{}
	m.On("ListWorkflow", mock.Anything, mock.Anything).Return(
		func(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) *workflowservice.ListWorkflowExecutionsResponse {
			i := len(r.GetNextPageToken()) // a page a sweep
			if i == len(c.listed) {
				return &workflowservice.ListWorkflowExecutionsResponse{}
			}
			return &workflowservice.ListWorkflowExecutionsResponse{
				Executions:    []*workflowpb.WorkflowExecutionInfo{{Execution: &commonpb.WorkflowExecution{WorkflowId: c.listed[i]}}},
				NextPageToken: make([]byte, i+1),
			}
		}, nil)
	m.On("DescribeWorkflowExecution", mock.Anything, mock.Anything, "").Return(
		func(_ context.Context, id, _ string) *workflowservice.DescribeWorkflowExecutionResponse {
			return &workflowservice.DescribeWorkflowExecutionResponse{
				WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: c.status[id]},
			}
		},
		func(_ context.Context, id, _ string) error {
			if _, ok := c.status[id]; !ok {
				return serviceerror.NewNotFound("no such workflow")
			}
			return nil
		})
	m.On("QueryWorkflow", mock.Anything, mock.Anything, "", workflows.QueryProgress).Return(
		func(_ context.Context, id, _, _ string, _ ...any) converter.EncodedValue {
			payloads, err := converter.GetDefaultDataConverter().ToPayloads(c.progress[id])
			if err != nil {
				panic(err)
			}
			return client.NewValue(payloads)
		},
		func(_ context.Context, id, _, _ string, _ ...any) error {
			if id == c.failing {
				return serviceerror.NewWorkflowNotReady("Unable to query workflow due to Workflow Task in failed state.")
			}
			if _, ok := c.progress[id]; !ok {
				return errors.New("nobody answers")
			}
			return nil
		})
	return m
}

func progressAt(name string, phase conduct.Phase, running int, tail float64) conduct.Progress {
	return conduct.Progress{
		Name: name, Phase: phase, Running: make([]conduct.Running, running),
		Best: &conduct.BestTrial{Metrics: map[string]float64{"fid.tail": tail}},
	}
}

func TestGaugesFollowTheSweeps(t *testing.T) {
	at := func(active bool, running int, tail float64) activities.SweepNumbers {
		return activities.SweepNumbers{Active: active, Running: running, Best: map[string]float64{"fid.tail": tail}}
	}
	tests := []struct {
		name    string
		cluster cluster
		shown   *activities.SweepNumbers // by this worker, before
		want    *activities.SweepNumbers // nil: no series
		fails   bool
	}{
		{
			name: "a running one", cluster: cluster{
				listed: []string{"sweep/s"}, progress: map[string]conduct.Progress{"sweep/s": progressAt("s", conduct.PhaseRunning, 2, 9)},
			}, want: new(at(true, 2, 9)),
		},
		{
			name: "a terminated one", shown: new(at(true, 2, 9)), want: new(at(false, 0, 8)), cluster: cluster{
				status:   map[string]enumspb.WorkflowExecutionStatus{"sweep/s": enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED},
				progress: map[string]conduct.Progress{"sweep/s": progressAt("s", conduct.PhaseRunning, 2, 8)},
			},
		},
		{
			name: "one that another worker ended", shown: new(at(true, 1, 9)), want: new(at(false, 0, 7)), cluster: cluster{
				status:   map[string]enumspb.WorkflowExecutionStatus{"sweep/s": enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED},
				progress: map[string]conduct.Progress{"sweep/s": progressAt("s", conduct.PhaseCompleted, 0, 7)},
			},
		},
		{name: "one that Temporal has forgotten", shown: new(at(true, 1, 9)), want: new(at(false, 0, 9))},
		{
			name: "one that the list does not have yet", shown: new(at(true, 1, 9)), want: new(at(true, 1, 9)),
			cluster: cluster{status: map[string]enumspb.WorkflowExecutionStatus{"sweep/s": enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}},
		},
		{
			name: "one that cannot be asked", shown: new(at(true, 1, 9)), want: new(at(false, 0, 9)), fails: true,
			cluster: cluster{status: map[string]enumspb.WorkflowExecutionStatus{"sweep/s": enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED}},
		},
		{
			name: "one that no worker can continue", shown: new(at(true, 2, 9)), fails: true, cluster: cluster{listed: []string{"sweep/s"}, failing: "sweep/s"},
			want: &activities.SweepNumbers{Active: true, Running: 2, Best: map[string]float64{"fid.tail": 9}, Blocked: []block.Reason{block.Other}},
		},
		{name: "one that ended before", shown: new(at(false, 0, 9)), want: new(at(false, 0, 9))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			other := progressAt("other", conduct.PhaseRunning, 1, 1)
			test.cluster.listed = append([]string{"sweep/other"}, test.cluster.listed...)
			if test.cluster.progress == nil {
				test.cluster.progress = map[string]conduct.Progress{}
			}
			test.cluster.progress["sweep/other"] = other
			seen := &lastNumbers{Metrics: metrics.New("test", slog.New(slog.DiscardHandler)), of: map[string]activities.SweepNumbers{}}
			if test.shown != nil {
				seen.SweepState("s", *test.shown)
			}
			c := Config{Client: test.cluster.client(), Metrics: seen, Log: slog.New(slog.DiscardHandler)}
			err := c.refreshGauges(t.Context())
			require.Equal(t, test.fails, err != nil, "%v", err)
			require.Equal(t, *test.want, seen.of["s"])
			require.Equal(t, workflows.Numbers(other), seen.of["other"])
			require.Equal(t, test.want.Active, len(seen.ActiveSweeps()) == 2)
		})
	}
}

// lastNumbers remembers what was shown.
type lastNumbers struct {
	*metrics.Metrics
	of map[string]activities.SweepNumbers
}

func (l *lastNumbers) SweepState(name string, s activities.SweepNumbers) {
	l.of[name] = s
	l.Metrics.SweepState(name, s)
}
