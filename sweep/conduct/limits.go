package conduct

import "time"

// The state machine's limits and intervals.
const (
	streakLimit   = 3         // trials in a row that fail in the same way and so make the sweep fail
	suggestLimit  = 16        // trials suggested at a time, so that the first can start before the rest are suggested
	segmentLimit  = 200       // trials in one ledger segment: bounds an activity's payload and a conditional object
	lookLimit     = 100       // trials that a Look checks
	carryLimit    = 100       // results not yet in the ledger that State carries into a new run
	carryBytes    = 250 << 10 // of a State: Temporal warns at payloads of 256 KiB
	leadersLimit  = 64 << 10  // of Leaders and Gated with the FID of each class
	rungLimit     = 500       // results of one rung that State remembers, the latest: enough to place the best 1/eta
	removalsLimit = 50        // checkpoints to remove at which Curate does not wait for more
	removalsBatch = 1000      // checkpoints that a Curate removes
	removalsText  = 500       // bytes of the keys of checkpoints that the last message names
	unsavedLimit  = 100       // commands that are not stored yet: further ones are refused
	unsavedBytes  = 192 << 10 // the same, of their entries, which may have a spec
	queueLimit    = 1000      // requested trials that wait to be started
	queueBytes    = 128 << 10 // the same: every stored State and every answer to a command has them
	pinLimit      = 1000      // trials with pinned checkpoints
	answerLimit   = 32        // running trials, and requested ones, of which the answer to a command has the parameters

	lookEvery       = 5 * time.Minute  // between two Looks at all running trials
	lookEveryCancel = 30 * time.Second // the same, while trials are being cancelled
	curateEvery     = 5 * time.Second  // between two removals of checkpoints

	// CommandLogLimit is how many commands State remembers; the store has all.
	CommandLogLimit = 50

	// ReasonLimit is the maximum of a command's reason, in bytes.
	ReasonLimit = 1 << 10

	// NameLimit is the maximum of a command's author and of its ID, in bytes.
	NameLimit = 256

	// giveUpAfter is how long a cancelled sweep waits for an action that keeps
	// failing before it ends without it.
	giveUpAfter = 10 * time.Minute
)
