package activities

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Activities holds the ports and limits of the activities. Its exported methods that
// take a context are the activities; they are registered by their own names.
// Every port except Datasets is needed. A worker that serves one queue only may leave
// out the ports that only the other queue's activities use.
type Activities struct {
	Trainer    Trainer
	Archive    Archive
	Recorder   Recorder
	Executions Executions
	Datasets   Datasets // nil: every dataset is on this machine

	Build string // of this worker: its version and commit

	// StagingRoot is an existing folder for checkpoints before their upload and after
	// their download. Its contents can be deleted when the worker is stopped.
	StagingRoot string

	// Restage makes StagingRoot again if somebody has removed it; nil: nobody does.
	Restage func() error

	// StallTimeout ends an attempt in which no step finishes for this time, compilation
	// included. 0 means DefaultStallTimeout.
	StallTimeout time.Duration

	// Transfers sets timeouts and retries of uploads and downloads. The zero value means
	// DefaultTransfers.
	Transfers Transfers

	// BeatEvery is the longest interval between heartbeats. 0 means DefaultBeatEvery; it
	// must stay well under HeartbeatTimeout.
	BeatEvery time.Duration

	// RefusalRest is how long a slot rests after this worker has refused a job, so that
	// another worker takes the next one. 0 means DefaultRefusalRest.
	RefusalRest time.Duration
}

// Transfers has the limits of an attempt's upload or download.
type Transfers struct {
	Timeout  time.Duration // of one try
	Rest     time.Duration // before the second try, doubled before each further one
	MaxRest  time.Duration
	Patience time.Duration // a try that fails after this time is not repeated
}

// DefaultTransfers tolerates a restart of the object store, but not a connection that
// stalls: in 10 minutes even 10 MB/s carry 6 GB, many times the largest checkpoint.
var DefaultTransfers = Transfers{
	Timeout: 10 * time.Minute, Rest: time.Second, MaxRest: 30 * time.Second, Patience: 30 * time.Minute,
}

// Defaults of Activities, and the heartbeat timeout that workflows set.
const (
	DefaultStallTimeout = 10 * time.Minute
	DefaultBeatEvery    = 5 * time.Second
	DefaultRefusalRest  = 20 * time.Second

	// HeartbeatTimeout is the time without a heartbeat after which a worker counts as
	// lost. It is long enough for a machine on which every core trains.
	HeartbeatTimeout = conduct.HeartbeatTimeout
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

func (a *Activities) refusalRest() time.Duration {
	if a.RefusalRest > 0 {
		return a.RefusalRest
	}
	return DefaultRefusalRest
}

func (a *Activities) beatEvery() time.Duration {
	if a.BeatEvery > 0 {
		return a.BeatEvery
	}
	return DefaultBeatEvery
}
