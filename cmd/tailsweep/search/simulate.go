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
	Seed        int64                `json:"seed"`
	Ended       string               `json:"ended"`
	Trials      map[sweep.Status]int `json:"trials"`   // by status, baseline and repeats included
	Baseline    int                  `json:"baseline"` // trials
	Repeats     int                  `json:"repeats"`  // trials with further seeds
	WallSeconds float64              `json:"wall_seconds"`
	GPUHours    float64              `json:"gpu_hours"`
	Steps       int64                `json:"steps"`       // trained
	StepsWhole  int64                `json:"steps_whole"` // if no trial had been stopped early
	Best        *sweep.Trial         `json:"best,omitempty"`
	Front       []int                `json:"front,omitempty"` // trials, with several metrics
	Curve       []simulate.Point     `json:"curve"`
	Ledger      []sweep.Trial        `json:"ledger"` // all trials, in order of completion
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
Trials queue for the slots, differ in speed by up to 20 %, and none fails. It shows how
a search proceeds, not what real
training gives.

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
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
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
			r, err := playSeed(cmd.Context(), *spec, s, spec.Seed+k)
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
func playSeed(ctx context.Context, spec sweep.Spec, s Simulated, seed int64) (simulatedRun, error) {
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
	})
	if err != nil {
		return simulatedRun{}, err
	}
	r := simulatedRun{Seed: seed, Ended: played.Ended, Trials: make(map[sweep.Status]int), WallSeconds: played.Wall.Seconds(),
		GPUHours: played.SlotHours, Steps: played.Steps, StepsWhole: played.StepsWithoutStopping, Curve: played.Curve(&spec), Ledger: played.Trials}
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
	var counts []string
	total := 0
	for _, status := range []sweep.Status{sweep.StatusCompleted, sweep.StatusStopped} {
		if n := r.Trials[status]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, status))
			total += n
		}
	}
	if r.Baseline > 0 {
		counts = append(counts, fmt.Sprintf("%d of them baseline", r.Baseline))
	}
	if r.Repeats > 0 {
		counts = append(counts, fmt.Sprintf("%d repeats with other seeds", r.Repeats))
	}
	lines := []string{
		fmt.Sprintf("trials       %d: %s; %s", total, strings.Join(counts, ", "), r.Ended),
		fmt.Sprintf("time         %s of wall clock, %.4g GPU-hours", text.Duration(time.Duration(r.WallSeconds*float64(time.Second))), r.GPUHours),
	}
	if r.Steps < r.StepsWhole {
		lines = append(lines, fmt.Sprintf("steps        %d, %.0f%% fewer than without early termination", r.Steps, 100*(1-float64(r.Steps)/float64(r.StepsWhole))))
	}
	if r.Best == nil {
		return append(lines, "best         none")
	}
	lines = append(lines, console.Wrapped("best         ", fmt.Sprintf("trial %d  %s  %s", r.Best.Number, trialview.Metrics(r.Best.Metrics, trialview.Columns(spec)), trialview.Params(r.Best.Params)))...)
	if len(r.Front) > 0 {
		lines = append(lines, console.Wrapped("front        ", "trials "+strings.Trim(fmt.Sprint(r.Front), "[]"))...)
	}
	return lines
}

// runsText is a table of the runs.
func runsText(spec *sweep.Spec, runs []simulatedRun) []string {
	name := spec.Metrics[0].Name
	t := console.NewTable(">SEED", ">TRIALS", ">BEST "+strings.ToUpper(name), ">WALL", ">GPU-HOURS", "ENDED")
	for _, r := range runs {
		best, trials := "-", 0
		if r.Best != nil {
			best = trialview.Metric(r.Best.Metrics, name)
		}
		for _, n := range r.Trials {
			trials += n
		}
		t.Row(fmt.Sprint(r.Seed), fmt.Sprint(trials), best, text.Duration(time.Duration(r.WallSeconds*float64(time.Second))), fmt.Sprintf("%.4g", r.GPUHours), r.Ended)
	}
	return append([]string{""}, t.Render(0, console.Painter(false))...)
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
