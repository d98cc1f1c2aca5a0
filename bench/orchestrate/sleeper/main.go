package main

import (
	"fmt"
	"math"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
	"github.com/tailsweep/tailsweep/trainer/job/jobtest"
)

// step is how long a training step takes.
const step = time.Millisecond

func main() { jobtest.Main("sleeper", train, evaluate) }

// train sleeps until the last step, and leaves a small checkpoint, of which nothing is read.
func train(file string, c job.Child) error {
	j, from, until, err := jobtest.ReadTrain(file)
	if err != nil {
		return err
	}
	if err := c.Emit(job.Event{Type: job.Started, Step: from, Steps: j.Spec.Train.Steps, Backend: "sleeper", Device: "none"}); err != nil {
		return err
	}
	began := time.Now()
	last := job.Event{Type: job.Done, Step: until, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(value(j.Assignment.Params))}}
	select {
	case <-time.After(time.Duration(until-from) * step):
	case <-c.Drain:
		last = job.Event{Type: job.Preempted, Step: min(until, from+int(time.Since(began)/step))}
	}
	err = jobtest.Save("sleeper", j, c, last.Step,
		jobtest.File{Path: checkpoint.ModelName, Data: []byte("sleeper")},
		jobtest.File{Path: checkpoint.CurveName, Data: fmt.Appendf(nil, "{\"step\":%d,\"loss\":1,\"ddpm\":1}\n", last.Step)})
	if err != nil {
		return err
	}
	return c.Emit(last)
}

// evaluate measures every metric that the spec names, at once.
func evaluate(file string, c job.Child) error {
	return jobtest.Evaluate(file, c, func(j job.Evaluate, _ string) (float64, error) { return value(j.Assignment.Params), nil })
}

// value is a bowl over the logarithms of the parameters, lowest where all are 0.1.
func value(params sweep.Params) float64 {
	sum := 1.0
	for _, v := range params {
		x := math.Log10(max(v.Float(), 1e-4)) + 1
		sum += x * x
	}
	return sum
}
