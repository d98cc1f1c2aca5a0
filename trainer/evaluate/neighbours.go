package evaluate

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// The numbers of neighbours.
const (
	neighboursPR = 3                // of precision and recall
	neighboursDC = sweep.Neighbours // of density and coverage
)

// neighbourFamilies are the metrics by nearest neighbours.
var neighbourFamilies = []string{sweep.FamilyPrecision, sweep.FamilyRecall, sweep.FamilyDensity, sweep.FamilyCoverage}

// byFamily are the values of a manifold, in the order of neighbourFamilies.
func byFamily(m distance.Manifold) [4]float64 {
	return [4]float64{m.Precision, m.Recall, m.Density, m.Coverage}
}

// neighbours are the metrics by nearest neighbours: of each class among its own images, then
// the mean over the classes.
func neighbours(m *measurement, p subset) error {
	var sums, variances [4]float64
	for _, class := range p.classes {
		own, err := m.manifold(class)
		if err != nil {
			return err
		}
		deviations := byFamily(own.errors)
		for i, value := range byFamily(own.values) {
			sums[i] += value
			variances[i] += deviations[i] * deviations[i]
		}
	}
	n := float64(len(p.classes))
	for i, family := range neighbourFamilies {
		m.set(family+"."+p.group, sums[i]/n, math.Sqrt(variances[i])/n)
	}
	return nil
}

// manifold is what the metrics by nearest neighbours are of one class, and their standard
// errors.
type manifold struct{ values, errors distance.Manifold }

// manifold measures a class once for all groups. It takes equally many real images and
// samples, since recall and coverage depend on both numbers.
func (m *measurement) manifold(class int) (manifold, error) {
	if found, ok := m.manifolds[class]; ok {
		return found, nil
	}
	only := []int{class}
	real, samples := m.real.of(only), m.samples.of(only)
	n := min(len(real.labels), len(samples.labels))
	x, y := real.evenly(n).features, samples.evenly(n).features
	var found manifold
	var err error
	if found.values, err = distance.Manifolds(x, y, real.dims, neighboursPR, neighboursDC); err != nil {
		return found, err
	}
	if m.errors != nil {
		if found.errors, err = distance.ManifoldErrors(x, y, real.dims, neighboursPR, neighboursDC); err != nil {
			return found, err
		}
	}
	m.manifolds[class] = found
	return found, nil
}
