package activities

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// owned are the activities with the archive as one sweep works with it.
type owned struct {
	*Activities
	Checkpoints Checkpoints
	Records     Records
}

// open opens the archive for a sweep.
func (a *Activities) open(ctx context.Context, owner sweep.Identity, digest string) (*owned, error) {
	c, r, err := a.Archive.For(ctx, owner, digest)
	if err != nil {
		return nil, err
	}
	return &owned{a, c, r}, nil
}

// BuildError means that this worker does not know all of a spec.
type BuildError struct {
	Sweep        string
	Digest, Want string // of the spec, as this worker computes it and as the sweep knows it
	Build, Asker string // of this worker, and of the tailsweep that started the sweep
}

// Error implements error.
func (e *BuildError) Error() string {
	return fmt.Sprintf("tailsweep %s of this worker does not know all fields of the spec of sweep %s, which tailsweep %s started: "+
		"the worker's digest of the spec is %.12s, not %.12s; replace this worker by one of that build", e.Build, e.Sweep, cmp.Or(e.Asker, "of another build"), e.Digest, e.Want)
}

// BlockReason returns the reason as workflows read it.
func (e *BuildError) BlockReason() block.Reason { return block.WrongBuild }

// accept opens the archive for an attempt, or refuses the attempt: because the worker does
// not know all of the spec, its store is not the sweep's or refuses it, or the sweep's name
// belongs to another sweep. The trial asks again, and any worker may take the job.
func (a *Activities) accept(at *attempt, t sweep.Task) (*owned, error) {
	if err := a.abandoned(at); err != nil {
		return nil, err
	}
	var own *owned
	err := at.transfer(func(ctx context.Context) (err error) {
		own, err = a.check(ctx, t)
		return err
	})
	if err != nil {
		at.refused()
		return nil, err
	}
	return own, nil
}

// abandoned returns an error if Temporal has given the attempt up before it began: the worker
// was stopped while the job was on its way to it. A checkpoint that the attempt would store
// before it is cancelled could remain until `gc`. Temporal is asked only if the job is old.
func (a *Activities) abandoned(at *attempt) error {
	info := activity.GetInfo(at.parent)
	age := time.Since(info.StartedTime)
	if age < at.every {
		return nil
	}
	awaited, err := a.Executions.Awaits(at.ctx, info.TaskToken, at.detail())
	if err != nil || awaited {
		return nil //nolint:nilerr // without an answer the heartbeats decide
	}
	return &sweep.FailureError{Failure: sweep.Failure{
		Class: sweep.FailLost, Message: fmt.Sprintf("the job began %v ago: another attempt has taken over", age.Round(time.Second)),
	}}
}

// refused notes that the attempt did nothing: its time is not the trial's.
func (at *attempt) refused() {
	at.mu.Lock()
	defer at.mu.Unlock()
	at.last.Stage = ""
}

func (a *Activities) check(ctx context.Context, t sweep.Task) (*owned, error) {
	if digest := t.Spec.Digest(); t.Digest != "" && digest != t.Digest {
		return nil, &BuildError{Sweep: t.Spec.Name, Digest: digest, Want: t.Digest, Build: a.Build, Asker: t.Owner.Build}
	}
	own, err := a.open(ctx, t.Owner, t.Digest)
	if err != nil {
		return nil, err
	}
	return own, a.Archive.Owns(ctx, t.Spec.Name, t.Owner)
}
