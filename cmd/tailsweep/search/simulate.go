package search

import (
	"cmp"
	"context"
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

// simulatedRun is the run with one seed.
type simulatedRun struct {
	Seed        int64                      `json:"seed"`
	Phase       conduct.Phase              `json:"phase"`    // at the end; paused when no command resumed the sweep
	Ended       string                     `json:"ended"`    // why
	Trials      map[sweep.Status]int       `json:"trials"`   // by status, baseline and repeats included
	Baseline    int                        `json:"baseline"` // trials
	Repeats     int                        `json:"repeats"`  // trials with further seeds
	WallSeconds float64                    `json:"wall_seconds"`
	GPUHours    float64                    `json:"gpu_hours"`
	Steps       int64                      `json:"steps"`       // trained
	StepsWhole  int64                      `json:"steps_whole"` // if each trial had trained to its end
	Failures    map[sweep.FailureClass]int `json:"failures"`    // attempts that failed, by class
	Commands    []simulatedCommand         `json:"commands,omitempty"`
	Best        *sweep.Trial               `json:"best,omitempty"`
	Front       []int                      `json:"front,omitempty"` // trials, with several metrics
	Curve       []simulate.Point           `json:"curve"`
	Ledger      []sweep.Trial              `json:"ledger"` // all trials, in order of completion
}

// simulatedCommand is a command that the sweep was given.
type simulatedCommand struct {
	Seconds float64 `json:"seconds"` // since the beginning
	Command string  `json:"command"`
	Refused string  `json:"refused,omitempty"` // why
}

// faults are the flags of what goes wrong, and of commands.
type faults struct {
	simulate.Faults
	commands []simulate.Command
}

// Simulate is the verb simulate: it plays a sweep on a known function.
func Simulate(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate SPEC --objective FUNC",
		Short: "Play a sweep on a known function, in virtual time",
		Args:  cli.Args(1, 1, "one spec"),
		Long: `simulate plays a sweep without training. Method, budget, baseline, constraints,
repeats and early termination come from the spec, and it makes the same decisions as a
real sweep; results come from a known function of the parameters, and time is virtual.
Trials queue for the slots and differ in speed by up to 20 %. It shows how a search
proceeds, not what real training gives.

With --fail attempts at training fail at random steps, and with --diverge trials
diverge. As in a real sweep, an attempt of class lost, transient or preempted is
followed by another one from the last checkpoint, up to max_restarts (preempted does
not count), and three trials in a row with the same failure end the sweep as failed.
--command gives the sweep a command at a virtual time.

A budget of time only keeps new trials from starting. Running trials finish, so a
sweep can exceed gpu_hours and wall_clock by the trials that run; max_trial_time
bounds them. The chart of the best value so far looks back from the end: a trial that
turned out to break a constraint does not count.

    lossweights   behaves like this project's sweeps: the weights of InfoNCE and
                  alignment help the tail up to a peak and then collapse, the head
                  pays from the first; 0 is the plain model
    sphere, ackley, rastrigin, levy, rosenbrock
                  test functions of any spec's parameters; each metric has its own
                  optimum at a fixed place, worth 0, and words cost something`,
	}
	output := cli.OutputFlag(cmd)
	f := cmd.Flags()
	objective := &cli.Choice{Valid: simulate.Objectives()}
	f.Var(objective, "objective", "function to play on: "+strings.Join(simulate.Objectives(), ", "))
	workers := f.Int("workers", 0, "training slots (default: max_concurrent_trials)")
	noise := f.Float64("noise", 0, "standard deviation of the noise on each metric, in FID; a hundredth of it on ratios and losses of lossweights")
	seeds := f.Int("seeds", 1, "number of runs, with seed, seed + 1, ...")
	rate := f.Float64("steps-per-second", 20, "speed of one training slot")
	var wrong faults
	f.Float64Var(&wrong.Fail, "fail", 0, "share of the attempts at training that fail, 0 to 1")
	class := &cli.Choice{}
	for _, c := range sweep.FailureList() {
		class.Valid = append(class.Valid, string(c))
	}
	f.Var(class, "fail-class", "class of the failures (default: a random one each)")
	f.Float64Var(&wrong.Diverge, "diverge", 0, "share of the trials that diverge, 0 to 1")
	commands := f.StringArray("command", nil, "command at a time since the beginning, such as 2h=pause; may be repeated")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, text := range *commands {
			c, err := simulate.ParseCommand(text)
			if err != nil {
				return cli.Usagef("--command: %w", err)
			}
			wrong.commands = append(wrong.commands, c)
		}
		wrong.Class = sweep.FailureClass(class.Value)
		switch {
		case !(wrong.Fail >= 0 && wrong.Fail <= 1):
			return cli.Usagef("--fail is %v (valid: 0 to 1)", wrong.Fail)
		case !(wrong.Diverge >= 0 && wrong.Diverge <= 1):
			return cli.Usagef("--diverge is %v (valid: 0 to 1)", wrong.Diverge)
		case objective.Value == "":
			return cli.Usagef("simulate: --objective is missing (valid: %s)", strings.Join(objective.Valid, ", "))
		case *workers < 0 || cmd.Flags().Changed("workers") && *workers == 0:
			return cli.Usagef("--workers is %d (valid: 1 or more)", *workers)
		case !(*noise >= 0) || math.IsInf(*noise, 1):
			return cli.Usagef("--noise is %v (valid: 0 or more)", *noise)
		case *seeds < 1 || *seeds > maxSeeds:
			return cli.Usagef("--seeds is %d (valid: 1 to %d)", *seeds, maxSeeds)
		case !measure.AboveZero(*rate):
			return cli.Usagef("--steps-per-second is %v (valid: above 0)", *rate)
		}
		spec, _, err := a.ReadSpec(args[0])
		if err != nil {
			return err
		}
		s := Simulated{Name: spec.Name, Method: spec.Method, Objective: objective.Value,
			Workers: cmp.Or(*workers, spec.MaxConcurrentTrials), Noise: *noise, StepsPerSecond: *rate}
		for k := range int64(*seeds) {
			r, err := playSeed(cmd.Context(), *spec, s, wrong, spec.Seed+k)
			if errors.Is(err, simulate.ErrObjective) {
				return cli.Usagef("%s: %w", args[0], err)
			}
			if err != nil {
				return err
			}
			s.Runs = append(s.Runs, r)
		}
		return a.PrintAs(output, s, simulatedText(spec, s, a.Terminal().Width)...)
	}
	return cmd
}

// playSeed plays the sweep with one seed.
func playSeed(ctx context.Context, spec sweep.Spec, s Simulated, wrong faults, seed int64) (simulatedRun, error) {
	spec.Seed = seed
	speed, err := measure.SpeedOf(&spec, s.StepsPerSecond)
	if err != nil {
		return simulatedRun{}, err
	}
	played, err := simulate.Play(&spec, simulate.DryRun{
		Objective: s.Objective, Workers: s.Workers, Noise: s.Noise, Seed: uint64(seed),
		Step:     time.Duration(float64(time.Second) / speed.StepsPerSecond),
		Sample:   time.Duration(float64(time.Second) / speed.SamplesPerSecond),
		Finished: func(sweep.Trial) error { return ctx.Err() },
		Faults:   wrong.Faults, Commands: wrong.commands,
	})
	if err != nil {
		return simulatedRun{}, err
	}
	r := simulatedRun{Seed: seed, Phase: played.Phase, Ended: played.Ended, Failures: played.Failures, Trials: make(map[sweep.Status]int), WallSeconds: played.Wall.Seconds(),
		GPUHours: played.SlotHours, Steps: played.Steps, StepsWhole: played.StepsWithoutStopping, Curve: played.Curve(&spec), Ledger: played.Trials}
	for _, c := range played.Commands {
		r.Commands = append(r.Commands, simulatedCommand{c.At.Seconds(), c.Name, c.Refused})
	}
	for _, t := range played.Trials {
		r.Trials[t.Status]++
		switch {
		case t.Kind == sweep.KindBaseline:
			r.Baseline++
		case t.Seed != spec.Train.Seed:
			r.Repeats++
		}
	}
	if best, ok := analysis.Best(&spec, played.Trials, ""); ok {
		r.Best = &best
	}
	if len(spec.Metrics) > 1 {
		for _, t := range analysis.Pareto(&spec, played.Trials) {
			r.Front = append(r.Front, t.Number)
		}
	}
	return r, nil
}

func simulatedText(spec *sweep.Spec, s Simulated, width int) []string {
	first := s.Runs[0]
	lines := []string{
		fmt.Sprintf("sweep        %s (%s) on %s, noise %g", s.Name, s.Method, s.Objective, s.Noise),
		fmt.Sprintf("workers      %d, at %g steps/s each", min(s.Workers, spec.MaxConcurrentTrials), s.StepsPerSecond),
	}
	if len(s.Runs) == 1 {
		lines = append(lines, runText(spec, first)...)
	} else {
		lines = append(lines, runsText(spec, s.Runs)...)
	}
	title := spec.Metrics[0].Name + ", best so far"
	if len(s.Runs) > 1 {
		title += fmt.Sprintf(", median of %d seeds", len(s.Runs))
	}
	return append(append(lines, "", title), console.Plot(medianCurve(s.Runs), width)...)
}

// runText describes one run.
func runText(spec *sweep.Spec, r simulatedRun) []string {
	counts, total := countsOf(sweep.StatusList(), r.Trials)
	if r.Baseline > 0 {
		counts = append(counts, fmt.Sprintf("%d of them baseline", r.Baseline))
	}
	if r.Repeats > 0 {
		counts = append(counts, fmt.Sprintf("%d repeats with other seeds", r.Repeats))
	}
	lines := []string{strings.TrimSuffix(fmt.Sprintf("trials       %d: %s", total, strings.Join(counts, ", ")), ": ")}
	lines = append(lines, console.Wrapped("ended        ", fmt.Sprintf("%s: %s", r.Phase, r.Ended))...)
	if text := failuresText(r); text != "" {
		lines = append(lines, console.Wrapped("failures     ", text)...)
	}
	for _, c := range r.Commands {
		lines = append(lines, console.Wrapped("command      ", commandText(c))...)
	}
	lines = append(lines, fmt.Sprintf("time         %s of wall clock, %.4g GPU-hours", text.Duration(time.Duration(r.WallSeconds*float64(time.Second))), r.GPUHours))
	if r.Steps < r.StepsWhole {
		lines = append(lines, fmt.Sprintf("steps        %d, %.0f%% fewer than if each trial had trained to its end", r.Steps, 100*(1-float64(r.Steps)/float64(r.StepsWhole))))
	}
	if r.Best == nil {
		return append(lines, "best         none")
	}
	lines = append(lines, console.Wrapped("best         ", trialview.Line(spec, r.Best.Number, r.Best.Metrics, r.Best.Params))...)
	if len(r.Front) > 0 {
		lines = append(lines, console.Wrapped("front        ", "trials "+text.Numbers(r.Front, len(r.Front)))...)
	}
	return lines
}

// failuresText counts the attempts that failed, by class; "" for none.
func failuresText(r simulatedRun) string {
	counts, total := countsOf(sweep.FailureList(), r.Failures)
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%d of attempts: %s", total, strings.Join(counts, ", "))
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

// commandText is a command in a line.
func commandText(c simulatedCommand) string {
	line := fmt.Sprintf("%s after %s", c.Command, time.Duration(c.Seconds*float64(time.Second)))
	if c.Refused != "" {
		line += ", refused: " + c.Refused
	}
	return line
}

// runsText is a table of the runs.
func runsText(spec *sweep.Spec, runs []simulatedRun) []string {
	name := spec.Metrics[0].Name
	t := console.NewTable(">SEED", ">TRIALS", ">BEST "+strings.ToUpper(name), ">WALL", ">GPU-HOURS", ">FAILURES", "PHASE", "ENDED")
	for _, r := range runs {
		best, trials := "-", 0
		if r.Best != nil {
			best = trialview.Metric(r.Best.Metrics, name)
		}
		for _, n := range r.Trials {
			trials += n
		}
		failures := 0
		for _, n := range r.Failures {
			failures += n
		}
		t.Row(fmt.Sprint(r.Seed), fmt.Sprint(trials), best, text.Duration(time.Duration(r.WallSeconds*float64(time.Second))), fmt.Sprintf("%.4g", r.GPUHours), fmt.Sprint(failures), string(r.Phase), r.Ended)
	}
	return append([]string{""}, t.Plain()...)
}

// medianCurve is the median over runs of the best value after 1, 2, ... finished
// trials; NaN where most runs have none.
func medianCurve(runs []simulatedRun) []float64 {
	n := 0
	for _, r := range runs {
		n = max(n, len(r.Curve))
	}
	curve := make([]float64, n)
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
