package progress

import (
	"context"
	"time"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Recovered returns the progress of a sweep that was terminated with what the store has of
// it, as a command would continue it: its workflow has left no result. Where the store does
// not give that, the message says why. Other progress is returned as it is.
func Recovered(ctx context.Context, open func(context.Context) (*archive.Archive, error), p conduct.Progress) conduct.Progress {
	if p.Phase != conduct.PhaseTerminated || p.Digest != "" {
		return p
	}
	restored, err := restore(ctx, open, p.Name)
	if err != nil {
		p.Message += "; its results are unknown: " + text.FirstLine(err.Error())
		return p
	}
	stored := conduct.New(restored.Spec, restored.State, conduct.LogicNow, time.Now()).Progress(restored.Digest)
	stored.Owner = restored.Owner
	if p.StartedAt.Before(stored.StartedAt) {
		stored.StartedAt = p.StartedAt
	}
	if stored.Phase == conduct.PhaseTerminated {
		stored.EndedAt, stored.Message = p.EndedAt, p.Message
	}
	return stored
}

func restore(ctx context.Context, open func(context.Context) (*archive.Archive, error), name string) (archive.Restored, error) {
	arc, err := open(ctx)
	if err != nil {
		return archive.Restored{}, err
	}
	owner, err := arc.Owner(ctx, name)
	if err != nil {
		return archive.Restored{}, err
	}
	return arc.Restore(ctx, name, owner)
}
