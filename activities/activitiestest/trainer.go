package activitiestest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
)

// Fault is what goes wrong in one attempt, right after the checkpoint of a step.
type Fault struct {
	Step    int             // 0: before the first checkpoint
	Err     error           // the attempt fails with it
	Diverge bool            // the loss stops being finite
	Preempt bool            // the worker is asked to stop; the last checkpoint is of this step already
	Hang    bool            // nothing happens until the job is ended
	Until   <-chan struct{} // with Hang: or until this closes; the attempt then continues
}

// Trainer is a fake: it trains nothing, but reports steps and checkpoints as the
// real one does and fails as its script says. Safe for concurrent use.
type Trainer struct {
	// Faults has, by trial, what goes wrong in its first attempt, its second, ...;
	// an attempt without an entry succeeds.
	Faults map[int][]Fault
	// EvaluateErrors likewise, for the attempts at evaluating.
	EvaluateErrors map[int][]error
	// Metrics is what is found for a trial; nil is the function Metrics.
	Metrics func(sweep.Assignment) map[string]float64
	// Extra is added to the metrics of every trial.
	Extra map[string]float64
	// EvaluateHangs makes every evaluation last until it is ended.
	EvaluateHangs bool

	mu          sync.Mutex
	running     int
	most        int
	jobs        []Job
	evaluations []Evaluation
	evaluated   map[int]int
}

// Job is an attempt that was made.
type Job struct {
	Trial, Attempt int
	From, Until    int // step that it resumed from, step that it was to end at; 0: the last
	Parent         string
}

// Jobs are the training attempts so far, in order of their start.
func (t *Trainer) Jobs() []Job {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Job(nil), t.jobs...)
}

// Evaluation is an evaluation that was requested.
type Evaluation struct {
	Trial, Step     int
	SamplesPerClass int
}

// Evaluations returns the attempts at evaluating so far, in order of their start.
func (t *Trainer) Evaluations() []Evaluation {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Evaluation(nil), t.evaluations...)
}

// MostRunning is the most trainings that ran at a time.
func (t *Trainer) MostRunning() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.most
}

func (t *Trainer) begin(job sweep.TrainJob, from int) Fault {
	t.mu.Lock()
	defer t.mu.Unlock()
	number := job.Assignment.Number
	attempts := 0
	for _, j := range t.jobs {
		if j.Trial == number {
			attempts++
		}
	}
	t.jobs = append(t.jobs, Job{Trial: number, Attempt: job.Attempt, From: from, Until: job.Until, Parent: job.Parent})
	t.running++
	t.most = max(t.most, t.running)
	if faults := t.Faults[number]; attempts < len(faults) {
		return faults[attempts]
	}
	return Fault{Step: -1}
}

func (t *Trainer) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
}

// Train implements activities.Trainer.
func (t *Trainer) Train(
	ctx context.Context, job sweep.TrainJob, drain <-chan struct{}, report func(activities.Progress) error,
) (activities.Outcome, error) {
	step, err := resumedStep(job.Resume)
	if err != nil {
		return activities.Outcome{}, err
	}
	fault := t.begin(job, step)
	defer t.end()
	outcome := activities.Outcome{Status: sweep.OutcomeDone, Losses: sweep.Losses{LossFirst: new(1.0), LossLast: new(0.1)}, Backend: "fake"}
	steps, every := job.Spec.Train.Steps, job.Spec.Checkpoints.EverySteps
	end := steps
	if job.Until > 0 {
		end = job.Until
	}
	for {
		outcome.Step = step
		if step == fault.Step {
			switch {
			case fault.Err != nil:
				return activities.Outcome{}, fault.Err
			case fault.Diverge:
				outcome.Status = sweep.OutcomeDiverged
				return outcome, nil
			case fault.Preempt:
				outcome.Status = sweep.OutcomePreempted
				return outcome, nil
			case fault.Hang:
				select {
				case <-ctx.Done():
					return activities.Outcome{}, fmt.Errorf("job ended: %w", context.Cause(ctx))
				case <-drain:
					outcome.Status = sweep.OutcomePreempted
					return outcome, nil
				case <-fault.Until:
				}
			}
		}
		if step >= end {
			if job.Spec.Trainer != nil {
				outcome.Evaluation = &sweep.Evaluation{Metrics: map[string]float64{"own": float64(step), "fid.tail": 1}}
			}
			return outcome, nil
		}
		step = min(step+every, end)
		dir := filepath.Join(job.Staging, fmt.Sprintf("step-%010d", step))
		if err := writeStep(dir, step); err != nil {
			return activities.Outcome{}, err
		}
		err := report(activities.Progress{Step: step, Steps: steps, Point: &sweep.CurvePoint{Step: step, Loss: 1 / float64(step)}, StepsPerSecond: 100, Backend: "fake", Checkpoint: dir})
		if err != nil {
			return activities.Outcome{}, err
		}
	}
}

// Evaluate implements activities.Trainer.
func (t *Trainer) Evaluate(
	ctx context.Context, job sweep.EvaluateJob, report func(activities.Progress) error,
) (sweep.Evaluation, error) {
	number := job.Assignment.Number
	step, err := resumedStep(job.Checkpoint)
	t.mu.Lock()
	t.evaluations = append(t.evaluations, Evaluation{Trial: number, Step: step, SamplesPerClass: job.Spec.Evaluate.SamplesPerClass})
	if t.evaluated == nil {
		t.evaluated = map[int]int{}
	}
	attempt := t.evaluated[number]
	t.evaluated[number]++
	t.mu.Unlock()
	if errs := t.EvaluateErrors[number]; attempt < len(errs) && errs[attempt] != nil {
		return sweep.Evaluation{}, errs[attempt]
	}
	if err != nil {
		return sweep.Evaluation{}, err
	}
	if err := report(activities.Progress{Step: 1, Steps: 1}); err != nil {
		return sweep.Evaluation{}, err
	}
	if t.EvaluateHangs {
		<-ctx.Done()
		return sweep.Evaluation{}, fmt.Errorf("job ended: %w", ctx.Err())
	}
	found := t.Metrics
	if found == nil {
		found = Metrics
	}
	metrics := found(job.Assignment)
	maps.Copy(metrics, t.Extra)
	return sweep.Evaluation{
		Metrics: metrics, Guidance: 1, Grid: filepath.Join(job.Output, "grid.png"),
		Floor: map[string]float64{"fid.tail": Floor}, Features: Features,
	}, ctx.Err()
}

// Values in every evaluation of the fake.
const (
	Floor    = 1.5 // fid.tail
	Features = "fake"
)

// Metrics are what the fake finds for a trial: fid.tail falls with both weights.
func Metrics(a sweep.Assignment) map[string]float64 {
	tail := 100 - a.Params["infonce.weight"].Float() - a.Params["alignment.weight"].Float()
	return map[string]float64{"fid.tail": tail, "fid.head": 20, "fid.all": tail / 2}
}

func writeStep(dir string, step int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "step"), []byte(strconv.Itoa(step)), 0o600)
}

// resumedStep reads what writeStep wrote; 0 without a folder.
func resumedStep(dir string) (int, error) {
	if dir == "" {
		return 0, nil
	}
	data, err := os.ReadFile(filepath.Join(dir, "step"))
	if err != nil {
		return 0, errors.New("the folder to resume from is not whole: " + err.Error())
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
