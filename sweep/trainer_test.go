package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The metrics of a program that become labels are those that its spec names.
func TestFreeMetrics(t *testing.T) {
	s := &Spec{
		Trainer:     &Trainer{},
		Metrics:     []Objective{{Name: "val_acc", Goal: Maximize}, {Name: "fid.tail", Goal: Minimize}, {Name: MetricLoss, Goal: Minimize}},
		Constraints: []Constraint{{Metric: "f1", Op: ">=", Baseline: "val_acc", Factor: 1}, {Metric: "fid.class.bag", Op: "<=", Offset: 3}},
	}
	require.Equal(t, []string{"val_acc", "f1"}, s.FreeMetrics())
	require.Empty(t, (&Spec{Metrics: []Objective{{Name: "kid.all"}}}).FreeMetrics())
}

func TestOwnVariable(t *testing.T) {
	for name, want := range map[string]bool{
		"AWS_PROFILE": true, "TEMPORAL_API_KEY": true, "TAILSWEEP_JOB": true, "HF_HOME": false, "MY_AWS_PROFILE": false, "AWS": false,
	} {
		require.Equal(t, want, OwnVariable(name), name)
	}
}
