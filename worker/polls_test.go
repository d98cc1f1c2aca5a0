package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	taskqueue "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestPollsEndsTheRequestsOfAQueue(t *testing.T) {
	var p Polls
	started := make(chan struct{})
	wait := func(ctx context.Context, _ string, _, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
		started <- struct{}{}
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err()
	}
	broken := errors.New("no connection")
	fail := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return broken }
	poll := func(queue string) *workflowservice.PollActivityTaskQueueRequest {
		return &workflowservice.PollActivityTaskQueueRequest{TaskQueue: &taskqueue.TaskQueue{Name: queue}}
	}
	request := func(ctx context.Context, queue string) chan error {
		ended := make(chan error, 1)
		go func() {
			ended <- p.Intercept(ctx, "", poll(queue), &workflowservice.PollActivityTaskQueueResponse{}, nil, wait)
		}()
		<-started
		return ended
	}
	ctx, cancel := context.WithCancel(t.Context())
	control := request(ctx, "control")
	for range 2 {
		first, second := request(t.Context(), "gpu"), request(t.Context(), "gpu")
		p.rest("gpu", time.Now().Add(time.Hour))
		require.NoError(t, <-first, "as if there had been no trial")
		require.NoError(t, <-second)
		require.NoError(t, p.Intercept(t.Context(), "", poll("gpu"), nil, nil, fail), "none is sent in the rest")
		p.rest("gpu", time.Time{})
	}
	require.Empty(t, control)
	cancel()
	require.Equal(t, codes.Canceled, status.Code(<-control), "the worker stops")
	require.Empty(t, p.waiting)

	require.ErrorIs(t, p.Intercept(t.Context(), "", poll("gpu"), nil, nil, fail), broken)
	require.ErrorIs(t, p.Intercept(t.Context(), "", &workflowservice.DescribeNamespaceRequest{}, nil, nil, fail), broken)
}
