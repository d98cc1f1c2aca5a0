package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// What is trained to see how fast a machine is: enough steps that compiling is
// behind and the rate is one of steps, and on a slow machine those that are done
// when probeTime has passed, one after the first at least.
const (
	probeSteps = 12
	probeTime  = 20 * time.Second
)

// errProbed ends a probe whose time is over.
var errProbed = errors.New("enough was measured")

// planned is what `tailsweep plan -o json` prints.
type planned struct {
	Name           string        `json:"name"`
	Plan           cost.Estimate `json:"plan"`
	Parameters     int64         `json:"model_parameters"`
	MemoryBytes    int64         `json:"memory_bytes,omitempty"`     // of one training slot, on Backend
	Backend        string        `json:"backend,omitempty"`          // that was measured
	StepsPerSecond float64       `json:"steps_per_second,omitempty"` // measured, or as given
}

func newPlan(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan SPEC",
		Short: "What a sweep will cost: trials, steps, time, bytes",
		Long: `plan trains a few steps on this machine to see how fast it is, and works out what
the sweep will cost: up to 12 steps, as many as 20 seconds allow, with every term of
the loss that a trial may have.
For another machine give its --steps-per-second. With --no-measure it tells all but
the time.`,
		Args: args(1, 1, "one spec"),
	}
	output := outputFlag(cmd)
	rate := cmd.Flags().Float64("steps-per-second", 0, "of one training slot, instead of measuring")
	unmeasured := cmd.Flags().Bool("no-measure", false, "train nothing, and tell no time")
	name := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := cmd.Flags().Changed("steps-per-second")
		switch {
		case given && !aboveZero(*rate):
			return usagef("--steps-per-second is %v (valid: above 0)", *rate)
		case given && *unmeasured:
			return usagef("--no-measure tells no time, and --steps-per-second is for telling it (valid: one of them)")
		}
		spec, _, err := a.readSpec(args[0])
		if err != nil {
			return err
		}
		a.warn(spec)
		p := planned{Name: spec.Name, StepsPerSecond: *rate}
		if !given && !*unmeasured {
			if err := a.fetch(cmd.Context(), spec.Dataset); err != nil {
				return err
			}
			if p.Backend, p.StepsPerSecond, err = a.probe(cmd.Context(), spec, name.value); err != nil {
				return asBadInput(fmt.Errorf("measure this machine (or give --steps-per-second or --no-measure): %w", err))
			}
		}
		count, err := trainer.ParameterCount(*spec)
		if err != nil {
			return err
		}
		p.Parameters = int64(count)
		if p.Backend == backend.Go || p.Backend == backend.XLACPU {
			if p.MemoryBytes, err = trainer.MemoryEstimate(*spec, p.Backend); err != nil {
				return err
			}
		}
		speed, err := speedOf(spec, p)
		if err != nil {
			return err
		}
		p.Plan = cost.Of(spec, speed)
		if output.value == "json" {
			return a.printJSON(p)
		}
		return a.print(planText(spec, p)...)
	}
	return cmd
}

// aboveZero reports whether a rate can be one.
func aboveZero(f float64) bool { return f > 0 && !math.IsInf(f, 1) }

// rateText is a rate with a digit after the point, a slow one with three digits.
func rateText(stepsPerSecond float64) string {
	if stepsPerSecond < 1 {
		return fmt.Sprintf("%.3g steps/s", stepsPerSecond)
	}
	return fmt.Sprintf("%.1f steps/s", stepsPerSecond)
}

// speedOf estimates the speed of sampling from that of training the dearest trial. A
// training step costs its forward passes, each with a backward pass that costs two
// more; a denoising step with guidance costs two. So samples a second are estimated
// from a ratio, not measured.
func speedOf(spec *sweep.Spec, p planned) (cost.Speed, error) {
	const withBackward, passesPerSample = 3, 2
	passes, err := trainer.ForwardPasses(*spec, cost.Costliest(spec))
	if err != nil {
		return cost.Speed{}, err
	}
	settings, err := spec.Settings(cost.Costliest(spec))
	return cost.Speed{
		ModelParameters: p.Parameters,
		StepsPerSecond:  p.StepsPerSecond,
		SamplesPerSecond: p.StepsPerSecond * float64(settings.Batch*passes*withBackward) /
			float64(passesPerSample*spec.Evaluate.Steps()),
	}, err
}

func planText(spec *sweep.Spec, p planned) []string {
	plan := p.Plan
	trials := "until the budget ends it; per trial:"
	if plan.Trials > 0 {
		trials = fmt.Sprintf("%d, %d of them baseline, %d at a time", plan.Trials, plan.Baseline, spec.MaxConcurrentTrials)
	}
	if spec.Method == sweep.MethodGrid {
		trials += "\n" + gridText(spec)
	}
	inAll := func(text string) string {
		if plan.Trials == 0 {
			return ""
		}
		return text
	}
	lines := []string{
		"sweep        " + spec.Name + " (" + string(spec.Method) + ")",
		"trials       " + trials,
		fmt.Sprintf("steps        %d a trial", plan.StepsPerTrial) + inAll(fmt.Sprintf(", %d in all", plan.Steps)),
		fmt.Sprintf("samples      %d a trial", plan.SamplesPerTrial) + inAll(fmt.Sprintf(", %d in all", plan.Samples)),
		fmt.Sprintf("model        %d parameters, %s a checkpoint", p.Parameters, bytesText(plan.CheckpointBytes)),
	}
	if spec.EarlyTerminate != nil {
		lines = append(lines, fmt.Sprintf("rungs        %s; the figures are those of a sweep that stops no trial early", joined(spec.Rungs())))
	}
	if p.MemoryBytes > 0 {
		lines = append(lines, "memory       about "+bytesText(p.MemoryBytes)+" a slot")
	}
	if plan.Trials > 0 {
		lines = append(lines, fmt.Sprintf("storage      %s written, %s kept at the end", bytesText(plan.WrittenBytes), bytesText(plan.KeptBytes)))
	}
	if plan.TrialTime <= 0 {
		lines = append(lines, "time         not told: nothing was measured")
	} else {
		how := "at " + rateText(p.StepsPerSecond)
		if p.Backend != "" {
			how += ", measured on " + p.Backend
		}
		total := inAll(fmt.Sprintf(", %s on one slot", short(plan.SlotTime)))
		if spec.MaxConcurrentTrials > 1 {
			total += inAll(fmt.Sprintf(", %s on %d with `tailsweep up --slots %[2]d`", short(plan.WallTime), spec.MaxConcurrentTrials))
		}
		lines = append(lines, wrapped("time         ", fmt.Sprintf("about %s a trial%s (%s; starting and compiling come on top)", short(plan.TrialTime), total, how))...)
	}
	return lines
}

// joined lists numbers with commas.
func joined(numbers []int) string {
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(numbers)), ", "), "[]")
}

// gridText is a line a parameter: the points that the grid takes of it.
func gridText(spec *sweep.Spec) string {
	const most = 8
	var lines []string
	for _, p := range space.Ordered(spec) {
		values := space.GridValues(p)
		var words []string
		for _, v := range values[:min(most, len(values))] {
			words = append(words, v.String())
		}
		if n := len(values); n > most {
			words = append(words, fmt.Sprintf("... %d in all", n))
		}
		lines = append(lines, fmt.Sprintf("               %s: %s", p.Name, strings.Join(words, ", ")))
	}
	return strings.Join(lines, "\n")
}

func bytesText(n int64) string {
	const unit = 1024
	switch {
	case n < unit:
		return fmt.Sprintf("%d B", n)
	case n < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/(unit*unit))
	default:
		return fmt.Sprintf("%.1f GiB", float64(n)/(unit*unit*unit))
	}
}

// probe trains a few steps and returns the backend and its steps a second, saying
// how far it is. The estimate is of the dearest trial.
func (a *app) probe(ctx context.Context, spec *sweep.Spec, backendName string) (used string, stepsPerSecond float64, err error) {
	dir, err := os.MkdirTemp("", "tailsweep-probe-")
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := backend.Open(backendName)
	if err != nil {
		return "", 0, err
	}
	defer b.Close()

	short := *spec
	short.Train.Steps, short.Train.LogEvery, short.Checkpoints.EverySteps = probeSteps, 1, probeSteps
	short.Train.WarmupSteps = 0
	j := job.Train{Spec: short, Staging: dir, Assignment: cost.Costliest(spec)}
	a.say("measuring %d steps on backend %s, or what %v allow ...", probeSteps, b.Choice, probeTime)
	read := a.sayRead()
	began, said := time.Now(), time.Now()
	var warm time.Time // when the first step, and compiling with it, was done
	err = trainer.Train(ctx, j, trainer.Options{Backend: b, Events: func(e job.Event) error {
		switch {
		case e.Type == job.Loading:
			read(e.Step, e.Steps)
		case e.Type == job.Progress && e.Step >= 1 && warm.IsZero():
			warm = time.Now()
		case e.Type == job.Progress && e.Step > 1:
			stepsPerSecond = float64(e.Step-1) / time.Since(warm).Seconds()
			if time.Since(began) >= probeTime {
				return errProbed
			}
		}
		if e.Type == job.Progress && time.Since(said) >= probeTime/4 {
			said = time.Now()
			a.say("  %d of %d steps after %s", e.Step, probeSteps, time.Since(began).Round(time.Second))
		}
		return nil
	}})
	if errors.Is(err, errProbed) {
		err = nil
	}
	if err == nil && stepsPerSecond == 0 {
		err = errors.New("the training reported no progress")
	}
	return b.Choice, stepsPerSecond, err
}

// expect says which backend the worker, started with name, will train on and why,
// and, of the slow one only, how long the sweep will take.
func (a *app) expect(ctx context.Context, spec *sweep.Spec, name string) error {
	b, err := backend.Open(name)
	if err != nil {
		return err
	}
	choice, why := b.Choice, b.Why
	b.Close()
	if choice != backend.Go {
		a.say("backend %s: %s", choice, why)
		return nil
	}
	used, rate, err := a.probe(ctx, spec, backend.Go)
	if err != nil {
		return fmt.Errorf("measure this machine: %w", err)
	}
	speed, err := speedOf(spec, planned{StepsPerSecond: rate, Backend: used})
	if err != nil {
		return err
	}
	plan := cost.Of(spec, speed)
	a.say("backend go (%s): %.1f steps/s, so about %s a trial and %s in all on one slot", why, rate, short(plan.TrialTime), short(plan.SlotTime))
	return nil
}
