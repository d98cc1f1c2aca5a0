package worker

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/worker"
)

func TestControlActivitiesHeartbeat(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(sdk.Options{Interceptors: []interceptor.WorkerInterceptor{&heartbeats{every: time.Millisecond}}})
	received := make(chan struct{}, 1)
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) {
		select {
		case received <- struct{}{}:
		default:
		}
	})
	waits := func(context.Context) error {
		select {
		case <-received:
			return nil
		case <-time.After(20 * time.Second):
			return context.DeadlineExceeded
		}
	}
	env.RegisterActivity(waits)
	_, err := env.ExecuteActivity(waits)
	require.NoError(t, err, "no heartbeat came while the activity ran")
}
