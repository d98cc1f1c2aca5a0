package conduct

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// resetBy is the author of an EntrySkip that no command has caused.
const resetBy = "tailsweep"

// fitQueue fits the list of requests to the space of a spec: a request gets the parameters
// that it lacks, with the values that its training has without them, and loses those that the
// space no longer has, if their values are those. A retry stays. Other requests that are not
// configurations of the space then are dropped; a text of each says why.
func (st *State) fitQueue(spec *sweep.Spec) (dropped []string) {
	fitter := space.NewFitter(spec)
	var queue []sweep.Assignment
	for _, a := range st.Queue {
		if a.Reason.Sampler != sweep.SourceRetry {
			// Fit ranges over a map, and its result does not depend on the order.
			//workflowcheck:ignore
			if params, ok, _ := fitter.Fit(a); ok {
				a.Params = params
			}
			if err := space.CheckPoint(spec, a.Params); err != nil {
				dropped = append(dropped, fmt.Sprintf("%s (%v)", strings.Join(a.Params.List(), " "), err))
				continue
			}
		}
		queue = append(queue, a)
	}
	st.Queue = queue
	return dropped
}

// addSkipped adds an entry to the command log about the requests that this step has dropped.
func (m *Machine) addSkipped(by string) {
	n := len(m.skipped)
	if n == 0 {
		return
	}
	list := slices.Clone(m.skipped[:min(n, faultLimit)])
	if n > faultLimit {
		list = append(list, fmt.Sprintf("and %d more", n-faultLimit))
	}
	m.skipped = nil
	m.addEntry(CommandEntry{Command: EntrySkip, By: by, Change: text.Clip(
		fmt.Sprintf("requested configurations that are not of the edited search space: %s", strings.Join(list, "; ")), changeLimit)})
}
