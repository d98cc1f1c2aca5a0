package activities

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep/lifecycle"
)

// Activities has the ports and limits of the activities. Its exported methods that
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

	// HeartbeatEvery is the longest interval between heartbeats. It must stay well under
	// HeartbeatTimeout. 0 means DefaultHeartbeatEvery.
	HeartbeatEvery time.Duration

	priors priors
}

// Transfers has the limits of an attempt's upload or download.
type Transfers struct {
	Timeout   time.Duration // of one try, and what Rate adds to it
	Rate      int64         // bytes a second: a try of a known size has the time that it takes at this rate more; 0: no more
	FirstWait time.Duration // before the second try, doubled before each further one
	MaxWait   time.Duration
	RetryFor  time.Duration // a try that fails after this time is not repeated
	ShowAfter time.Duration // a try that fails this long after the first one that did, or after the store fell silent, is reported to the sweep
}

// timeout is the time limit of a try that moves this many bytes.
func (t Transfers) timeout(bytes int64) time.Duration {
	if t.Rate <= 0 {
		return t.Timeout
	}
	return t.Timeout + time.Duration(float64(bytes)/float64(t.Rate)*float64(time.Second))
}

// DefaultTransfers tolerates a restart of the object store, but not a connection that
// stalls: 10 minutes are enough for every small request, and a checkpoint of 10 GB, at 10 MB/s,
// gets 27.
var DefaultTransfers = Transfers{
	Timeout: 10 * time.Minute, Rate: 10 << 20, FirstWait: time.Second, MaxWait: 30 * time.Second, RetryFor: 30 * time.Minute,
	ShowAfter: 15 * time.Second,
}

// Defaults of Activities, and the heartbeat timeout that workflows set.
const (
	DefaultStallTimeout   = 10 * time.Minute
	DefaultHeartbeatEvery = 5 * time.Second

	// HeartbeatTimeout is the time without a heartbeat after which a worker counts as
	// lost. It is long enough for a machine on which every core trains.
	HeartbeatTimeout = lifecycle.HeartbeatTimeout
	// ControlHeartbeatTimeout is the same for the short activities of the control queue, for
	// which the sweep waits: trials keep their slots meanwhile.
	ControlHeartbeatTimeout = 15 * time.Second
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

func (a *Activities) heartbeatEvery() time.Duration {
	if a.HeartbeatEvery > 0 {
		return a.HeartbeatEvery
	}
	return DefaultHeartbeatEvery
}
