package workflows

import "go.temporal.io/sdk/workflow"

// The versions of the workflows' logic. A change that makes other commands for
// the same history gets a constant here, a branch on it, and a recorded history
// under testdata/ of the version before.
const (
	// LogicFirst asks, starts, hears and keeps the ledger; a trial trains,
	// evaluates, publishes and reports.
	LogicFirst workflow.Version = 1

	// LogicRungs judges trials at the rungs of early_terminate: a trial reports what
	// it showed there and waits for the sweep's verdict.
	LogicRungs workflow.Version = 2

	logicNow = LogicRungs
)

// logicVersion is the version that this execution began with.
func logicVersion(ctx workflow.Context) workflow.Version {
	return workflow.GetVersion(ctx, "logic", LogicFirst, logicNow)
}
