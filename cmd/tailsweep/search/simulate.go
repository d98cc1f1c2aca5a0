package search

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/steering"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/simulate"
)

// maxSeeds is the maximum of --seeds.
const maxSeeds = 1000

// Simulated is the output of `tailsweep simulate -o json`.
type Simulated struct {
	Name           string         `json:"name"`
	Method         sweep.Method   `json:"method"`
	Objective      string         `json:"objective"`
	Workers        int            `json:"workers"`
	Noise          float64        `json:"noise"`
	StepsPerSecond float64        `json:"steps_per_second"`
	Runs           []simulatedRun `json:"runs"`
}

// simulatedRun is the simulation with one seed.
type simulatedRun struct {
	simulate.Result
	Seed     int64                `json:"seed"`
	Counts   map[sweep.Status]int `json:"trials"`   // by status, baseline and repeats included
	Baseline int                  `json:"baseline"` // trials
	Repeats  int                  `json:"repeats"`  // trials with further seeds
	Best     *sweep.Trial         `json:"best,omitempty"`
	Front    []int                `json:"front,omitempty"` // trials, with several metrics
	Curve    []simulate.Point     `json:"curve"`
}

// Simulate is the verb simulate: it simulates a sweep, with a known function in place of
// training.
func Simulate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate SPEC --objective FUNC",
		Short: "Simulate a sweep in virtual time, with a known function",
		Args:  cli.Args(1, 1, "one spec"),
		Long: `simulate runs a sweep without training. Method, budget, baseline, constraints,
repeats and early termination come from the spec, and it makes the same decisions as a
real sweep; results come from a known function of the parameters, and time is virtual.
Trials queue for the slots and differ in speed by up to 20 %. It shows how a search
proceeds, not how good real training is.

--fail makes attempts at training fail at random steps; --diverge makes trials
diverge. As in a real sweep, an attempt of class lost, transient, preempted or environment is
followed by another one from the last checkpoint, up to max_restarts (preempted does
not count), and three trials in a row with the same failure end the sweep as failed.
--command sends a command to the sweep at a virtual time, with the flags of its verb
except --dry-run and -o: "2h=extend --trials +20". If the sweep refuses one, the result is
printed and the exit code is 2.

gpu_hours and wall_clock only stop new trials from starting. Running trials finish, so a
sweep can exceed gpu_hours and wall_clock by the trials that run; max_trial_time
limits them. The chart of the best value so far uses what is known at the end: a trial
that violates a constraint does not count.

Earlier sweeps that a spec names in the field from are ignored: their results are those
of trainings, not of the function.

    lossweights   behaves like this project's sweeps: a weight of InfoNCE or alignment
                  improves the tail up to an optimum and makes it worse beyond; any
                  weight makes the head worse; 0 is the plain model
    sphere, ackley, rastrigin, levy, rosenbrock
        are test functions of the parameters of any spec; each metric has its
        optimum, 0, at a fixed place of its own; each text value adds a fixed
        cost; a parameter that an edit adds has no effect`,
	}
	output := cli.OutputFlag(cmd)
	f := cmd.Flags()
	objective := &cli.Choice{Valid: simulate.Objectives()}
	f.Var(objective, "objective", objective.Usage("function in place of training"))
	workers := cli.Within(f, "workers", f.Int("workers", 0, "training slots (default: max_concurrent_trials)"), 1, math.MaxInt)
	noise := cli.Within(f, "noise", f.Float64("noise", 0, "standard deviation of the noise added to each metric (lossweights: a hundredth of it for ratios and losses)"), 0, math.MaxFloat64)
	seeds := cli.Within(f, "seeds", f.Int("seeds", 1, "number of simulations, with seed, seed + 1, ..."), 1, maxSeeds)
	rate := cli.Within(f, "steps-per-second", f.Float64("steps-per-second", 20, "speed of one training slot"), cli.AboveZero, math.MaxFloat64)
	fail := cli.Within(f, "fail", f.Float64("fail", 0, "share of the attempts at training that fail, 0 to 1"), 0, 1)
	class := &cli.Choice{Valid: cli.Words(sweep.FailureList())}
	f.Var(class, "fail-class", class.Usage("class of the failures (default: a random one each)"))
	diverge := cli.Within(f, "diverge", f.Float64("diverge", 0, "share of the trials that diverge, 0 to 1"), 0, 1)
	commands := f.StringArray("command", nil, "command at a time since the beginning, such as 2h=pause or \"2h=extend --trials +20\"; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if objective.Value == "" {
			return cli.Usagef("simulate: --objective is missing (valid: %s)", strings.Join(objective.Valid, ", "))
		}
		run := simulate.DryRun{
			Objective: objective.Value, Noise: *noise, Finished: func(sweep.Trial) error { return cmd.Context().Err() },
			Faults: simulate.Faults{Fail: *fail, Class: sweep.FailureClass(class.Value), Diverge: *diverge},
		}
		for _, text := range *commands {
			c, err := parseCommand(a, text)
			if err != nil {
				return fmt.Errorf("--command: %w", err)
			}
			run.Commands = append(run.Commands, c)
		}
		spec, _, err := a.ReadSpec(args[0])
		if err != nil {
			return err
		}
		a.Warn(spec)
		for _, e := range spec.From {
			a.Log("warning: sweep %s of the field from is ignored: its results are not of the function %s", e.Sweep, objective.Value)
		}
		run.Workers = cmp.Or(*workers, spec.MaxConcurrentTrials)
		s := Simulated{Name: spec.Name, Method: spec.Method, Objective: run.Objective, Workers: run.Workers, Noise: run.Noise, StepsPerSecond: *rate}
		for k := range int64(*seeds) {
			r, err := playSeed(*spec, run, *rate, k)
			if errors.Is(err, simulate.ErrObjective) {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			s.Runs = append(s.Runs, r)
		}
		if err := a.PrintAs(output, s, simulatedText(s, a.Terminal().Width)...); err != nil {
			return err
		}
		for _, r := range s.Runs {
			for _, c := range r.Commands {
				if c.Refused != "" {
					return cli.Usagef("simulate: %s after %s was refused: %s", c.Name, c.At, c.Refused)
				}
			}
		}
		return nil
	}
	return cmd
}

// parseCommand reads a command at a time, such as "2h=extend --trials +20".
func parseCommand(a *cli.App, text string) (simulate.Command, error) {
	at, command, ok := strings.Cut(text, "=")
	d, err := time.ParseDuration(at)
	if !ok || err != nil || d < 0 {
		return simulate.Command{}, cli.Usagef("%q is not a command at a time (valid: such as 2h=%s)", text, conduct.CommandPause)
	}
	c := simulate.Command{At: d}
	c.Name, c.Command, err = steering.Parse(a, command)
	return c, err
}

// playSeed simulates the sweep with k added to its seed, and to that of each edit.
func playSeed(spec sweep.Spec, run simulate.DryRun, stepsPerSecond float64, k int64) (simulatedRun, error) {
	spec.Seed += k
	run.Seed, run.Commands = uint64(spec.Seed), slices.Clone(run.Commands)
	for i, c := range run.Commands {
		if c.Spec != nil {
			edited := *c.Spec
			edited.Seed += k
			run.Commands[i].Spec = &edited
		}
	}
	speed, err := measure.SpeedOf(&spec, stepsPerSecond, "")
	if err != nil {
		return simulatedRun{}, err
	}
	run.Step = time.Duration(float64(time.Second) / speed.StepsPerSecond)
	run.Sample = time.Duration(float64(time.Second) / speed.SamplesPerSecond)
	played, err := simulate.Play(&spec, run)
	if err != nil {
		return simulatedRun{}, err
	}
	r := simulatedRun{Result: played, Seed: spec.Seed, Counts: map[sweep.Status]int{}, Curve: played.Curve()}
	for _, t := range played.Trials {
		r.Counts[t.Status]++
		switch {
		case t.Kind == sweep.KindBaseline:
			r.Baseline++
		case t.Seed != spec.Train.Seed:
			r.Repeats++
		}
	}
	if best, ok := analysis.Best(played.Spec, played.Trials, ""); ok {
		r.Best = &best
	}
	if len(played.Spec.Metrics) > 1 {
		for _, t := range analysis.Pareto(played.Spec, played.Trials) {
			r.Front = append(r.Front, t.Number)
		}
	}
	return r, nil
}

func simulatedText(s Simulated, width int) []string {
	first := s.Runs[0]
	lines := []string{
		fmt.Sprintf("sweep        %s (%s) on %s, noise %g", s.Name, s.Method, s.Objective, s.Noise),
		fmt.Sprintf("workers      %d, at %g steps/s each", min(s.Workers, first.Spec.MaxConcurrentTrials), s.StepsPerSecond),
	}
	if len(s.Runs) == 1 {
		lines = append(lines, runText(first)...)
	} else {
		lines = append(lines, runsText(s.Runs)...)
	}
	title := first.Spec.Metrics[0].Name + ", best so far"
	if len(s.Runs) > 1 {
		title += fmt.Sprintf(", median of %d seeds", len(s.Runs))
	}
	return append(append(lines, "", title), console.Plot(medianCurve(s.Runs), width)...)
}

// runText describes one run.
func runText(r simulatedRun) []string {
	counts, total := countsOf(sweep.StatusList(), r.Counts)
	if r.Baseline > 0 {
		counts = append(counts, fmt.Sprintf("%d of them baseline", r.Baseline))
	}
	if r.Repeats > 0 {
		counts = append(counts, fmt.Sprintf("%d repeats with other seeds", r.Repeats))
	}
	lines := []string{strings.TrimSuffix(fmt.Sprintf("trials       %d: %s", total, strings.Join(counts, ", ")), ": ")}
	lines = append(lines, console.Wrapped("ended        ", fmt.Sprintf("%s: %s", r.Phase, r.Ended))...)
	if words, total := countsOf(sweep.FailureList(), r.Failures); total > 0 {
		lines = append(lines, console.Wrapped("failures     ", fmt.Sprintf("%d of attempts: %s", total, strings.Join(words, ", ")))...)
	}
	for _, c := range r.Commands {
		line := fmt.Sprintf("%s after %s", c.Name, c.At)
		if c.Change != "" {
			line += ": " + c.Change
		}
		if c.Refused != "" {
			line += ", refused: " + c.Refused
		}
		lines = append(lines, console.Wrapped("command      ", line)...)
	}
	lines = append(lines, fmt.Sprintf("time         %s of wall clock, %.4g GPU-hours", text.Duration(r.Wall), r.SlotHours))
	if r.Steps < r.StepsWithoutStopping {
		lines = append(lines, fmt.Sprintf("steps        %d, %.0f%% fewer than if each trial had trained to its end", r.Steps, 100*(1-float64(r.Steps)/float64(r.StepsWithoutStopping))))
	}
	if r.Best == nil {
		return append(lines, "best         none")
	}
	lines = append(lines, console.Wrapped("best         ", trialview.Line(r.Spec, r.Best.Number, r.Best.Metrics, r.Best.Params))...)
	if len(r.Front) > 0 {
		lines = append(lines, console.Wrapped("front        ", "trials "+text.Numbers(r.Front, len(r.Front)))...)
	}
	return lines
}

// countsOf returns the counts above zero in words, in the order of list, and their sum.
func countsOf[K ~string](list []K, counts map[K]int) (words []string, total int) {
	for _, k := range list {
		if n := counts[k]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, k))
			total += n
		}
	}
	return words, total
}

// runsText is a table of the runs.
func runsText(runs []simulatedRun) []string {
	name := runs[0].Spec.Metrics[0].Name
	t := console.NewTable(">SEED", ">TRIALS", ">BEST "+strings.ToUpper(name), ">WALL", ">GPU-HOURS", ">FAILURES", "PHASE", "ENDED")
	for _, r := range runs {
		best := "-"
		if r.Best != nil {
			best = trialview.Metric(r.Best.Metrics, name)
		}
		_, failures := countsOf(sweep.FailureList(), r.Failures)
		t.Row(fmt.Sprint(r.Seed), fmt.Sprint(len(r.Trials)), best, text.Duration(r.Wall), fmt.Sprintf("%.4g", r.SlotHours), fmt.Sprint(failures), string(r.Phase), r.Ended)
	}
	return append([]string{""}, t.Plain()...)
}

// medianCurve is the median over runs of the best value after 1, 2, ... finished
// trials; NaN where most runs have none.
func medianCurve(runs []simulatedRun) []float64 {
	longest := slices.MaxFunc(runs, func(a, b simulatedRun) int { return cmp.Compare(len(a.Curve), len(b.Curve)) })
	curve := make([]float64, len(longest.Curve))
	for i := range curve {
		var values []float64
		for _, r := range runs {
			if at := min(i, len(r.Curve)-1); at >= 0 && r.Curve[at].Best != nil {
				values = append(values, *r.Curve[at].Best)
			}
		}
		slices.Sort(values)
		curve[i] = math.NaN()
		if 2*len(values) > len(runs) {
			curve[i] = values[(len(values)-1)/2]
		}
	}
	return curve
}
