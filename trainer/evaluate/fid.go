package evaluate

import (
	"errors"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/distance"
)

// groupFID is the FID of a group.
func groupFID(m *measurement, p subset) error {
	return fid(m, sweep.FamilyFID+"."+p.group, p)
}

// fid is the FID between the samples and the real images of p. It is left out where
// either side has too few images.
func fid(m *measurement, name string, p subset) error {
	real, err := distance.NewMoments(p.real.features, p.real.dims)
	if err == nil {
		var samples distance.Moments
		if samples, err = distance.NewMoments(p.samples.features, p.samples.dims); err == nil {
			m.metrics[name], err = distance.Frechet(real, samples)
		}
	}
	if errors.Is(err, distance.ErrTooFew) {
		return nil
	}
	return err
}
