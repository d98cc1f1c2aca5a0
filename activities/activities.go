package activities

import (
	"time"
)

// Activities holds what the activities work with. Its exported methods that
// take a context are the activities; they are registered by their own names.
// Every port is needed; a worker of one queue only may leave out what the
// activities of the other queue use.
type Activities struct {
	Trainer     Trainer
	Checkpoints Checkpoints
	Records     Records
	Recorder    Recorder
	Executions  Executions

	// StagingRoot is an existing folder for checkpoints on their way. Nothing in
	// it is needed after a restart of the worker.
	StagingRoot string

	// StallTimeout is how long no step may finish before an attempt is given up;
	// compiling counts, too. 0 means DefaultStallTimeout.
	StallTimeout time.Duration

	// BeatEvery is the interval of heartbeats while nothing else causes one. 0
	// means DefaultBeatEvery; it must stay well under HeartbeatTimeout.
	BeatEvery time.Duration
}

// Defaults of Activities, and the heartbeat timeout that workflows set.
const (
	DefaultStallTimeout = 10 * time.Minute
	DefaultBeatEvery    = 5 * time.Second

	// HeartbeatTimeout is the silence after which a worker counts as lost. It
	// allows for a machine whose every core trains.
	HeartbeatTimeout = 30 * time.Second
)

func (a *Activities) stallTimeout() time.Duration {
	if a.StallTimeout > 0 {
		return a.StallTimeout
	}
	return DefaultStallTimeout
}

func (a *Activities) beatEvery() time.Duration {
	if a.BeatEvery > 0 {
		return a.BeatEvery
	}
	return DefaultBeatEvery
}
