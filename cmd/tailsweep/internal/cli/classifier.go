package cli

import (
	"context"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/features"
)

// TrainClassifier trains a classifier on a backend, and shows the progress.
func (a *App) TrainClassifier(ctx context.Context, choice string, o features.TrainOptions) (features.Trained, error) {
	b, err := backend.Open(choice)
	if err != nil {
		return features.Trained{}, err
	}
	defer b.Close()
	a.Log("%s on %s", b.Choice, b.Device)
	o.Backend, o.Loader.Progress, o.Progress = b, a.Loader(ctx).Progress, a.showSteps()
	return features.Train(ctx, o)
}

// showSteps prints how far a training is, every few seconds.
func (a *App) showSteps() func(step, steps int, loss float64) {
	const every = 5 * time.Second
	var began, last time.Time // after the first step, which compiles
	var sum float64
	var first, summed int
	return func(step, steps int, loss float64) {
		if began.IsZero() {
			began, last, first = time.Now(), time.Now(), step
		}
		sum, summed = sum+loss, summed+1
		if time.Since(last) < every || step == steps {
			return
		}
		left := time.Since(began) / time.Duration(step-first) * time.Duration(steps-step)
		a.Log("step %d of %d, loss %.4f, about %s left", step, steps, sum/float64(summed), text.Duration(left))
		last, sum, summed = time.Now(), 0, 0
	}
}
