package cost

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// TrialCount is how many trials the sweep will have, baseline included; 0 when only
// hours or the wall clock end it.
func TrialCount(s *sweep.Spec) int {
	search := s.Budget.RunCap
	if s.Method == sweep.MethodGrid {
		if points := len(space.Grid(s)); search == 0 || points < search {
			search = points
		}
	}
	if search == 0 {
		return 0
	}
	if s.Baseline == nil {
		return search
	}
	return search + len(s.Baseline.Seeds)
}
