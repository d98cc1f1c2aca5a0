package specs

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/trainer"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

func Plan(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan SPEC",
		Short: "What a sweep will cost: trials, steps, time, bytes",
		Long: `plan trains a few steps on this machine to see how fast it is, and works out what
the sweep will cost: up to 12 steps, as many as 20 seconds allow, with every term of
the loss that a trial may have.
For another machine give its --steps-per-second. With --no-measure it tells all but
the time.`,
		Args: cli.Args(1, 1, "one spec"),
	}
	output := cli.OutputFlag(cmd)
	rate := cmd.Flags().Float64("steps-per-second", 0, "of one training slot, instead of measuring")
	unmeasured := cmd.Flags().Bool("no-measure", false, "train nothing, and tell no time")
	name := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		given := cmd.Flags().Changed("steps-per-second")
		switch {
		case given && !measure.AboveZero(*rate):
			return cli.Usagef("--steps-per-second is %v (valid: above 0)", *rate)
		case given && *unmeasured:
			return cli.Usagef("--no-measure tells no time, and --steps-per-second is for telling it (valid: one of them)")
		}
		spec, _, err := a.ReadSpec(args[0])
		if err != nil {
			return err
		}
		a.Warn(spec)
		p := measure.Planned{Name: spec.Name, StepsPerSecond: *rate}
		if !given && !*unmeasured {
			if err := a.Fetch(cmd.Context(), spec.Dataset); err != nil {
				return err
			}
			if p.Backend, p.StepsPerSecond, err = measure.Probe(cmd.Context(), a, spec, name.Value); err != nil {
				return cli.AsBadInput(fmt.Errorf("measure this machine (or give --steps-per-second or --no-measure): %w", err))
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
		speed, err := measure.SpeedOf(spec, p)
		if err != nil {
			return err
		}
		p.Plan = cost.Of(spec, speed)
		if output.Value == "json" {
			return a.PrintJSON(p)
		}
		return a.Print(planText(spec, p)...)
	}
	return cmd
}

func planText(spec *sweep.Spec, p measure.Planned) []string {
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
		fmt.Sprintf("model        %d parameters, %s a checkpoint", p.Parameters, text.Bytes(plan.CheckpointBytes)),
	}
	if spec.EarlyTerminate != nil {
		lines = append(lines, fmt.Sprintf("rungs        %s; the figures are those of a sweep that stops no trial early", joined(spec.Rungs())))
	}
	if p.MemoryBytes > 0 {
		lines = append(lines, "memory       about "+text.Bytes(p.MemoryBytes)+" a slot")
	}
	if plan.Trials > 0 {
		lines = append(lines, fmt.Sprintf("storage      %s written, %s kept at the end", text.Bytes(plan.WrittenBytes), text.Bytes(plan.KeptBytes)))
	}
	if plan.TrialTime <= 0 {
		lines = append(lines, "time         not told: nothing was measured")
	} else {
		how := "at " + measure.RateText(p.StepsPerSecond)
		if p.Backend != "" {
			how += ", measured on " + p.Backend
		}
		total := inAll(fmt.Sprintf(", %s on one slot", text.Duration(plan.SlotTime)))
		if spec.MaxConcurrentTrials > 1 {
			total += inAll(fmt.Sprintf(", %s on %d with `tailsweep up --slots %[2]d`", text.Duration(plan.WallTime), spec.MaxConcurrentTrials))
		}
		lines = append(lines, console.Wrapped("time         ", fmt.Sprintf("about %s a trial%s (%s; starting and compiling come on top)", text.Duration(plan.TrialTime), total, how))...)
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
