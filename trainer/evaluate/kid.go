package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// The subsets that kid is the mean over.
const (
	kidSubsets = 100
	kidMost    = 1000 // images of each side in a subset
	kidSeed    = 1
)

// kid is the kernel distance and its standard deviation over subsets.
func kid(m *measurement, p subset) error {
	if min(len(p.real.labels), len(p.samples.labels)) < 2 {
		return nil
	}
	subsets := distance.Subsets(len(p.real.labels), len(p.samples.labels), kidSubsets, kidMost, kidSeed)
	mean, deviation, err := distance.Kernel(p.real.features, p.samples.features, p.samples.dims, subsets)
	if err != nil {
		return err
	}
	name := sweep.FamilyKID + "." + p.group
	m.metrics[name], m.spread[name] = mean, deviation
	return nil
}
