package simulate

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// dry is a spec with a baseline of two seeds, then 20 random trials, 4 at a time.
func dry() *sweep.Spec {
	return &sweep.Spec{
		Name: "dry", Method: sweep.MethodRandom, Seed: 3, MaxConcurrentTrials: 4,
		Dataset: sweep.Dataset{Name: sweep.FashionMNIST10k},
		Train:   sweep.Train{Steps: 900, Seed: 1}, Evaluate: sweep.Evaluate{SamplesPerClass: 10, Guidance: []float64{0, 1}},
		Parameters: []sweep.Parameter{
			{Name: "alignment.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
			{Name: "infonce.pass", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("cond"), sweep.Word("uncond")}},
			{Name: "infonce.weight", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
		},
		Metrics:  []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "label_accuracy.head", Goal: sweep.Maximize}},
		Baseline: &sweep.Baseline{Params: sweep.Params{"alignment.weight": sweep.Number(0), "infonce.weight": sweep.Number(0)}, Seeds: []int64{1, 2}},
		Budget:   sweep.Budget{RunCap: 20},
	}
}

func play(t *testing.T, spec *sweep.Spec, change func(*DryRun)) Result {
	t.Helper()
	d := DryRun{Objective: LossWeights, Workers: 4, Seed: 1, Step: time.Second, Sample: time.Second}
	if change != nil {
		change(&d)
	}
	c, err := Play(spec, d)
	require.NoError(t, err)
	return c
}

func TestPlayFollowsTheSpec(t *testing.T) {
	c := play(t, dry(), nil)
	require.Equal(t, "budget.run_cap of 20 reached", c.Ended)
	require.Len(t, c.Trials, 22)
	require.Equal(t, int64(22*900), c.Steps)
	require.Equal(t, c.Steps, c.StepsWithoutStopping)

	var events []time.Time
	baselines := 0
	for _, trial := range c.Trials {
		require.Equal(t, sweep.StatusCompleted, trial.Status)
		// 900 steps and 10 classes x 10 samples x 3 (two scales, and the report), a second each, at a pace of .8 to 1.2.
		took := trial.FinishedAt.Sub(trial.StartedAt).Seconds()
		require.InDelta(t, trial.TrainTime+trial.EvalTime, took, 1e-6)
		require.InDelta(t, 1200, took, 240)
		require.InDelta(t, 900./300., trial.TrainTime/trial.EvalTime, 1e-6)
		running := 0
		for _, other := range c.Trials {
			if !other.StartedAt.After(trial.StartedAt) && other.FinishedAt.After(trial.StartedAt) {
				running++
			}
		}
		require.LessOrEqual(t, running, 4)
		events = append(events, trial.FinishedAt)
		if trial.Kind == sweep.KindBaseline {
			baselines++
			require.Less(t, trial.Number, 2)
		}
	}
	require.Equal(t, 2, baselines)
	require.True(t, slices.IsSortedFunc(events, time.Time.Compare), "the order is that of completion")
	require.False(t, slices.IsSortedFunc(c.Trials, func(a, b sweep.Trial) int { return a.Number - b.Number }), "which is not that of starting")
	require.Equal(t, c.Wall, events[len(events)-1].Sub(moment(0)))
	require.InDelta(t, analysis.SlotHours(c.Trials), c.SlotHours, 1e-9)
	require.Equal(t, c, play(t, dry(), nil), "equal arguments give equal results")

	one := play(t, dry(), func(d *DryRun) { d.Workers = 1 })
	require.InDelta(t, one.SlotHours, one.Wall.Hours(), 1e-9, "a single worker is never idle")
	require.Greater(t, one.Wall, 3*c.Wall)
}

func TestPlayEndsByItsBudget(t *testing.T) {
	spec := dry()
	spec.Budget = sweep.Budget{GPUHours: 2}
	c := play(t, spec, nil)
	require.Equal(t, "budget.gpu_hours of 2 reached", c.Ended)
	require.Greater(t, c.SlotHours, 2.0)
	require.Less(t, c.SlotHours, 2+4*1320./3600, "at most the trials that ran overshoot it")

	spec.Budget = sweep.Budget{WallClock: sweep.Duration(time.Hour)}
	c = play(t, spec, nil)
	require.Equal(t, "budget.wall_clock of 1h0m0s reached", c.Ended)
	require.Greater(t, c.Wall, time.Hour)
	require.Less(t, c.Wall, time.Hour+1320*time.Second)

	spec.Method, spec.Budget = sweep.MethodGrid, sweep.Budget{}
	spec.Parameters = spec.Parameters[1:]
	spec.Parameters[1].Count = 4
	c = play(t, spec, nil)
	require.Equal(t, "every configuration was tried", c.Ended)
	require.Len(t, c.Trials, 2+2*5)

	enough := errors.New("enough")
	n := 0
	_, err := Play(dry(), DryRun{Objective: LossWeights, Workers: 1, Step: 1, Sample: 1, Finished: func(sweep.Trial) error {
		n++
		if n == 3 {
			return enough
		}
		return nil
	}})
	require.ErrorIs(t, err, enough)
	require.Equal(t, 3, n)
}

// Points follow the baseline and come before the method's configurations, of which a
// grid skips those that were points.
func TestPlayTriesPointsFirst(t *testing.T) {
	spec := dry()
	spec.Method, spec.Budget.RunCap = sweep.MethodGrid, 0
	spec.Parameters = []sweep.Parameter{{Name: "infonce.weight", Distribution: sweep.DistUniform, Max: 1, Count: 3}}
	for _, weight := range []float64{0.7, 1} {
		spec.Points = append(spec.Points, sweep.Params{"infonce.weight": sweep.Number(weight)})
	}
	c := play(t, spec, nil)
	require.Len(t, c.Trials, cost.TrialCount(spec))
	weights := make([]float64, len(c.Trials))
	for _, trial := range c.Trials {
		weights[trial.Number] = trial.Params["infonce.weight"].Float()
	}
	require.Equal(t, []float64{0, 0, 0.7, 1}, weights[:4])
	require.ElementsMatch(t, []float64{0, 0.5}, weights[4:])
}

func TestPlayStopsTrialsEarly(t *testing.T) {
	spec := dry()
	complete := play(t, spec, nil)
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}
	spec.Evaluate.Rung = &sweep.RungEvaluate{SamplesPerClass: 1, Guidance: []float64{0}}
	c := play(t, spec, nil)
	stopped := 0
	for _, trial := range c.Trials {
		last := trial.Rungs[len(trial.Rungs)-1]
		require.NotEmpty(t, last.Metrics)
		if trial.Status == sweep.StatusStopped {
			stopped++
			require.Equal(t, trial.Steps, last.Step)
			require.Empty(t, trial.Metrics)
			require.InDelta(t, 10*float64(len(trial.Rungs)), trial.EvalTime, 2*float64(len(trial.Rungs)), "a rung samples 10 images")
			continue
		}
		require.Equal(t, []int{100, 300}, []int{trial.Rungs[0].Step, trial.Rungs[1].Step})
		require.Greater(t, trial.Rungs[0].Metrics["fid.tail"], trial.Rungs[1].Metrics["fid.tail"], "a trial that trains improves")
		require.Greater(t, trial.Rungs[1].Metrics["fid.tail"], trial.Metrics["fid.tail"])
		require.Less(t, trial.Rungs[1].Metrics["label_accuracy.head"], trial.Metrics["label_accuracy.head"])
	}
	require.Greater(t, stopped, 5)
	require.Less(t, c.Steps, c.StepsWithoutStopping)
	require.Less(t, c.Wall, complete.Wall)
}

// Trials start up to max_concurrent_trials and queue for fewer slots, as they do on
// Temporal.
func TestPlayQueuesForSlots(t *testing.T) {
	c := play(t, dry(), func(d *DryRun) { d.Workers = 2 })
	require.Len(t, c.Trials, 22)
	waited := 0
	for _, trial := range c.Trials {
		if trial.FinishedAt.Sub(trial.StartedAt).Seconds() > trial.TrainTime+trial.EvalTime+1 {
			waited++
		}
	}
	require.Greater(t, waited, 10)
	require.InDelta(t, c.SlotHours/2, c.Wall.Hours(), 0.35, "two slots are hardly ever idle")
}

func TestPlayBoundsTheTimeOfATrial(t *testing.T) {
	spec := dry()
	spec.MaxTrialTime = sweep.Duration(900 * time.Second) // the average of training
	c := play(t, spec, nil)
	stopped := 0
	for _, trial := range c.Trials {
		require.LessOrEqual(t, trial.TrainTime, 900.0)
		if trial.Status == sweep.StatusCompleted {
			require.Equal(t, 900, trial.Steps)
			continue
		}
		stopped++
		require.Equal(t, sweep.StatusStopped, trial.Status)
		require.Equal(t, fmt.Sprintf("max_trial_time of 15m reached at step %d", trial.Steps), trial.StopReason())
		require.Less(t, trial.Steps, 900)
		require.Equal(t, 1, trial.Tries())
		require.Empty(t, trial.Metrics)
	}
	require.Greater(t, stopped, 5)
	require.Less(t, stopped, 17)
}

func TestPlayRepeats(t *testing.T) {
	spec := dry()
	spec.Metrics = spec.Metrics[:1]
	spec.Repeats = &sweep.Repeats{Seeds: []int64{2, 3}, Share: 0.3}
	c := play(t, spec, func(d *DryRun) { d.Noise = 5 })
	repeats := 0
	for _, trial := range c.Trials {
		if trial.Kind == sweep.KindSearch && trial.Seed != spec.Train.Seed {
			repeats++
		}
	}
	require.NotZero(t, repeats)
	require.LessOrEqual(t, repeats, 6, "30 % of 20")
	require.Len(t, c.Trials, 22)

	// A space of two points is exhausted but for its repeats.
	spec.Parameters = spec.Parameters[1:2]
	spec.Repeats.Share = 0.9
	c = play(t, spec, func(d *DryRun) { d.Objective, d.Noise = "sphere", 5 })
	require.Equal(t, "every configuration was tried", c.Ended)
	require.Greater(t, len(c.Trials), 2+2)
}

// Each generic objective is 0 at its optimum and never less.
func TestGenericObjectives(t *testing.T) {
	spec := dry()
	spec.Parameters = []sweep.Parameter{
		{Name: "a", Distribution: sweep.DistLogUniform, Min: 1e-5, Max: 1},
		{Name: "b", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("x"), sweep.Word("y"), sweep.Word("z")}},
	}
	spec.Constraints = []sweep.Constraint{{Metric: "fid.head", Op: "<=", Baseline: "fid.all", Factor: 1}}
	for _, g := range generics {
		l, err := newLandscape(spec, g.name)
		require.NoError(t, err)
		optima := make(map[string]bool)
		for _, m := range l.metrics {
			best, at, words := math.Inf(1), 0.0, make(map[float64]bool)
			for _, word := range []float64{0.1, 0.5, 0.9} {
				least := math.Inf(1)
				for i := range 3001 {
					u := float64(i) / 3000
					v := l.final(space.Decode(spec, map[string]float64{"a": u, "b": word}))[m.Name]
					if m.Goal == sweep.Maximize {
						v = -v
					}
					require.GreaterOrEqual(t, v, -1e-9)
					least = math.Min(least, v)
					if v < best {
						best, at = v, u
					}
				}
				words[least] = true
			}
			require.InDelta(t, 0, best, 0.02*g.scale, "%s of %s", m.Name, g.name)
			require.InDelta(t, 0.5, at, 0.301)
			require.Len(t, words, 3, "categories add a cost")
			optima[fmt.Sprintf("%.3f", at)] = true
		}
		require.Len(t, optima, 4, "each metric has its own optimum: those optimised, the constraint's and the baseline's")
	}
	for _, params := range []sweep.Params{{}, {"a": sweep.Number(0), "lr": sweep.Number(1)}} {
		l, err := newLandscape(spec, "rosenbrock")
		require.NoError(t, err)
		require.Len(t, l.final(params), 4, "a baseline may set less than the search, and more")
	}
}

// As in sweeps, moderate weights improve the tail, large ones make everything worse, the
// head gets worse with any weight, and 0 is the model without the loss term.
func TestLossWeightsBehaveLikeASweep(t *testing.T) {
	at := func(infonce, alignment float64) map[string]float64 {
		return lossWeights(sweep.Params{"infonce.weight": sweep.Number(infonce), "alignment.weight": sweep.Number(alignment)})
	}
	plain := at(0, 0)
	require.Equal(t, plain, lossWeights(sweep.Params{}))
	moderate, great := at(0.2, 0.4), at(3, 3)
	require.Less(t, moderate["fid.tail"], plain["fid.tail"]-5)
	require.Greater(t, moderate["label_accuracy.tail"], plain["label_accuracy.tail"])
	require.Greater(t, moderate["fid.head"], plain["fid.head"])
	require.Greater(t, great["fid.tail"], plain["fid.tail"]+20)
	require.Greater(t, great["fid.head"], plain["fid.head"]+20)
	for _, m := range sweep.MetricList() {
		require.Contains(t, moderate, m.Name)
	}
}

func TestNoiseHasTheGivenSize(t *testing.T) {
	spec := dry()
	spec.Budget.RunCap = 200
	exact := play(t, spec, nil)
	noisy := play(t, spec, func(d *DryRun) { d.Noise = 2 })
	values := func(c Result, metric string) map[int]float64 {
		m := make(map[int]float64)
		for _, trial := range c.Trials {
			m[trial.Number] = trial.Metrics[metric]
		}
		return m
	}
	for metric, sd := range map[string]float64{"fid.tail": 2, "label_accuracy.head": 0.02, "steps_per_second": 0} {
		a, b := values(exact, metric), values(noisy, metric)
		squares := 0.0
		for n := range a {
			squares += square(b[n] - a[n])
		}
		// Random search does not look at results, so the points are the same.
		require.InDelta(t, sd, math.Sqrt(squares/float64(len(a))), sd/5)
	}
}

func TestObjectivesThatDoNotFit(t *testing.T) {
	_, err := Play(dry(), DryRun{Objective: "cube", Workers: 1})
	require.ErrorIs(t, err, ErrObjective)
	require.ErrorContains(t, err, `"cube" is unknown (valid: lossweights, sphere, ackley, rastrigin, levy, rosenbrock)`)
	spec := dry()
	spec.Parameters = spec.Parameters[1:2]
	_, err = Play(spec, DryRun{Objective: LossWeights, Workers: 1})
	require.ErrorIs(t, err, ErrObjective)
	require.ErrorContains(t, err, "the spec searches neither")
	_, err = Play(dry(), DryRun{Objective: LossWeights})
	require.ErrorContains(t, err, "0 workers")
}

func TestCurve(t *testing.T) {
	spec := dry()
	c := play(t, spec, nil)
	curve := c.Curve()
	require.Len(t, curve, len(c.Trials))
	lowest := math.Inf(1)
	for i, p := range curve {
		lowest = math.Min(lowest, c.Trials[i].Metrics["fid.tail"])
		require.InDelta(t, lowest, *p.Best, 0)
		require.Equal(t, c.Trials[i].Number, p.Trial)
		require.InDelta(t, c.Trials[i].FinishedAt.Sub(moment(0)).Seconds(), p.Seconds, 0)
	}
	front := analysis.NewFront(spec, c.Trials, nil)
	require.InDelta(t, *front.Hypervolume, *curve[len(curve)-1].Hypervolume, 1e-12)
	require.Less(t, *curve[0].Hypervolume, *front.Hypervolume)
	c.Trials[0].Status = sweep.StatusStopped
	require.Nil(t, c.Curve()[0].Best, "nothing has completed yet")
	spec.Metrics = spec.Metrics[:1]
	require.Nil(t, c.Curve()[9].Hypervolume, "one metric has no front")
}

// A trial that violates a limit which was not known yet is never the best, and neither
// is one whose other seeds were worse: the curve never gets worse.
func TestCurveNeverGetsWorse(t *testing.T) {
	spec := dry()
	limit, err := sweep.ParseConstraint("fid.head <= baseline.fid.head * 1.02")
	require.NoError(t, err)
	spec.Metrics, spec.Constraints = spec.Metrics[:1], []sweep.Constraint{limit}
	number := 0
	trial := func(kind sweep.Kind, weight float64, seed int64, tail, head float64) sweep.Trial {
		number++
		return sweep.Trial{Status: sweep.StatusCompleted, FinishedAt: moment(time.Duration(number)), Assignment: sweep.Assignment{Number: number, Kind: kind, Seed: seed,
			Params: sweep.Params{"infonce.weight": sweep.Number(weight)}}, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": tail, "fid.head": head}}}
	}
	best := func(c Result) (values []float64) {
		for _, p := range c.Curve() {
			values = append(values, math.NaN())
			if p.Best != nil {
				values[len(values)-1] = *p.Best
			}
		}
		return values
	}
	c := Result{Spec: spec, Trials: []sweep.Trial{
		trial(sweep.KindSearch, 0.1, 1, 40, 30), trial(sweep.KindSearch, 0.2, 1, 55, 20),
		trial(sweep.KindBaseline, 0, 1, 60, 20), trial(sweep.KindSearch, 0.3, 1, 50, 20),
	}}
	require.Equal(t, "[NaN 55 55 50]", fmt.Sprint(best(c)))

	spec.Constraints, spec.Repeats = nil, &sweep.Repeats{Seeds: []int64{2}, Share: 0.5}
	c.Trials = append(c.Trials, trial(sweep.KindSearch, 0.1, 2, 80, 30))
	require.Equal(t, "[60 55 55 50 50]", fmt.Sprint(best(c)))
}

// A trial gets the gates of the spec, and after an edit those of the spec in force.
func TestPlayAppliesGates(t *testing.T) {
	spec := dry()
	least := 0.99
	spec.Gates = &sweep.Gates{MinLabelAccuracy: &least}
	for _, objective := range []string{LossWeights, "sphere"} {
		c := play(t, spec, func(d *DryRun) { d.Objective = objective })
		require.Equal(t, 22, count(c, sweep.StatusCompleted))
		for _, trial := range c.Trials {
			require.Contains(t, trial.Metrics, "label_accuracy.all")
			require.Len(t, trial.Gates, 1)
			require.NotContains(t, trial.Gates[0], "was not measured")
		}
		_, ok := analysis.Best(c.Spec, c.Trials, "")
		require.False(t, ok)
	}
	edited := dry()
	c := play(t, spec, func(d *DryRun) { d.Commands = []Command{edit(time.Hour, edited)} })
	require.Empty(t, c.Commands[0].Refused)
	for _, trial := range c.Trials {
		require.Empty(t, trial.Gates)
	}
}

func edit(at time.Duration, spec *sweep.Spec) Command {
	return Command{At: at, Name: conduct.CommandEdit, Command: conduct.Command{Spec: spec}}
}

// Trials that start after an edit run with the new spec, those before it with the old one.
func TestPlayStartsTrialsWithTheSpecInForce(t *testing.T) {
	spec, edited := dry(), dry()
	spec.MaxTrialTime, edited.MaxTrialTime = sweep.Duration(10*time.Hour), sweep.Duration(5*time.Second)
	c := play(t, spec, func(d *DryRun) { d.Commands = []Command{edit(10*time.Second, edited)} })
	require.Equal(t, 4, count(c, sweep.StatusCompleted))
	require.Equal(t, 18, count(c, sweep.StatusStopped))
	for _, trial := range c.Trials {
		require.Equal(t, trial.Number < 4, trial.Status == sweep.StatusCompleted)
	}

	spec, edited = dry(), dry()
	spec.MaxRestarts = 3
	c = play(t, spec, func(d *DryRun) {
		d.Fail, d.Class, d.Commands = 0.6, sweep.FailTransient, []Command{edit(10*time.Second, edited)}
	})
	again := 0
	for _, trial := range c.Trials {
		if trial.Number < 4 {
			again += trial.Attempts - 1
		} else {
			require.Equal(t, 1, trial.Attempts, "max_restarts of 0")
		}
	}
	require.Positive(t, again)
}

// An edit may add an objective: all trials have it, and the other metrics are as they
// would be without the edit.
func TestPlayMeasuresTheMetricsOfAnEdit(t *testing.T) {
	spec, edited := dry(), dry()
	edited.Metrics = append(slices.Clone(edited.Metrics), sweep.Objective{Name: "fid.head", Goal: sweep.Minimize})
	edited.Parameters[0].Max = 2
	without := play(t, spec, func(d *DryRun) { d.Objective, d.Noise = "sphere", 1 })
	c := play(t, spec, func(d *DryRun) {
		d.Objective, d.Noise, d.Commands = "sphere", 1, []Command{edit(40*time.Minute, edited)}
	})
	require.Equal(t, conduct.PhaseCompleted, c.Phase)
	require.Equal(t, 22, count(c, sweep.StatusCompleted))
	require.Equal(t, edited, c.Spec)
	best, ok := analysis.Best(c.Spec, c.Trials, "")
	require.True(t, ok)
	require.Contains(t, best.Metrics, "fid.head")
	require.NotEqual(t, c.Trials, without.Trials)
	params := make(map[string]map[string]float64)
	for _, trial := range without.Trials {
		params[trial.Params.Key()+fmt.Sprint(trial.Number)] = trial.Metrics
	}
	same := 0
	for _, trial := range c.Trials {
		require.Contains(t, trial.Metrics, "fid.head")
		if metrics, ok := params[trial.Params.Key()+fmt.Sprint(trial.Number)]; ok {
			same++
			for name, value := range metrics {
				require.InDelta(t, value, trial.Metrics[name], 0)
			}
		}
	}
	require.GreaterOrEqual(t, same, 8, "those that started before the edit")
}

// max_trial_time ends a trial while it waits for a slot, at once.
func TestPlayBoundsTheWaitForASlot(t *testing.T) {
	spec := dry()
	spec.Baseline, spec.Budget.RunCap = nil, 4
	spec.EarlyTerminate = &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3}
	first := func(limit time.Duration) sweep.Trial {
		spec.MaxTrialTime = sweep.Duration(limit)
		c := play(t, spec, func(d *DryRun) { d.Workers = 1 })
		trial := c.Trials[slices.IndexFunc(c.Trials, func(trial sweep.Trial) bool { return trial.Number == 0 })]
		require.Equal(t, "max_trial_time of "+spec.MaxTrialTime.String()+" reached at step 100", trial.StopReason())
		require.Equal(t, sweep.StatusStopped, trial.Status)
		require.Less(t, trial.TrainTime, 121.0)
		require.Len(t, trial.Rungs, 1)
		return trial
	}
	// Four trials train for 100 s each, then they are evaluated for 300 s each, in turn.
	trial := first(20 * time.Minute)
	require.Equal(t, 20*time.Minute, trial.FinishedAt.Sub(trial.StartedAt), "while the others are evaluated")
	require.Equal(t, 2, trial.Attempts)
	trial = first(10 * time.Minute)
	require.InDelta(t, 700, trial.FinishedAt.Sub(trial.StartedAt).Seconds(), 140, "after its verdict")
	require.Equal(t, 1, trial.Attempts)
}

// A requested configuration that an edit excludes does not start, and the command says so.
func TestPlaySkipsRequestsThatAnEditExcludes(t *testing.T) {
	spec, edited := dry(), dry()
	spec.MaxConcurrentTrials = 1
	spec.Parameters = spec.Parameters[:1:1]
	name := spec.Parameters[0].Name
	spec.Parameters[0] = sweep.Parameter{Name: name, Distribution: sweep.DistUniform, Max: 1}
	edited.MaxConcurrentTrials, edited.Parameters = 1, slices.Clone(spec.Parameters)
	edited.Parameters[0].Max = 0.5
	points := []sweep.Params{{name: sweep.Number(0.25)}, {name: sweep.Number(0.75)}}
	c := play(t, spec, func(d *DryRun) {
		d.Commands = []Command{{At: time.Second, Name: conduct.CommandEnqueue, Command: conduct.Command{Points: points}}, edit(2*time.Second, edited)}
	})
	require.Contains(t, c.Commands[1].Change, "; skip: requested configurations that are not of the edited search space: "+name+"=0.75 (")
	started := 0
	for _, trial := range c.Trials {
		if trial.Request > 0 {
			started++
			require.Equal(t, points[0], trial.Params)
		}
	}
	require.Equal(t, 1, started)
}
