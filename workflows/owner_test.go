package workflows

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
)

// A worker that refuses a job costs no restart of the trial: the next worker takes it.
func TestARefusedJobCostsNoRestart(t *testing.T) {
	r := newRig(t)
	r.do.Build = "v1"
	spec := gridSpec(4)
	spec.MaxRestarts = 0
	refusal := activitiestest.Fault{Err: &activities.BuildError{Sweep: "grid", Digest: "1", Want: "2"}}
	r.trainer.Faults = map[int][]activitiestest.Fault{3: {refusal, refusal}}
	got, err := r.runTrialOf(spec)
	require.NoError(t, err)
	require.Equal(t, sweep.StatusCompleted, got.Status)
	require.Equal(t, []string{"v1"}, got.Builds)
	require.Equal(t, "wrong_build", string(r.blocked[0].Cause.Reason))
}

// A result names the builds of all workers that trained or evaluated the trial.
func TestATrialNamesTheBuildsOfItsWorkers(t *testing.T) {
	r := newRig(t)
	r.do.Build = "v2"
	r.env.OnActivity(r.do.Evaluate, mock.Anything, mock.Anything).Return(activities.EvaluateResult{
		Build: "v1", Evaluation: sweep.Evaluation{Metrics: activitiestest.Metrics(sweep.Assignment{})},
	}, nil)
	got, err := r.runTrialOf(gridSpec(4))
	require.NoError(t, err)
	require.Equal(t, []string{"v1", "v2"}, got.Builds)
}

// A workflow worker that does not know all fields of the spec fails its task, which a
// worker of another build then takes.
func TestAWorkerThatDoesNotKnowTheSpecFailsItsTask(t *testing.T) {
	spec := gridSpec(2)
	require.NotPanics(t, func() { checkSpec(&spec, spec.Digest()) })
	require.PanicsWithValue(t, "this worker does not know all fields of the spec of sweep grid: it reads one with the digest "+spec.Digest()[:12]+
		", not another: start workers of the build that started the sweep", func() { checkSpec(&spec, "another") })
	r := newRig(t)
	_, err := r.sweep(SweepInput{Spec: spec, Digest: "another", Owner: sweep.Identity{ID: "x"}})
	require.ErrorContains(t, err, "does not know all fields")
}
