package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// logicVersion is the version of conduct's logic that this run of a sweep began with. A
// change that produces different Temporal commands from the same history gets a constant
// there, a branch on it, and recorded histories under testdata/ (see TestRecord).
func logicVersion(ctx workflow.Context) conduct.Logic {
	return conduct.Logic(workflow.GetVersion(ctx, "logic", workflow.Version(conduct.LogicFirst), workflow.Version(conduct.LogicNow)))
}
