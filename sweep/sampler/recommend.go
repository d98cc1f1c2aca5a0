package sampler

import "github.com/tailsweep/tailsweep/sweep"

// Recommender is a Sampler that can say which finished trial is best where results
// are noisy: the lowest of many noisy values is mostly luck.
type Recommender interface {
	Sampler
	// Recommend returns the finished trial to take by the spec's first metric and
	// its constraints; ok is false when the results are too few to say. Number and
	// Index of the request do not matter.
	Recommend(Request) (best sweep.Trial, ok bool)
}
