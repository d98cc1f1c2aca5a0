package conduct

import (
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// fitted is the list of requests in the space of an edited spec: a request gets the parameters
// that it lacks, with the values that its training has without them, and loses those that the
// space no longer has, if their values are those. A retry stays, as does a request with which
// the space has no equal configuration.
func (m *Machine) fitted(edited *sweep.Spec) []sweep.Assignment {
	queue := slices.Clone(m.Queue)
	fitter := space.NewFitter(edited)
	for i, a := range queue {
		if a.Reason.Sampler == sweep.SourceRetry {
			continue
		}
		// Fit ranges over a map, and its result does not depend on the order.
		//workflowcheck:ignore
		if params, ok, _ := fitter.Fit(a); ok {
			queue[i].Params = params
		}
	}
	return queue
}
