package trainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// pendingSave is a checkpoint that is being written while the training continues.
// There is at most one, so that checkpoints complete in the order of their steps and
// only one copy of the variables waits for the disk.
type pendingSave struct {
	step int
	done chan struct{} // closed when dir and err are set
	dir  string
	err  error
}

// startSave copies the state of the steps done and begins to write it as a
// checkpoint; reportSave reports the folder when it is complete. A save that is
// pending is waited for first. When a weight is not finite the training ends as
// diverged instead, and ok is false.
func (r *run) startSave() (ok bool, err error) {
	if err := r.finishSave(); err != nil {
		return false, err
	}
	s, err := r.snapshot()
	if errors.Is(err, errNotFinite) {
		return false, r.diverge(r.step)
	}
	if err != nil {
		return false, err
	}
	save := &pendingSave{step: r.step, done: make(chan struct{})}
	go func() {
		defer close(save.done)
		save.dir, save.err = r.writeCheckpoint(s)
	}()
	r.pending, r.saved = save, r.step
	return true, nil
}

// reportSave reports the pending save if it is complete.
func (r *run) reportSave() error {
	if r.pending == nil {
		return nil
	}
	select {
	case <-r.pending.done:
		return r.finishSave()
	default:
		return nil
	}
}

// finishSave waits for the pending save, if any, and emits its checkpoint event. It
// returns the error of a save that failed.
func (r *run) finishSave() error {
	save := r.pending
	if save == nil {
		return nil
	}
	<-save.done
	r.pending = nil
	if save.err != nil {
		return save.err
	}
	return r.options.Events(job.Event{Type: job.Checkpoint, Step: save.step, Steps: r.settings.Steps, Dir: save.dir})
}

// writeFolder writes the checkpoint folder of a snapshot and returns its path. It runs
// while the training continues, and reads nothing that the training changes.
func (r *run) writeFolder(s snapshot) (dir string, err error) {
	averages, rest := s.tensors()
	metadata, err := r.metadata()
	if err != nil {
		return "", err
	}
	index, err := json.Marshal(s.state)
	if err != nil {
		return "", err
	}
	curve, err := jsonl.Encode(s.curve)
	if err != nil {
		return "", err
	}
	p := r.provenance
	p.CreatedAt = time.Now().UTC().Format(time.RFC3339)
	w, err := checkpoint.Create(r.job.Staging, checkpoint.Manifest{
		Sweep: r.job.Spec.Name, Trial: r.job.Assignment.Number, Attempt: r.job.Attempt, Step: s.state.Step, Provenance: p,
	})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, w.Abort()) }()
	if err := w.File(checkpoint.ModelName, writeTensors(averages, metadata)); err != nil {
		return "", err
	}
	if err := w.File(stateTensors, writeTensors(rest, nil)); err != nil {
		return "", err
	}
	if err := w.Bytes(stateIndex, append(index, '\n')); err != nil {
		return "", err
	}
	if err := w.Bytes(checkpoint.CurveName, curve); err != nil {
		return "", err
	}
	return w.Commit()
}

// metadata returns the metadata of model.safetensors, which make that file enough to sample
// from.
func (r *run) metadata() (map[string]string, error) {
	metadata := map[string]string{}
	for key, value := range map[string]any{
		checkpoint.MetaSpec: r.job.Spec, checkpoint.MetaAssignment: r.job.Assignment,
		checkpoint.MetaClasses: classes{Names: r.data.Classes, Counts: r.data.Counts},
	} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		metadata[key] = string(text)
	}
	return metadata, nil
}

// readMetadata returns the spec and the assignment in the metadata of model.safetensors.
func readMetadata(metadata map[string]string) (spec sweep.Spec, a sweep.Assignment, err error) {
	for key, value := range map[string]any{checkpoint.MetaSpec: &spec, checkpoint.MetaAssignment: &a} {
		if err := json.Unmarshal([]byte(metadata[key]), value); err != nil {
			return spec, a, fmt.Errorf("%w: metadata %s: %w", checkpoint.ErrCorrupt, key, err)
		}
	}
	return spec, a, nil
}
