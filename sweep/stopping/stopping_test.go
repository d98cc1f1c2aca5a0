package stopping

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// earlyTerminating is a spec with early termination: asha with rungs 100, 300, 900 of 2700
// steps, eta 3, unless changed.
func earlyTerminating(metrics ...string) *sweep.Spec {
	s := &sweep.Spec{
		Seed:           7,
		Train:          sweep.Train{Steps: 2700},
		EarlyTerminate: &sweep.EarlyTerminate{Type: sweep.StopASHA, MinIter: 100, Eta: 3, MinTrials: 3},
	}
	for _, name := range metrics {
		info, _ := sweep.LookupMetric(name)
		s.Metrics = append(s.Metrics, sweep.Objective{Name: name, Goal: info.Goal})
	}
	return s
}

func searchTrial(number int) sweep.Assignment {
	return sweep.Assignment{Number: number, Kind: sweep.KindSearch}
}

// resultAt is the result of a trial at step; values are of the spec's metrics, none for
// a trial that diverged.
func resultAt(s *sweep.Spec, number, step int, values ...float64) RungResult {
	r := RungResult{Trial: number, Kind: sweep.KindSearch, Step: step}
	for k, v := range values {
		if r.Metrics == nil {
			r.Metrics = map[string]float64{}
		}
		r.Metrics[s.Metrics[k].Name] = v
	}
	return r
}

// verdicts decides on each result as it arrives.
func verdicts(s *sweep.Spec, results []RungResult) []Verdict {
	all := make([]Verdict, len(results))
	for i, r := range results {
		all[i] = Decide(s, sweep.Assignment{Number: r.Trial, Kind: r.Kind}, r.Step, results[:i+1])
	}
	return all
}

func TestRungs(t *testing.T) {
	for _, test := range []struct {
		minIter, eta, steps int
		want                []int
	}{
		{2000, 3, 18000, []int{2000, 6000}},
		{2000, 3, 18001, []int{2000, 6000, 18000}},
		{100, 4, 1600, []int{100, 400}},
		{100, 2, 100, nil},
		{0, 0, 100, nil},
	} {
		s := sweep.Spec{Train: sweep.Train{Steps: test.steps}, EarlyTerminate: &sweep.EarlyTerminate{MinIter: test.minIter, Eta: test.eta}}
		require.Equal(t, test.want, s.Rungs())
	}
	require.Nil(t, (&sweep.Spec{Train: sweep.Train{Steps: 100}}).Rungs())
}

func TestASHA(t *testing.T) {
	s := earlyTerminating("fid.tail")
	results := []RungResult{
		resultAt(s, 0, 100, 50), // the first two are never stopped
		resultAt(s, 1, 100, 60),
		resultAt(s, 2, 100, 70), // 3rd of 3, one continues
		resultAt(s, 3, 100, 40), // 1st of 4
		resultAt(s, 0, 300, 30), // another rung
		resultAt(s, 4, 100, 50), // 3rd of 5: a tie, and trial 0 was first
		resultAt(s, 5, 100, 45), // 2nd of 6, two continue
		resultAt(s, 6, 100, 46), // 3rd of 7
		resultAt(s, 7, 100),     // diverged
		resultAt(s, 8, 100, 47), // 4th of 9, three continue
		resultAt(s, 9, 100, 44), // 2nd of 10
	}
	var got []string
	for i, v := range verdicts(s, results) {
		got = append(got, fmt.Sprintf("%d %s: %s", results[i].Trial, v.Decision, v.Reason))
	}
	require.Equal(t, []string{
		"0 continue: result 1 at step 100: no trial is stopped before there are 3",
		"1 continue: result 2 at step 100: no trial is stopped before there are 3",
		"2 stop: place 3 of 3 at step 100: only the best 1 continue",
		"3 continue: place 1 of 4 at step 100: the best 1 continue",
		"0 continue: result 1 at step 300: no trial is stopped before there are 3",
		"4 stop: place 3 of 5 at step 100: only the best 1 continue",
		"5 continue: place 2 of 6 at step 100: the best 2 continue",
		"6 stop: place 3 of 7 at step 100: only the best 2 continue",
		"7 stop: place 8 of 8 at step 100: only the best 2 continue",
		"8 stop: place 4 of 9 at step 100: only the best 3 continue",
		"9 continue: place 2 of 10 at step 100: the best 3 continue",
	}, got)
}

func TestASHAWithTwoObjectives(t *testing.T) {
	s := earlyTerminating("fid.tail", "label_accuracy.head")
	front := []RungResult{ // tail to be minimised against head to be maximised
		resultAt(s, 0, 100, 10, 0.50),
		resultAt(s, 1, 100, 21, 0.61),
		resultAt(s, 2, 100, 30, 0.90),
		resultAt(s, 3, 100, 20, 0.60), // the most crowded: .55 + .275 against .5 + .75 of trial 1
	}
	behind := []RungResult{
		resultAt(s, 4, 100, 31, 0.89), resultAt(s, 5, 100, 32, 0.88), resultAt(s, 6, 100, 33, 0.87),
		resultAt(s, 7, 100, 34, 0.86), resultAt(s, 8, 100, 35, 0.85), resultAt(s, 9, 100, 36, 0.84), resultAt(s, 10, 100, 37, 0.83),
	}
	last := func(results ...[]RungResult) Verdict {
		var all []RungResult
		for _, r := range results {
			all = append(all, r...)
		}
		own := all[len(all)-1]
		return Decide(s, searchTrial(own.Trial), 100, all)
	}
	tests := []struct {
		name    string
		results [][]RungResult
		want    Verdict
	}{
		{"the worst in one objective, the best in the other", [][]RungResult{behind, front[1:], front[:1]},
			Verdict{Continue, "place 1 of 11 at step 100: the best 3 continue"}},
		{"of a front beyond the quota, an end continues", [][]RungResult{behind, front[:2], front[3:], front[2:3]},
			Verdict{Continue, "place 2 of 11 at step 100: the best 3 continue"}},
		{"and so does the loneliest between", [][]RungResult{behind, front[:1], front[2:], front[1:2]},
			Verdict{Continue, "place 3 of 11 at step 100: the best 3 continue"}},
		{"the most crowded does not", [][]RungResult{behind, front},
			Verdict{Stop, "place 4 of 11 at step 100: only the best 3 continue"}},
		{"a small front continues completely", [][]RungResult{behind, {resultAt(s, 11, 100, 40, 0.80)}, front},
			Verdict{Continue, "place 4 of 12 at step 100: the best 4 continue"}},
		{"the first behind the front", [][]RungResult{front, behind[1:], behind[:1]},
			Verdict{Stop, "place 5 of 11 at step 100: only the best 3 continue"}},
		{"the best of an objective, whatever the quota", [][]RungResult{front[:2], front[2:3]},
			Verdict{Continue, "place 2 of 3 at step 100: no other trial has a better label_accuracy.head"}},
		{"one objective missing", [][]RungResult{behind, {resultAt(s, 11, 100)}, {resultAt(s, 12, 100, 40)}},
			Verdict{Stop, "place 8 of 9 at step 100: only the best 3 continue"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, last(test.results...)) })
	}
}

func TestMedian(t *testing.T) {
	s := earlyTerminating("fid.tail")
	s.EarlyTerminate.Type = sweep.StopMedian
	others := []RungResult{
		resultAt(s, 0, 300, 10), resultAt(s, 1, 300, 20), resultAt(s, 2, 300, 30), resultAt(s, 3, 300),
	}
	tests := []struct {
		name    string
		results []RungResult
		want    Verdict
	}{
		{"too few", append(others[:2:2], resultAt(s, 9, 300, 99)),
			Verdict{Continue, "result 3 at step 300: no trial is stopped before there are 3 others"}},
		{"at the median", append(others[:3:3], resultAt(s, 9, 300, 20)),
			Verdict{Continue, "fid.tail by step 300 is not worse than the median of 3 others, 20"}},
		{"beyond it", append(others[:3:3], resultAt(s, 9, 300, 20.5)),
			Verdict{Stop, "fid.tail by step 300 is 20.5, worse than the median of 3 others, 20"}},
		{"one of the others diverged", append(others[:4:4], resultAt(s, 9, 300, 25)),
			Verdict{Continue, "fid.tail by step 300 is not worse than the median of 4 others, 25"}},
		{"the best so far counts", append([]RungResult{resultAt(s, 9, 100, 19)}, append(others[:3:3], resultAt(s, 9, 300, 90))...),
			Verdict{Continue, "fid.tail by step 300 is not worse than the median of 3 others, 20"}},
		{"diverged itself", append(others[:3:3], resultAt(s, 9, 300)),
			Verdict{Stop, "fid.tail by step 300 is missing, worse than the median of 3 others, 20"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, Decide(s, searchTrial(9), 300, test.results)) })
	}

	two := earlyTerminating("fid.tail", "fid.head")
	two.EarlyTerminate.Type = sweep.StopMedian
	field := []RungResult{resultAt(two, 0, 100, 1, 9), resultAt(two, 1, 100, 2, 8), resultAt(two, 2, 100, 3, 7), resultAt(two, 3, 100, 9, 9)}
	require.Equal(t, Verdict{Continue, "0 of 4 other trials have a better rank at step 100, not more than half"},
		Decide(two, searchTrial(4), 100, append(field[:4:4], resultAt(two, 4, 100, 2.5, 7.5))), "one of a crowded front")
	require.Equal(t, Verdict{Stop, "3 of 4 other trials have a better rank at step 100, more than half"},
		Decide(two, searchTrial(4), 100, append(field[:4:4], resultAt(two, 4, 100, 4, 8))))
	require.Equal(t, Verdict{Continue, "3 of 3 other trials have a better rank at step 100, but none has a better fid.tail"},
		Decide(two, searchTrial(4), 100, []RungResult{
			resultAt(two, 5, 100, 1, 1), resultAt(two, 6, 100, 1, 2), resultAt(two, 7, 100, 1, 3), resultAt(two, 4, 100, 1, 4),
		}), "ties for the best go to the lower number")
}

func TestTrialsThatAreNeverStopped(t *testing.T) {
	s := earlyTerminating("fid.tail")
	bad := []RungResult{resultAt(s, 0, 100, 1), resultAt(s, 1, 100, 2), resultAt(s, 2, 100, 3), resultAt(s, 3, 100, 4)}
	require.Equal(t, Stop, Decide(s, searchTrial(3), 100, bad).Decision)
	require.Equal(t, Verdict{Continue, "baseline trials are never stopped"}, Decide(s, sweep.Assignment{Number: 3, Kind: sweep.KindBaseline}, 100, bad))
	require.Equal(t, Verdict{Continue, "step 200 is not a rung of this trial"}, Decide(s, searchTrial(3), 200, bad))
	require.Equal(t, Verdict{Continue, "no result at step 300"}, Decide(s, searchTrial(3), 300, bad))
	for i := range bad[:3] {
		bad[i].Kind = sweep.KindBaseline
	}
	require.Equal(t, Continue, Decide(s, searchTrial(3), 100, bad).Decision, "baseline trials do not count")
	s.Repeats = &sweep.Repeats{Seeds: []int64{2}, Share: 0.5}
	require.NotEmpty(t, TrialRungs(s, searchTrial(3)))
	require.NotEmpty(t, TrialRungs(s, sweep.Assignment{Kind: sweep.KindBaseline, Seed: 2}))
	repeat := searchTrial(3)
	repeat.Seed = 2
	require.Empty(t, TrialRungs(s, repeat), "a repeat goes to its end")
	s.EarlyTerminate = nil
	require.Equal(t, Continue, Decide(s, searchTrial(3), 100, bad).Decision)
	require.Empty(t, TrialRungs(s, searchTrial(3)))
}

func TestBrackets(t *testing.T) {
	s := earlyTerminating("fid.tail")
	s.EarlyTerminate.Type, s.EarlyTerminate.Brackets = sweep.StopHyperband, 3
	counts := map[int]int{}
	const trials = 4500
	for number := range trials {
		counts[len(TrialRungs(s, searchTrial(number)))]++
	}
	// Hyperband with R = 27 and eta = 3 gives 27, 12 and 6 trials (Li et al. 2018, table 1).
	require.Len(t, counts, 3)
	require.InDelta(t, trials*27/45, counts[3], 150)
	require.InDelta(t, trials*12/45, counts[2], 120)
	require.InDelta(t, trials*6/45, counts[1], 90)

	var first []int
	for number := range 12 {
		first = append(first, TrialRungs(s, searchTrial(number))[0])
	}
	require.Equal(t, []int{300, 100, 100, 100, 100, 100, 900, 100, 100, 100, 100, 300}, first, "a bracket is a function of seed and number for good: trials in flight depend on it")
	require.Equal(t, []int{100, 300, 900}, TrialRungs(s, sweep.Assignment{Number: 3, Kind: sweep.KindBaseline}))
	s.EarlyTerminate.Brackets = 1
	require.Equal(t, []int{100, 300, 900}, TrialRungs(s, searchTrial(3)))
}

func TestHyperbandComparesWithinABracket(t *testing.T) {
	s := earlyTerminating("fid.tail")
	s.EarlyTerminate.Type, s.EarlyTerminate.Brackets = sweep.StopHyperband, 3
	byBracket := map[int][]int{}
	for number := range 60 {
		b := bracket(s, number, 3)
		byBracket[b] = append(byBracket[b], number)
	}
	var results []RungResult
	for _, number := range byBracket[0][:9] {
		results = append(results, resultAt(s, number, 300, 1))
	}
	for _, number := range byBracket[1][:2] {
		results = append(results, resultAt(s, number, 300, 2))
	}
	own := byBracket[1][2]
	results = append(results, resultAt(s, own, 300, 1.5))
	require.Equal(t, Verdict{Continue, "bracket 2 of 3: place 1 of 3 at step 300: the best 1 continue"}, Decide(s, searchTrial(own), 300, results))
}

// Random results, some of them equal or missing.
func TestVerdictProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 2))
	total := 0
	for round := range 60 {
		s := earlyTerminating([]string{"fid.tail", "label_accuracy.head", "fid.all"}[:1+round%3]...)
		s.Seed = int64(round)
		s.EarlyTerminate.Type, s.EarlyTerminate.Brackets = []string{sweep.StopASHA, sweep.StopHyperband, sweep.StopMedian}[round/3%3], 3
		var results []RungResult
		for number := range 60 {
			for _, step := range TrialRungs(s, searchTrial(number)) {
				r := resultAt(s, number, step)
				for _, o := range s.Metrics {
					if random.IntN(10) > 0 {
						if r.Metrics == nil {
							r.Metrics = map[string]float64{}
						}
						r.Metrics[o.Name] = float64(random.IntN(25))
					}
				}
				results = append(results, r)
			}
		}
		random.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
		all := verdicts(s, results)
		data, err := json.Marshal(results)
		require.NoError(t, err)
		var again []RungResult
		require.NoError(t, json.Unmarshal(data, &again))
		stopped := 0
		for i, r := range results {
			require.Equal(t, all[i], Decide(s, searchTrial(r.Trial), r.Step, again), "later results and a round trip change a verdict")
			if all[i].Decision == Continue {
				continue
			}
			stopped++
			for _, o := range s.Metrics {
				require.False(t, isBestSoFar(s, o, results[:i+1]), "the best %s so far is stopped", o.Name)
			}
		}
		total += stopped
		require.Less(t, stopped, len(results)*4/5)
	}
	require.Greater(t, total, 60*20, "trials that were stopped in all rounds")
}

// isBestSoFar reports whether the last result is strictly the best of its rung in an
// objective.
func isBestSoFar(s *sweep.Spec, o sweep.Objective, results []RungResult) bool {
	own := results[len(results)-1]
	value, ok := own.Metrics[o.Name]
	for _, r := range results[:len(results)-1] {
		other, has := r.Metrics[o.Name]
		if has && r.Step == own.Step && o.Cost(other) <= o.Cost(value) {
			return false
		}
	}
	return ok
}

// Fronts are compared with those that taking away the non-dominated results, front by
// front, gives.
func TestPlacesAgainstTheDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for round := range 50 {
		s := earlyTerminating([]string{"fid.tail", "fid.head", "fid.all"}[:2+round%2]...)
		var peers []RungResult
		var points []standing
		for number := range 40 {
			values := []float64{float64(random.IntN(8)), float64(random.IntN(8)), float64(random.IntN(8))}[:len(s.Metrics)]
			peers = append(peers, resultAt(s, number, 100, values...))
			points = append(points, standing{trial: number, costs: values})
		}
		places := map[int]bool{}
		for i := range peers {
			rotated := append(append([]RungResult{}, peers[i+1:]...), peers[:i+1]...)
			place, ahead := standingOf(s, rotated)
			require.Less(t, ahead, place)
			require.False(t, places[place], "two have place %d", place)
			places[place] = true
			dominating := 0
			for _, other := range points {
				if analysis.Beats(other.costs, points[i].costs) {
					dominating++
				}
			}
			require.Greater(t, place, dominating, "all that dominate it are placed before")
			if dominating == 0 {
				require.LessOrEqual(t, place, frontSize(points))
			}
		}
	}
}

func frontSize(points []standing) int {
	size := 0
	for _, p := range points {
		dominated := false
		for _, other := range points {
			dominated = dominated || analysis.Beats(other.costs, p.costs)
		}
		if !dominated {
			size++
		}
	}
	return size
}

func TestAtRung(t *testing.T) {
	s := earlyTerminating("fid.tail")
	s.Evaluate = sweep.Evaluate{SamplesPerClass: 1000, Guidance: []float64{0, 1, 2}, DDIMSteps: 50, Seed: 3}
	require.Equal(t, s.Evaluate, s.AtRung().Evaluate)
	s.Evaluate.Rung = &sweep.RungEvaluate{SamplesPerClass: 200, Guidance: []float64{1}}
	at := s.AtRung()
	require.Equal(t, 200, at.Evaluate.SamplesPerClass)
	require.Equal(t, []float64{1}, at.Evaluate.Guidance)
	require.Equal(t, 50, at.Evaluate.DDIMSteps)
	require.Equal(t, 1000, s.Evaluate.SamplesPerClass, "the spec itself changed")
}

func TestAtStep(t *testing.T) {
	trial := sweep.Trial{Steps: 300, Losses: sweep.Losses{LossLast: new(0.5)}, TrainTime: 3}
	rung := trial.AtStep(map[string]float64{"fid.tail": 9})
	require.Equal(t, sweep.Rung{Step: 300, Metrics: map[string]float64{"fid.tail": 9, "loss": 0.5, "steps_per_second": 100}}, rung)
	require.Equal(t, map[string]float64{"loss": 0.5}, earlyTerminating("loss", "fid.head").Objectives(rung.Metrics))
	require.Empty(t, trial.Metrics)
	trial.Rungs = []sweep.Rung{{Step: 100}, {Step: 300, Reason: "why"}}
	require.Empty(t, trial.StopReason())
	trial.Status = sweep.StatusStopped
	require.Equal(t, "why", trial.StopReason())
}

// A trial continues although trials that violated a constraint in the end have better values:
// it may be feasible.
func TestVerdictPutsInfeasibleOnesLast(t *testing.T) {
	for _, rule := range []string{sweep.StopASHA, sweep.StopMedian} {
		s := earlyTerminating("fid.tail")
		s.EarlyTerminate.Type, s.EarlyTerminate.MinTrials = rule, 3
		step := s.Rungs()[0]
		var results []RungResult
		for number, tail := range []float64{40, 41, 42, 60} {
			results = append(results, resultAt(s, number, step, tail))
		}
		verdict := func(tail float64) Decision {
			own := resultAt(s, 5, step, tail)
			return Decide(s, sweep.Assignment{Number: own.Trial, Kind: sweep.KindSearch, Seed: s.Train.Seed}, step, append(results[:len(results):len(results)], own)).Decision
		}
		require.Equal(t, Stop, verdict(59), rule)
		for i := range 3 {
			results[i].Infeasible = true
		}
		require.Equal(t, Continue, verdict(59), rule)
		require.Equal(t, Continue, verdict(39), rule)
		if rule == sweep.StopASHA {
			require.Equal(t, Stop, verdict(61), "the other one that may be feasible is better")
			require.Equal(t, Stop, verdict(math.NaN()), "one without a value comes after the infeasible")
		}
	}
}

func TestTriesLeaveRungsOut(t *testing.T) {
	rungs := make([]sweep.Rung, 2)
	for _, c := range []struct {
		trial sweep.Trial
		want  int
	}{
		{sweep.Trial{Status: sweep.StatusCompleted, Attempts: 1}, 1},
		{sweep.Trial{Status: sweep.StatusCompleted, Attempts: 3, Rungs: rungs}, 1},
		{sweep.Trial{Status: sweep.StatusCompleted, Attempts: 5, Rungs: rungs}, 3},
		{sweep.Trial{Status: sweep.StatusStopped, Attempts: 2, Rungs: rungs}, 1},
		{sweep.Trial{Status: sweep.StatusStopped, Attempts: 3, Rungs: rungs}, 2},
		{sweep.Trial{Status: sweep.StatusFailed, Attempts: 4}, 4},
		{sweep.Trial{Status: sweep.StatusCancelled}, 0},
		{sweep.Trial{Status: sweep.StatusCancelled, Attempts: 2, Rungs: rungs}, 1},
	} {
		require.Equal(t, c.want, c.trial.Tries(), "%+v", c.trial)
	}
}
