package simulate

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// DryRun says how a spec is played.
type DryRun struct {
	Objective string        // one of Objectives
	Workers   int           // training slots, at most max_concurrent_trials of them in use
	Noise     float64       // standard deviation of what is added to every metric
	Seed      uint64        // of durations and noise; the search has the spec's
	Step      time.Duration // of training, on average
	Sample    time.Duration // of sampling one image, at one guidance scale, on average
	// Finished, when not nil, is told of each trial that has ended; an error ends the run.
	Finished func(sweep.Trial) error
}

// trialSpread is how much faster or slower than the average a trial is at most.
const trialSpread = 0.2

// dryRun is the state of a run.
type dryRun struct {
	DryRun
	spec *sweep.Spec
	landscape
	now     time.Duration
	ledger  []sweep.Trial
	running []*dryTrial
	rungs   []stopping.RungResult
	next    int
	slots   time.Duration
}

// dryTrial is a trial on a worker. It has one event ahead: the next rung, or its end.
type dryTrial struct {
	trial   sweep.Trial
	curve   curve
	pace    float64 // 1 is average
	rungs   []int   // ahead
	event   time.Duration
	started time.Duration
}

// Play runs the sweep of a spec in virtual time: baselines first, then the
// search, as many at a time as there are workers, judged at the rungs of
// early_terminate, until the budget ends it. Nothing fails and nothing diverges.
// Equal arguments give equal courses.
func Play(spec *sweep.Spec, d DryRun) (Course, error) {
	if d.Workers < 1 {
		return Course{}, fmt.Errorf("simulate: %d workers (valid: 1 or more)", d.Workers)
	}
	l, err := newLandscape(spec, d.Objective)
	if err != nil {
		return Course{}, err
	}
	r := &dryRun{DryRun: d, spec: spec, landscape: l}
	why, err := r.run()
	if err != nil {
		return Course{}, err
	}
	c := Course{Trials: r.ledger, Wall: r.now, Slots: r.slots.Hours(), Ended: why}
	for _, t := range r.ledger {
		c.Steps += int64(t.Steps)
		c.Whole += int64(spec.Train.Steps)
	}
	return c, nil
}

func (r *dryRun) run() (ended string, err error) {
	baselines := space.Baselines(r.spec)
	most := min(r.Workers, r.spec.MaxConcurrentTrials)
	for {
		for wait := false; !wait && len(r.running) < most && (r.next < len(baselines) || ended == ""); {
			if r.next < len(baselines) {
				r.start(baselines[r.next])
				continue
			}
			if ended = r.spent(len(baselines)); ended != "" {
				break
			}
			a, err := r.suggest(r.next - len(baselines))
			switch {
			case errors.Is(err, sampler.ErrExhausted):
				ended = "every point was tried"
			case errors.Is(err, sampler.ErrWait):
				wait = true
			case err != nil:
				return "", fmt.Errorf("simulate: trial %d: %w", r.next, err)
			default:
				r.start(a)
			}
		}
		if len(r.running) == 0 {
			return ended, nil
		}
		first := slices.MinFunc(r.running, func(a, b *dryTrial) int {
			if a.event != b.event {
				return int(min(max(a.event-b.event, -1), 1))
			}
			return a.trial.Number - b.trial.Number
		})
		r.now = first.event
		if err := r.advance(first); err != nil {
			return "", err
		}
	}
}

// spent is which limit of the budget is used up, "" for none. Trials count when
// they start, slot time when they end.
func (r *dryRun) spent(baselines int) string {
	b := r.spec.Budget
	switch {
	case b.RunCap > 0 && r.next-baselines >= b.RunCap:
		return fmt.Sprintf("budget.run_cap of %d reached", b.RunCap)
	case b.GPUHours > 0 && r.slots.Hours() >= b.GPUHours:
		return fmt.Sprintf("budget.gpu_hours of %g reached", b.GPUHours)
	case b.WallClock > 0 && r.now >= time.Duration(b.WallClock):
		return fmt.Sprintf("budget.wall_clock of %v reached", time.Duration(b.WallClock))
	}
	return ""
}

// suggest asks for the next search trial as the Suggest activity does.
func (r *dryRun) suggest(index int) (sweep.Assignment, error) {
	request := sampler.Request{Spec: r.spec, Ledger: r.ledger, Number: r.next, Index: index}
	for _, t := range r.running {
		request.Pending = append(request.Pending, t.trial.Assignment)
	}
	slices.SortFunc(request.Pending, func(a, b sweep.Assignment) int { return a.Number - b.Number })
	a, err := sampler.Next(request)
	seen := len(r.ledger)
	a.Reason.Seen = &seen
	return a, err
}

// start puts a trial on a free worker.
func (r *dryRun) start(a sweep.Assignment) {
	rng := r.stream("pace", strconv.Itoa(a.Number))
	t := &dryTrial{
		trial: sweep.Trial{Assignment: a, Attempts: 1, StartedAt: moment(r.now)},
		curve: r.curve(a), pace: 1 + trialSpread*(2*rng.Float64()-1),
		rungs: stopping.TrialRungs(r.spec, a), started: r.now,
	}
	r.next++
	r.running = append(r.running, t)
	r.schedule(t, r.now)
}

// schedule sets when t reaches its next rung, or its end, and is evaluated there.
func (r *dryRun) schedule(t *dryTrial, from time.Duration) {
	step, samples := r.spec.Train.Steps, r.samples(r.spec)
	if len(t.rungs) > 0 {
		at := r.spec.AtRung()
		step, samples = t.rungs[0], r.samples(&at)
	}
	train := time.Duration(t.pace * float64(r.Step) * float64(step-t.trial.Steps))
	evaluate := time.Duration(t.pace * float64(r.Sample) * samples)
	t.trial.TrainTime += train.Seconds()
	t.trial.EvalTime += evaluate.Seconds()
	t.trial.Steps = step
	t.event = from + train + evaluate
}

// samples are the images of an evaluation.
func (r *dryRun) samples(spec *sweep.Spec) float64 {
	return float64(spec.Evaluate.Draws() * spec.Dataset.Classes())
}

// advance takes t past its event.
func (r *dryRun) advance(t *dryTrial) error {
	step := t.trial.Steps
	values := r.measure(t, step)
	if len(t.rungs) > 0 {
		t.rungs = t.rungs[1:]
		r.rungs = append(r.rungs, stopping.RungResult{Trial: t.trial.Number, Kind: t.trial.Kind, Step: step, Metrics: r.spec.Objectives(values)})
		verdict := stopping.Decide(r.spec, t.trial.Assignment, step, r.rungs)
		t.trial.Rungs = append(t.trial.Rungs, sweep.Rung{Step: step, Metrics: values, Reason: verdict.Reason})
		if verdict.Decision != stopping.Stop {
			r.schedule(t, r.now)
			return nil
		}
		t.trial.Status = sweep.StatusStopped
	} else {
		t.trial.Status, t.trial.Metrics = sweep.StatusCompleted, values
	}
	t.trial.FinishedAt = moment(r.now)
	t.trial.LossLast = values[sweep.MetricLoss]
	r.slots += r.now - t.started
	r.running = slices.DeleteFunc(r.running, func(other *dryTrial) bool { return other == t })
	r.ledger = append(r.ledger, t.trial)
	r.expose()
	if r.Finished == nil {
		return nil
	}
	return r.Finished(t.trial)
}

// expose marks what trials showed at rungs that broke a constraint in the end, as the
// Sweep workflow does.
func (r *dryRun) expose() {
	judged := analysis.Judge(r.spec, r.ledger)
	for i, rung := range r.rungs {
		r.rungs[i].Infeasible = judged[rung.Trial] == analysis.Infeasible
	}
}

// curve is how a metric comes down as a trial trains: at step s of S
//
//	v(s) = v(S) + lift (exp(-s/tau) - exp(-S/tau))
//
// lift is 1.35 to 1.65 times the metric's size and tau .2 to .3 of S, fixed by the
// point, so that the curves of different points cross. What is left to come down is
// then within a tenth of the same for all: the four trials of docs/results/quickstart.md
// differ after 450 steps, where some 10 points of fid.head and 60 of fid.tail are left
// to go, by 1.3 and 3.1 of them.
type curve struct {
	final     map[string]float64
	lift, tau float64
}

func (r *dryRun) curve(a sweep.Assignment) curve {
	rng := generator("curve/" + r.Objective + "/" + a.Params.Key())
	return curve{r.final(a.Params), 1.35 + 0.3*rng.Float64(), float64(r.spec.Train.Steps) * (0.2 + 0.1*rng.Float64())}
}

// measure is what an evaluation of t at a step finds.
func (r *dryRun) measure(t *dryTrial, step int) map[string]float64 {
	rest := t.curve.lift * (math.Exp(-float64(step)/t.curve.tau) - math.Exp(-float64(r.spec.Train.Steps)/t.curve.tau))
	values := make(map[string]float64, len(r.metrics))
	for _, m := range r.metrics {
		rng := r.stream("noise", fmt.Sprintf("%d/%d/%s", t.trial.Number, step, m.Name))
		lift := rest * r.size[m.Name]
		if m.Goal == sweep.Maximize {
			lift = -lift
		}
		values[m.Name] = t.curve.final[m.Name] + lift + r.Noise*r.unit[m.Name]*rng.NormFloat64()
	}
	return values
}

// stream is the random stream of one thing in a run.
func (r *dryRun) stream(kind, name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind + "/" + name)) // a hash's Write cannot fail
	return rand.New(rand.NewPCG(r.Seed, h.Sum64()))
}

func moment(d time.Duration) time.Time { return time.Unix(0, 0).UTC().Add(d) }
