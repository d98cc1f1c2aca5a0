package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// The numbers of neighbours.
const (
	neighboursPR = 3                // of precision and recall
	neighboursDC = sweep.Neighbours // of density and coverage
)

// neighbourFamilies are the metrics by nearest neighbours, in the order of
// distance.Manifold's values.
var neighbourFamilies = []string{sweep.FamilyPrecision, sweep.FamilyRecall, sweep.FamilyDensity, sweep.FamilyCoverage}

// neighbours are the metrics by nearest neighbours. They take as many real images a
// class as samples, since recall and coverage depend on both numbers.
func neighbours(m *measurement, p subset) error {
	n := min(p.real.perClass(), p.samples.perClass())
	real, samples := p.real.first(n), p.samples.first(n)
	if min(len(real.labels), len(samples.labels)) <= max(neighboursPR, neighboursDC) {
		return nil
	}
	manifold, err := distance.Manifolds(real.features, samples.features, samples.dims, neighboursPR, neighboursDC)
	if err != nil {
		return err
	}
	for i, value := range []float64{manifold.Precision, manifold.Recall, manifold.Density, manifold.Coverage} {
		m.metrics[neighbourFamilies[i]+"."+p.group] = value
	}
	return nil
}
