package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/activities"
)

func TestAKilledWorkerIsNoticedByItsHeartbeat(t *testing.T) {
	r := newRig(t)
	timeouts := func(ctx workflow.Context) ([]time.Duration, error) {
		spec := gridSpec(1)
		return []time.Duration{
			workflow.GetActivityOptions(control(ctx, "x")).HeartbeatTimeout,
			workflow.GetActivityOptions(slot(ctx, &spec, 0, trainTimeout, "x")).HeartbeatTimeout,
		}, nil
	}
	r.env.RegisterWorkflow(timeouts)
	r.env.ExecuteWorkflow(timeouts)
	var got []time.Duration
	require.NoError(t, r.env.GetWorkflowResult(&got))
	require.Equal(t, []time.Duration{activities.ControlHeartbeatTimeout, activities.HeartbeatTimeout}, got)
}
