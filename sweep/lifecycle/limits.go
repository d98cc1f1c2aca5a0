package lifecycle

import "time"

// The limits and intervals of a trial. The waits between attempts are in sweep.Policies.
const (
	// MaxAttempts is the number of attempts to train and to evaluate, preempted ones
	// included, after which a failure is final, so that the history of a trial stays bounded.
	MaxAttempts = 100

	// MaxBlocked is the limit of blocked attempts and failed tries to publish. Each adds 16
	// events to the history of a trial and the server allows 51,200; the limit is reached
	// after more than 8 days.
	MaxBlocked = 2500

	// HeartbeatTimeout is how long a worker is silent until its attempt counts as lost.
	HeartbeatTimeout = 30 * time.Second

	// PublishGrace is the time after which a cancelled trial ends without being published.
	PublishGrace = 3 * time.Minute

	// AskAgain is the time without a verdict after which a trial reports its rung again,
	// since the sweep may have been reset to a time before it received the report. It
	// doubles each time, up to AskAgainMax.
	AskAgain    = 10 * time.Second
	AskAgainMax = 10 * time.Minute
)
