package evaluate

import (
	"errors"
	"math"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// groupFID is the FID of a group.
func groupFID(m *measurement, p subset) error {
	return fid(m, sweep.FamilyFID+"."+p.group, p)
}

// fid is the FID between the samples and the real images of p, in both of which every class
// has the same weight. It is left out where either side has too few images.
func fid(m *measurement, name string, p subset) error {
	x, y := p.real.set(), p.samples.set()
	real, err := distance.NewMoments(x)
	var samples distance.Moments
	if err == nil {
		samples, err = distance.NewMoments(y)
	}
	if errors.Is(err, distance.ErrTooFew) {
		return nil
	}
	if err != nil {
		return err
	}
	value, err := distance.Frechet(real, samples)
	if err != nil {
		return err
	}
	deviation := math.NaN()
	if m.errors != nil {
		deviation, err = distance.FrechetError(x, y, real, samples)
	}
	m.set(name, value, deviation)
	return err
}
