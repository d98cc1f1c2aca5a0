package evaluate

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// labelAccuracy is the share of samples that the classifier takes for the class that
// they were asked to be. It is left out where there is no classifier.
func labelAccuracy(m *measurement, p subset) error {
	if p.samples.predictions != nil {
		m.ratio(sweep.FamilyLabelAccuracy+"."+p.group, p.samples.labels, p.classes, func(i int) bool {
			return p.samples.predictions[i] == p.samples.labels[i]
		})
	}
	return nil
}

// diversity is the mean feature distance of two samples of a class, averaged over the
// classes that have two.
func diversity(m *measurement, p subset) error {
	var sum, variance float64
	n := 0
	for _, class := range p.classes {
		if own := p.samples.of([]int{class}); len(own.labels) > 1 {
			mean, deviation := distance.Spread(own.features, own.dims)
			sum += mean
			variance += deviation * deviation
			n++
		}
	}
	if n > 0 {
		m.set(sweep.FamilyDiversity+"."+p.group, sum/float64(n), math.Sqrt(variance)/float64(n))
	}
	return nil
}
