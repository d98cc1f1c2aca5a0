package activities_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/activities/activitiestest"
	"github.com/tailsweep/tailsweep/sweep"
)

// reading is a trainer that reads a file of its job before it trains.
type reading struct {
	*activitiestest.Trainer
	found []string
}

func (r *reading) Train(ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error) (activities.Outcome, error) {
	data, err := os.ReadFile(filepath.Join(job.Files, "lib/loss.py"))
	if err != nil {
		return activities.Outcome{}, err
	}
	r.found = append(r.found, string(data))
	return r.Trainer.Train(ctx, job, drain, report)
}

func programInput() activities.TrainInput {
	in := input(0, 1)
	in.Spec.Trainer = &sweep.Trainer{Command: []string{"python", "train.py"}, Files: []string{"lib"}, Digests: map[string]string{"lib/loss.py": "5b"}}
	return in
}

func TestTrainHasTheFilesOfTheTrainer(t *testing.T) {
	b := newBench(t)
	trainer := &reading{Trainer: b.trainer}
	b.Trainer, b.Transfers = trainer, hasty
	b.archive.PutFiles(map[string]string{"lib/loss.py": "x = 1"})
	b.away("Files")
	result, err := b.train(programInput())
	require.NoError(t, err)
	require.Equal(t, sweep.OutcomeDone, result.Status)
	require.Equal(t, []string{"x = 1"}, trainer.found)
	b.requireEmptyStaging(t)
}

func TestTrainWithoutFilesOfATrainer(t *testing.T) {
	b := newBench(t)
	in := programInput()
	in.Spec.Trainer.Files, in.Spec.Trainer.Digests = nil, nil
	b.archive.Fail("Files", errAway) // it is not called
	_, err := b.train(in)
	require.NoError(t, err)
}

// Whoever starts the workflow by other means than `tailsweep run` has stored no files.
func TestTrainWithoutDigestsOfItsFiles(t *testing.T) {
	b := newBench(t)
	in := programInput()
	in.Spec.Trainer.Digests = nil
	_, err := b.train(in)
	require.Equal(t, string(sweep.FailBadData), typeOf(t, err))
	require.ErrorContains(t, err, "start it with `tailsweep run`")
	require.Empty(t, b.trainer.Jobs(), "nothing was started")
}

func TestTrainWithAMissingFile(t *testing.T) {
	b := newBench(t)
	b.Transfers = hasty
	_, err := b.train(programInput())
	require.Equal(t, string(sweep.FailBadData), typeOf(t, err))
	require.ErrorContains(t, err, "lib/loss.py")
	require.Empty(t, b.trainer.Jobs(), "nothing was started")
	b.requireEmptyStaging(t)
}
