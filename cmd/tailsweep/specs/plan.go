package specs

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/earlier"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// Estimate is the output of `tailsweep plan -o json`.
type Estimate struct {
	Name           string           `json:"name"`
	Plan           cost.Estimate    `json:"plan"`
	Parameters     int64            `json:"model_parameters,omitempty"` // 0 with a trainer
	MemoryBytes    int64            `json:"memory_bytes,omitempty"`     // of one training slot, on Backend
	Backend        string           `json:"backend,omitempty"`          // that was measured
	StepsPerSecond float64          `json:"steps_per_second,omitempty"` // measured, or as given
	From           []earlier.Lesson `json:"from,omitempty"`
	// Imprecise are the metrics whose interval is likely to be wider than the effect that
	// the spec looks for.
	Imprecise []sweep.Imprecise `json:"imprecise,omitempty"`
}

// Plan is the verb plan: it estimates what a sweep costs.
func Plan(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan SPEC",
		Short: "Estimate what a sweep costs: trials, steps, time, bytes",
		Long: `plan estimates what a sweep costs. For the time, it trains up to 12 steps on this
machine, with every loss term that a trial can have. It ends after 20 seconds, but not
before the second step: the first one compiles, which may take longer.
With trainer in the spec, it runs the program for up to a minute, unless the spec has
trainer.seconds_per_step. Ctrl-C ends the program, too.
--steps-per-second gives the speed of another machine. --no-measure skips the
measurement and omits the time estimate. It also names the metrics whose interval is
likely to be wider than the effect that the spec looks for: what a constraint allows, or
6 % of an objective.

Where the spec names earlier sweeps, or --from does, plan reads them from the object store
and prints what the search would learn from each, as run does.`,
		Args: cli.Args(1, 1, "one spec"),
	}
	output := cli.OutputFlag(cmd)
	f := cmd.Flags()
	rate := cli.Within(f, "steps-per-second", f.Float64("steps-per-second", 0, "speed of one training slot, instead of measuring it"), cli.AboveZero, math.MaxFloat64)
	unmeasured := f.Bool("no-measure", false, "skip the measurement; omit the time estimate")
	name := cli.BackendFlag(cmd)
	from := earlier.Flag(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *rate > 0 && *unmeasured {
			return cli.Usagef("--no-measure and --steps-per-second cannot be combined")
		}
		spec, content, err := a.ReadChecked(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		a.Warn(spec)
		if t := spec.Trainer; t != nil && *rate == 0 && t.SecondsPerStep > 0 {
			*rate = 1 / t.SecondsPerStep
		}
		measured := *rate == 0 && !*unmeasured
		p := Estimate{Name: spec.Name, StepsPerSecond: *rate}
		if len(*from)+len(spec.From) > 0 {
			arc, err := a.Archive(cmd.Context())
			if err != nil {
				return err
			}
			if _, p.From, err = earlier.Learn(cmd.Context(), arc, spec, content, *from); err != nil {
				return fmt.Errorf("plan: %w", err)
			}
		}
		if measured {
			if err := a.Download(cmd.Context(), spec.Dataset); err != nil {
				return err
			}
		}
		if err := a.CheckData(cmd.Context(), args[0], content, spec); err != nil {
			return err
		}
		p.Imprecise = spec.Imprecisions(facts(spec))
		speed, err := speedOf(cmd.Context(), a, spec, &p, planned{measured: measured, backend: name.Value, dir: filepath.Dir(args[0])})
		if err != nil {
			return err
		}
		p.Plan = cost.Of(spec, speed)
		return a.PrintAs(output, p, planText(spec, p)...)
	}
	return cmd
}

// planned says how plan knows the speed of a spec.
type planned struct {
	measured bool   // here, now
	backend  string // of the measurement, without a trainer
	dir      string // of the file of the spec
}

// speedOf measures the speed of the spec where that was asked for, and completes the estimate
// with what it finds.
func speedOf(ctx context.Context, a *cli.App, spec *sweep.Spec, p *Estimate, how planned) (cost.Speed, error) {
	const otherwise = "measure this machine (or give --steps-per-second or --no-measure): %w"
	var bytes int64
	if how.measured && spec.Trainer != nil {
		found, err := measure.Program(ctx, a, spec, how.dir)
		if err != nil {
			return cost.Speed{}, cli.AsBadInput(fmt.Errorf(otherwise, err))
		}
		p.StepsPerSecond, bytes = found.StepsPerSecond, found.CheckpointBytes
	} else if how.measured {
		var err error
		if p.Backend, p.StepsPerSecond, err = measure.Probe(ctx, a, spec, how.backend); err != nil {
			return cost.Speed{}, cli.AsBadInput(fmt.Errorf(otherwise, err))
		}
	}
	if spec.Trainer == nil {
		count, err := trainer.ParameterCount(*spec)
		if err != nil {
			return cost.Speed{}, err
		}
		p.Parameters = int64(count)
		if p.Backend == backend.Go || p.Backend == backend.XLACPU {
			if p.MemoryBytes, err = trainer.MemoryEstimate(*spec, p.Backend); err != nil {
				return cost.Speed{}, err
			}
		}
	}
	speed, err := measure.SpeedOf(spec, p.StepsPerSecond, p.Backend)
	speed.ModelParameters, speed.CheckpointBytes = p.Parameters, bytes
	return speed, err
}

// facts returns what the spec and the images on this machine say of the evaluation.
func facts(spec *sweep.Spec) sweep.Facts {
	if precheck.Here(spec) {
		if about, err := dataset.Describe(spec.Dataset); err == nil {
			if f, err := precheck.Facts(spec, about); err == nil {
				return f
			}
		}
	}
	return spec.Dataset.Facts()
}

func planText(spec *sweep.Spec, p Estimate) []string {
	plan := p.Plan
	trials := "unknown (until the budget is used up); per trial:"
	if plan.Trials > 0 {
		trials = fmt.Sprintf("%d, %d of them baseline, %d at a time", plan.Trials, plan.Baseline, spec.MaxConcurrentTrials)
	}
	if spec.Method == sweep.MethodGrid {
		trials = strings.Join(append([]string{trials}, gridText(spec)...), "\n")
	}
	inTotal := func(text string) string {
		if plan.Trials == 0 {
			return ""
		}
		return text
	}
	lines := []string{
		"sweep        " + spec.Name + " (" + string(spec.Method) + ")",
		"trials       " + trials,
		fmt.Sprintf("steps        %d a trial", plan.StepsPerTrial) + inTotal(fmt.Sprintf(", %d in total", plan.Steps)),
	}
	if spec.HasDataset() {
		lines = append(lines, fmt.Sprintf("samples      %d a trial", plan.SamplesPerTrial)+inTotal(fmt.Sprintf(", %d in total", plan.Samples)))
	}
	if spec.Trainer != nil {
		line := fmt.Sprintf("program      %s (%s)", cli.CommandText(spec), spec.Trainer.Protocol)
		if plan.CheckpointBytes > 0 {
			line += fmt.Sprintf(", %s a checkpoint", text.Bytes(plan.CheckpointBytes))
		}
		lines = append(lines, line)
	} else {
		lines = append(lines, fmt.Sprintf("model        %d parameters, %s a checkpoint", p.Parameters, text.Bytes(plan.CheckpointBytes)))
	}
	for _, l := range p.From {
		lines = append(lines, console.Wrapped("earlier      ", l.String())...)
	}
	if spec.EarlyTerminate != nil {
		lines = append(lines, fmt.Sprintf("rungs        %s; the estimate assumes that no trial is stopped early", text.Numbers(spec.Rungs(), len(spec.Rungs()))))
	}
	if p.MemoryBytes > 0 {
		lines = append(lines, "memory       about "+text.Bytes(p.MemoryBytes)+" a slot")
	}
	if plan.Trials > 0 && plan.CheckpointBytes > 0 {
		lines = append(lines, fmt.Sprintf("storage      %s written, %s kept at the end", text.Bytes(plan.WrittenBytes), text.Bytes(plan.KeptBytes)))
	}
	for _, m := range p.Imprecise {
		lines = append(lines, console.Wrapped("precision    ", m.String())...)
	}
	if plan.TrialTime <= 0 {
		lines = append(lines, "time         not estimated: nothing was measured")
	} else {
		how := "at " + measure.RateText(p.StepsPerSecond)
		if p.Backend != "" {
			how += ", measured on " + p.Backend
		}
		rest := "plus start and compilation"
		switch {
		case spec.Trainer == nil:
		case spec.HasDataset():
			rest = "plus start, samples and evaluation"
		default:
			rest = "plus start"
		}
		total := inTotal(fmt.Sprintf(", %s on one slot", text.Duration(plan.SlotTime)))
		if spec.MaxConcurrentTrials > 1 {
			total += inTotal(fmt.Sprintf(", %s on %d with `tailsweep up --slots %[2]d`", text.Duration(plan.WallTime), spec.MaxConcurrentTrials))
		}
		lines = append(lines, console.Wrapped("time         ", fmt.Sprintf("about %s a trial%s (%s; %s)", text.Duration(plan.TrialTime), total, how, rest))...)
	}
	return lines
}

// gridText has a line for each parameter with its values in the grid.
func gridText(spec *sweep.Spec) (lines []string) {
	const most = 8
	for _, p := range space.Ordered(spec) {
		values := space.GridValues(p)
		var words []string
		for _, v := range values[:min(most, len(values))] {
			words = append(words, v.String())
		}
		if n := len(values); n > most {
			words = append(words, fmt.Sprintf("... %d in total", n))
		}
		lines = append(lines, fmt.Sprintf("               %s: %s", p.Name, strings.Join(words, ", ")))
	}
	return lines
}
