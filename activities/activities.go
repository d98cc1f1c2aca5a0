package activities

import (
	"time"
)

// Activities holds the ports and limits of the activities. Its exported methods that
// take a context are the activities; they are registered by their own names.
// Every port but Datasets is needed; a worker of one queue only may leave out what the
// activities of the other queue use.
type Activities struct {
	Trainer     Trainer
	Checkpoints Checkpoints
	Records     Records
	Recorder    Recorder
	Executions  Executions
	Datasets    Datasets // nil: every dataset is on this machine

	// StagingRoot is an existing folder for checkpoints that are being stored or
	// fetched. Its contents are not needed after a restart of the worker.
	StagingRoot string

	// StallTimeout is the time without a finished step after which an attempt ends;
	// compiling counts too. 0 means DefaultStallTimeout.
	StallTimeout time.Duration

	// Transfers limits how long checkpoints and grids are stored and fetched. The zero
	// value means DefaultTransfers.
	Transfers Transfers

	// BeatEvery is the interval of heartbeats while nothing else causes one. 0
	// means DefaultBeatEvery; it must stay well under HeartbeatTimeout.
	BeatEvery time.Duration
}

// Transfers bounds what an attempt stores and fetches.
type Transfers struct {
	Timeout  time.Duration // of one try
	Rest     time.Duration // before the second try, doubled before each further one
	MaxRest  time.Duration
	Patience time.Duration // after it a try that fails is the last
}

// DefaultTransfers lets an attempt outlive a restart of the object store, but no
// peer that stops reading: in 10 minutes even 10 MB/s carry 6 GB, many times the
// largest checkpoint.
var DefaultTransfers = Transfers{
	Timeout: 10 * time.Minute, Rest: time.Second, MaxRest: 30 * time.Second, Patience: 30 * time.Minute,
}

// Defaults of Activities, and the heartbeat timeout that workflows set.
const (
	DefaultStallTimeout = 10 * time.Minute
	DefaultBeatEvery    = 5 * time.Second

	// HeartbeatTimeout is the silence after which a worker counts as lost. It
	// allows for a machine whose every core trains.
	HeartbeatTimeout = 30 * time.Second
)

func (a *Activities) transfers() Transfers {
	if a.Transfers == (Transfers{}) {
		return DefaultTransfers
	}
	return a.Transfers
}

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
