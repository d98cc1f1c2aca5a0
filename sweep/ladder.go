package sweep

import "slices"

// Ladder returns the rungs of one trial: those of its bracket. Baseline trials are
// judged at every rung, so that what is seen there has something to be compared
// with. A repeat, which has another seed than the first trial of its point, is judged
// at none: it is there for a result that is compared with finished ones.
func (s *Spec) Ladder(a Assignment) []int {
	if s.EarlyTerminate == nil {
		return nil
	}
	if a.Kind == KindSearch && s.Repeats != nil && a.Seed != s.Train.Seed {
		return nil
	}
	rungs := s.EarlyTerminate.Rungs()
	if a.Kind == KindBaseline {
		return rungs
	}
	return rungs[s.bracket(a.Number, len(rungs)):]
}

// brackets is how many first rungs trials are spread over, at least 1.
func (e EarlyTerminate) brackets(rungs int) int {
	switch {
	case e.Type != StopHyperband:
		return 1
	case e.Brackets == 0:
		return max(rungs, 1)
	}
	return max(min(e.Brackets, rungs), 1)
}

// bracket is the number of rungs that a search trial skips, drawn from the spec's
// seed and the trial's number. Hyperband (Li et al. 2018, algorithm 1) gives the
// bracket that halves s times at most
//
//	n_s = (s_max + 1) / (s + 1) * eta^s
//
// trials, rounded up, so that each bracket gets the same budget; here a trial falls
// into it with the chance n_s / sum n, since how many trials there will be is not
// known. There is no bracket of s = 0, whose trials are never judged.
func (s *Spec) bracket(number, rungs int) int {
	e := s.EarlyTerminate
	count := e.brackets(rungs)
	if count == 1 {
		return 0
	}
	weights, sum := make([]float64, count), 0.0
	for b := range weights {
		halvings := rungs - b
		weights[b] = float64(rungs+1) / float64(halvings+1)
		for range halvings {
			weights[b] *= float64(e.Eta)
		}
		sum += weights[b]
	}
	left := unit(s.Seed, number) * sum
	for b, w := range weights {
		if left -= w; left < 0 {
			return b
		}
	}
	return count - 1
}

// unit hashes a seed and a number to [0, 1): the output function of SplitMix64
// (Steele et al. 2014), once for each.
func unit(seed int64, number int) float64 {
	mix := func(z uint64) uint64 {
		z += 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	return float64(mix(mix(uint64(seed))^uint64(number))>>11) / (1 << 53)
}

// AtRung returns the spec as a rung's evaluation sees it: with evaluate.rung in
// the place of evaluate's own fields, where it is given.
func (s *Spec) AtRung() Spec {
	at := *s
	at.Evaluate.CAS = false // a training, which only a metric of the spec needs at a rung
	if r := s.Evaluate.Rung; r != nil {
		at.Evaluate.SamplesPerClass = r.SamplesPerClass
		if len(r.Guidance) > 0 {
			at.Evaluate.Guidance = slices.Clone(r.Guidance)
		}
	}
	return at
}

// AtStep is a rung of a trial that was judged there: metrics are what the
// evaluation found, t is the trial as it then stands, for the metrics that come
// from its training.
func (t Trial) AtStep(metrics map[string]float64) Rung {
	t.Status, t.Metrics = StatusCompleted, metrics
	r := Rung{Step: t.Steps, Metrics: make(map[string]float64, len(metrics)+2)}
	for _, name := range append(MetricNames(metrics), MetricLoss, MetricStepsPerSecond) {
		if value, ok := t.Metric(name); ok {
			r.Metrics[name] = value
		}
	}
	return r
}

// Objectives are the values, among metrics, of the spec's metrics and of what its
// constraints speak of.
func (s *Spec) Objectives(metrics map[string]float64) map[string]float64 {
	values := make(map[string]float64, len(s.Metrics))
	for _, o := range s.Metrics {
		if value, ok := metrics[o.Name]; ok {
			values[o.Name] = value
		}
	}
	for _, c := range s.Constraints {
		for _, name := range []string{c.Metric, c.Baseline} {
			if value, ok := metrics[name]; ok {
				values[name] = value
			}
		}
	}
	return values
}

// StopReason says why a stopped trial was stopped, "" for any other.
func (t Trial) StopReason() string {
	if t.Status != StatusStopped || len(t.Rungs) == 0 {
		return ""
	}
	return t.Rungs[len(t.Rungs)-1].Reason
}

// Tries is how often a trial's training began anew, from a checkpoint or not: 1 when
// nothing went wrong. Attempts, which name the folders of logs, count each rung that
// it went on from as well. Of one that was cancelled at a rung it may be 1 too few.
func (t Trial) Tries() int {
	stages := len(t.Rungs) + 1
	if t.Status == StatusStopped {
		stages = len(t.Rungs) // it did not go on from the last
	}
	return max(0, t.Attempts-stages) + min(t.Attempts, 1)
}
