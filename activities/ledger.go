package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Publish records a finished trial, keeps its loss curve, removes all checkpoints except
// the one that the trial names, and reports the result to the sweep. A trial that failed,
// was cancelled or ran out of time keeps its last checkpoint. The curve is that of the
// trial's checkpoint; a trial that names none, such as a diverged one, keeps the curve of
// its last checkpoint. A second run for the same trial, by the worker that takes over a
// workflow task, takes the first result, which the ledger may have already.
func (a *Activities) Publish(ctx context.Context, in PublishInput) (PublishResult, error) {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return PublishResult{}, translateError(ctx, err)
	}
	published, err := own.publish(ctx, in)
	if err != nil {
		return PublishResult{}, translateError(ctx, err)
	}
	result := TrialResult{published}
	return PublishResult{result, a.report(ctx, in.Report, result)}, nil
}

// report signals a result to its sweep, so that the trial's workflow needs no task for it.
// A sweep that has ended does not receive the result, which is in the archive.
func (a *Activities) report(ctx context.Context, to Receiver, result TrialResult) (reported bool) {
	err := a.Executions.Signal(ctx, to, result)
	switch {
	case errors.Is(err, ErrNoExecution):
		activity.GetLogger(ctx).Warn("the sweep of a finished trial has ended", "trial", result.Trial.Number, "sweep", to.Workflow)
	case err != nil:
		activity.GetLogger(ctx).Warn("cannot signal the result of a trial; its workflow does", "trial", result.Trial.Number, "error", err)
		return false
	}
	return true
}

func (a *owned) publish(ctx context.Context, in PublishInput) (sweep.Trial, error) {
	t := in.Trial
	stored, published, err := a.Records.Result(ctx, in.Sweep, t.Number)
	if BlockReason(err) != "" { // also a damaged one, which the ledger may have: doctor repairs it
		return t, fmt.Errorf("look for the result of trial %d: %w", t.Number, err)
	}
	absent := err == nil && !published
	published = err == nil && published && stored.StartedAt.Equal(t.StartedAt)
	refs, partial, err := a.Checkpoints.List(ctx, in.Sweep, t.Number)
	if err != nil {
		return t, fmt.Errorf("list the checkpoints of trial %d: %w", t.Number, err)
	}
	if published {
		t = stored
	} else {
		if t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled || t.Limit != "" {
			newest, err := a.newestIntact(ctx, refs)
			if err != nil {
				return t, fmt.Errorf("look for the last checkpoint of trial %d: %w", t.Number, err)
			}
			if newest.Key != "" || len(refs) > 0 {
				t.Checkpoint, t.Steps = newest.Key, newest.Step
			}
		}
		if absent {
			stored, err = a.Records.CreateResult(ctx, in.Sweep, t)
			if err == nil && !stored.StartedAt.Equal(t.StartedAt) {
				// If this trial was terminated, its sweep has recorded that result, and nobody
				// retries. Otherwise it is of another run of the number: the retry replaces it.
				err = errors.New("another result was stored meanwhile")
			}
		} else {
			err = a.Records.PutResult(ctx, in.Sweep, t) // over a damaged one, or one of another run of the number
		}
		if err != nil {
			return t, fmt.Errorf("publish trial %d: %w", t.Number, err)
		}
	}
	return t, a.keepOnly(ctx, t, refs, partial)
}

// keepOnly removes these checkpoints of a trial that has ended except that of its result, and
// keeps its loss curve.
func (a *owned) keepOnly(ctx context.Context, t sweep.Trial, refs, partial []CheckpointRef) error {
	if len(refs) > 0 {
		curve := refs[max(0, slices.IndexFunc(refs, func(r CheckpointRef) bool { return r.Key == t.Checkpoint }))]
		switch err := a.Checkpoints.KeepCurve(ctx, curve.Key); {
		case errors.Is(err, ErrCorrupt):
			activity.GetLogger(ctx).Warn("the loss curve of a trial is not kept", "trial", t.Number, "checkpoint", curve.Key, "error", err)
		case err != nil:
			return fmt.Errorf("keep the loss curve of trial %d: %w", t.Number, err)
		}
	}
	// The newest checkpoint is removed last, so that a second run still finds its curve.
	slices.Reverse(refs)
	for _, ref := range append(partial, refs...) {
		if ref.Key == t.Checkpoint {
			continue
		}
		if err := a.Checkpoints.Remove(ctx, ref.Key); err != nil {
			return fmt.Errorf("remove a checkpoint of trial %d: %w", t.Number, err)
		}
	}
	return nil
}

// newestIntact returns the first of these checkpoints, highest step first, whose manifest is
// not damaged; zero if there is none.
func (a *owned) newestIntact(ctx context.Context, refs []CheckpointRef) (CheckpointRef, error) {
	for _, ref := range refs {
		switch err := a.Checkpoints.CheckManifest(ctx, ref.Key); {
		case err == nil:
			return ref, nil
		case !errors.Is(err, ErrCorrupt):
			return CheckpointRef{}, err
		}
	}
	return CheckpointRef{}, nil
}

// AppendSegment creates one segment of the ledger. The result has the stored trials if
// they differ from in.Trials, because a run before a reset of the workflow stored this
// segment.
func (a *Activities) AppendSegment(ctx context.Context, in AppendSegmentInput) (AppendSegmentResult, error) {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return AppendSegmentResult{}, translateError(ctx, err)
	}
	taken, err := own.appendSegment(ctx, in)
	if err != nil {
		return AppendSegmentResult{}, translateError(ctx, err)
	}
	own.compact(ctx, in)
	result := AppendSegmentResult{Taken: taken}
	if taken == nil && in.Rank != nil {
		result.RankResult, err = own.rank(ctx, *in.Rank)
	}
	return result, translateError(ctx, err)
}

// compactTimeout bounds what a sweep waits for a compaction of its ledger.
const compactTimeout = 20 * time.Second

// compact compacts the ledger up to the segment of in. A failure is only logged; the next
// compaction catches up.
func (a *owned) compact(ctx context.Context, in AppendSegmentInput) {
	limited, cancel := context.WithTimeout(ctx, compactTimeout)
	defer cancel()
	if err := a.Records.Compact(limited, in.Sweep, in.Segment+1); err != nil {
		activity.GetLogger(ctx).Warn("the ledger is not compacted", "sweep", in.Sweep, "segment", in.Segment, "error", address.Redact(err.Error()))
	}
}

func (a *owned) appendSegment(ctx context.Context, in AppendSegmentInput) (taken []sweep.Trial, err error) {
	err = a.Records.AppendSegment(ctx, in.Sweep, in.Segment, in.Trials)
	if errors.Is(err, ErrConflict) {
		return a.segment(ctx, in)
	}
	return nil, err
}

// segment reads the segment of the ledger whose number is in's.
func (a *owned) segment(ctx context.Context, in AppendSegmentInput) ([]sweep.Trial, error) {
	all, err := a.Records.Ledger(ctx, in.Sweep, in.Segment+1)
	if err != nil {
		return nil, fmt.Errorf("read ledger segment %d: %w", in.Segment, err)
	}
	before, err := a.Records.Ledger(ctx, in.Sweep, in.Segment)
	if err != nil {
		return nil, fmt.Errorf("read the ledger before segment %d: %w", in.Segment, err)
	}
	return all[len(before):], nil
}

// Rank puts trials in order by the complete ledger: see conduct.Order.
func (a *Activities) Rank(ctx context.Context, in RankInput) (RankResult, error) {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return RankResult{}, translateError(ctx, err)
	}
	result, err := own.rank(ctx, in)
	return result, translateError(ctx, err)
}

func (a *owned) rank(ctx context.Context, in RankInput) (RankResult, error) {
	ledger, err := a.Records.Ledger(ctx, in.Spec.Name, in.Segments)
	if err != nil {
		return RankResult{}, fmt.Errorf("rank trials: %w", err)
	}
	numbers, infeasible := conduct.Order(&in.Spec, ledger, in.Numbers)
	return RankResult{Numbers: numbers, Infeasible: infeasible}, nil
}

// Curate moves the pointer to the best trials, then removes the checkpoints of trials
// that are no longer among them.
func (a *Activities) Curate(ctx context.Context, in CurateInput) error {
	own, err := a.open(ctx, in.Owner, "")
	if err == nil {
		err = own.curate(ctx, in)
	}
	return translateError(ctx, err)
}

func (a *owned) curate(ctx context.Context, in CurateInput) error {
	var leaders []sweep.Trial
	if len(in.Leaders) > 0 {
		ledger, err := a.Records.Ledger(ctx, in.Sweep, in.Segments)
		if err != nil {
			return fmt.Errorf("look for the best trials: %w", err)
		}
		for _, t := range ledger {
			if slices.Contains(in.Leaders, t.Number) {
				t.Reason, t.Gates = sweep.Reason{Sampler: t.Reason.Sampler}, nil // an edit may have removed the gates that it failed
				leaders = append(leaders, t)
			}
		}
	}
	if err := a.Records.PutBest(ctx, in.Sweep, in.Leaders, leaders); err != nil {
		return fmt.Errorf("point at the best trials: %w", err)
	}
	for _, key := range in.Evicted {
		if err := a.Checkpoints.Remove(ctx, key); err != nil {
			return fmt.Errorf("remove the checkpoint of a trial that is no longer among the best: %w", err)
		}
	}
	return nil
}

// Save stores entries of the sweep's command log, then its state if there is
// one, from which an ended sweep can be continued.
func (a *Activities) Save(ctx context.Context, in SaveInput) error {
	own, err := a.open(ctx, in.Owner, "")
	if err != nil {
		return translateError(ctx, err)
	}
	for _, e := range in.Entries {
		if err := own.Records.PutCommandEntry(ctx, in.Sweep, e); err != nil {
			return translateError(ctx, fmt.Errorf("store entry %d of the command log: %w", e.Number, err))
		}
	}
	if in.State == nil {
		return nil
	}
	if err := own.Records.PutState(ctx, in.Sweep, in.State); err != nil {
		return translateError(ctx, fmt.Errorf("store the state: %w", err))
	}
	return nil
}

// Record exports a sweep's numbers to Prometheus.
func (a *Activities) Record(_ context.Context, in RecordInput) error {
	a.Recorder.SweepState(in.Sweep, in.Numbers)
	return nil
}
