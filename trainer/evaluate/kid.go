package evaluate

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// kidMost is the number of images of each side that the KID of a group looks at: its time
// grows with the square. A class has an equal share of them.
const kidMost = 10_000

// kid is the kernel distance, in which every class has the same weight.
func kid(m *measurement, p subset) error {
	most := max(2, kidMost/len(p.classes))
	value, deviation, err := distance.Kernel(p.real.evenly(most).set(), p.samples.evenly(most).set())
	m.set(sweep.FamilyKID+"."+p.group, value, deviation)
	return err
}
