package stopping

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// TrialRungs returns the steps at which a trial is evaluated before its end: the rungs of
// its bracket. A baseline trial is evaluated at every rung, so that people can compare
// the results of others there with it. A repeat, whose seed is not train.seed, has no
// rungs: only its result at the end is needed.
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

// brackets returns how many first rungs trials are spread over.
func brackets(e sweep.EarlyTerminate) int {
	if e.Type != sweep.StopHyperband {
		return 1
	}
	return e.Brackets
}

// bracket returns how many rungs a search trial skips, which is also the number of its
// bracket, drawn from the spec's seed and the trial's number. Hyperband (Li et al. 2018,
// algorithm 1) gives the bracket with s rungs
//
//	n_s = (s_max + 1) / (s + 1) * eta^s
//
// trials, rounded up, so that all brackets cost the same. Here a trial is put into it
// with probability n_s / sum n, since the number of trials is not known in advance.
// There is no bracket without rungs.
func bracket(s *sweep.Spec, number, rungs int) int {
	e := s.EarlyTerminate
	count := brackets(*e)
	if count == 1 {
		return 0
	}
	weights, sum := make([]float64, count), 0.0
	for b := range weights {
		left := rungs - b
		weights[b] = float64(rungs+1) / float64(left+1)
		for range left {
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
	return float64(stream.Mix(stream.Mix(uint64(seed))^uint64(number))>>11) / (1 << 53)
}
