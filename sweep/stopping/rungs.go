package stopping

import (
	"github.com/tailsweep/tailsweep/sweep"
)

// TrialRungs returns the steps at which a trial is judged: the rungs of its bracket. A
// baseline trial is evaluated at every rung, so that results of others at a rung have
// something to be compared with. A repeat, which has another seed than the first trial
// of its configuration, has no rungs: its result at the end is what is needed.
func TrialRungs(s *sweep.Spec, a sweep.Assignment) []int {
	if s.EarlyTerminate == nil {
		return nil
	}
	if a.Kind == sweep.KindSearch && s.Repeats != nil && a.Seed != s.Train.Seed {
		return nil
	}
	rungs := s.Rungs()
	if a.Kind == sweep.KindBaseline {
		return rungs
	}
	return rungs[bracket(s, a.Number, len(rungs)):]
}

// brackets returns how many first rungs trials are spread over, at least 1.
func brackets(e sweep.EarlyTerminate, rungs int) int {
	if e.Type != sweep.StopHyperband {
		return 1
	}
	return max(min(e.Brackets, rungs), 1)
}

// bracket returns how many rungs a search trial skips, drawn from the spec's seed and
// the trial's number. Hyperband (Li et al. 2018, algorithm 1) gives the bracket that
// halves at most s times
//
//	n_s = (s_max + 1) / (s + 1) * eta^s
//
// trials, rounded up, so that each bracket has the same budget. Here a trial is put into
// it with probability n_s / sum n, since the number of trials is not known in advance.
// There is no bracket of s = 0, whose trials would never be judged.
func bracket(s *sweep.Spec, number, rungs int) int {
	e := s.EarlyTerminate
	count := brackets(*e, rungs)
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

// unit hashes a seed and a number to [0, 1) with the output function of SplitMix64
// (Steele et al. 2014), applied once for each.
func unit(seed int64, number int) float64 {
	mix := func(z uint64) uint64 {
		z += 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	return float64(mix(mix(uint64(seed))^uint64(number))>>11) / (1 << 53)
}
