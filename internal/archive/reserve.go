package archive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

const (
	specName = "spec.json"
	yamlName = "spec.yaml"
)

// reservation is spec.json. It includes the YAML, so that one conditional put
// writes everything: a crash before spec.yaml loses nothing.
type reservation struct {
	Digest string     `json:"digest"`
	Spec   sweep.Spec `json:"spec"`
	YAML   string     `json:"yaml"`
	// Owner is the sweep that has the name.
	Owner sweep.Identity `json:"owner"`
	// Started is set after the sweep's workflow has started. A reservation without
	// it may be left over from a run that could not start.
	Started bool `json:"started"`
	// Removing is set while the sweep is being removed.
	Removing bool `json:"removing,omitempty"`
}

// NameTakenError means that a sweep of the name exists with another spec.
type NameTakenError struct {
	Name  string
	Taken string // digest of the spec that has the name
	Asked string // digest of the spec that asked for it
}

// Error implements error.
func (e *NameTakenError) Error() string {
	return fmt.Sprintf("name: %q belongs to a sweep with another spec: choose another name, or see `tailsweep describe %[1]s` (digest %.12s there, %.12s here)",
		e.Name, e.Taken, e.Asked)
}

// ForgottenError means that a sweep has results but no workflow: Temporal deleted
// it, or the sweep ran on another Temporal. It cannot be continued.
type ForgottenError struct {
	Name   string
	Trials int
}

// Error implements error.
func (e *ForgottenError) Error() string {
	return fmt.Sprintf("sweep %q has %d finished trials, but Temporal has no workflow for it (deleted, or run on another server): "+
		"see its results with `tailsweep trials %[1]s`, or choose another name", e.Name, e.Trials)
}

// RemnantError means that Temporal has the workflow of a sweep that has ended and that is
// not the one that has the name in the store. Usually it was removed a moment ago.
type RemnantError struct{ Name string }

// Error implements error.
func (e *RemnantError) Error() string {
	return fmt.Sprintf("name: Temporal still has the workflow of another sweep %q, which has ended and is not in this store: "+
		"if it was removed, `tailsweep rm %[1]s` completes that and the name is free; otherwise choose another name", e.Name)
}

// LostSpecError means that a sweep has lost its spec.json, which reserves its name: Temporal
// runs it with another spec than the one that asked for the name, or the store has its
// results.
type LostSpecError struct {
	Name    string
	Running string // digest of the spec that it runs with, "" if it does not run
	Asked   string // digest of the spec that asked for the name
}

// Error implements error.
func (e *LostSpecError) Error() string {
	if e.Running != "" {
		return fmt.Sprintf("name: sweep %q runs with another spec (digest %.12s there, %.12s here), and the object store has lost its %s: `tailsweep doctor %[1]s --repair` "+
			"writes it again, as does `tailsweep run` with the spec that the sweep was started with; choose another name for this spec", e.Name, e.Running, e.Asked, specName)
	}
	return fmt.Sprintf("name: the object store has results of a sweep %q, but not its %s, which reserves the name: `tailsweep doctor %[1]s --repair` writes it again where the ledger or Temporal still has its digest; "+
		"if the sweep was removed, `tailsweep rm %[1]s` completes that; otherwise choose another name", e.Name, specName)
}

// Existing is what the latest workflow of a sweep's name was started with.
type Existing struct {
	Digest string // of the spec, "" where there is no workflow
	Owner  sweep.Identity
	Ended  bool
}

// Workflow is the workflow of one sweep as Begin needs it. If several callers call Start
// with the same name, at most one starts the workflow.
type Workflow interface {
	// Started looks at the latest workflow.
	Started(ctx context.Context) (Existing, error)
	// Start starts the workflow with the spec of this caller, as owner, unless the name
	// has a workflow already.
	Start(ctx context.Context, owner sweep.Identity) error
}

// Begin reserves the spec's name and starts its workflow. created is false when the
// same spec has the name already; the caller then attaches to that sweep. Another
// spec of the name is a *NameTakenError, but a name is taken only by a sweep that
// has started: a reservation without a workflow and results is replaced.
//
// The workflow decides between callers that race, or crash between the steps: the name
// belongs to the spec that the workflow was started with. After the start, the caller
// with that spec writes the reservation again if another caller has replaced it. yaml is
// the spec as submitted; it may differ in comments from the first one submitted. at has
// the Temporal cluster and namespace, and the build of the caller; a name that is reserved
// from another namespace or cluster is an *ElsewhereError, the name of a sweep that is being
// removed a *RemovingError, one whose removal Temporal has not completed a *RemnantError, and
// that of a sweep that has lost its reservation a *LostSpecError.
func (a *Archive) Begin(ctx context.Context, spec *sweep.Spec, yaml []byte, at sweep.Identity, w Workflow) (created bool, err error) {
	own := reservation{Digest: spec.Digest(), Spec: *spec, YAML: string(yaml), Owner: at}
	own.Owner.ID, own.Owner.Generation, own.Owner.Address = rand.Text(), 1, a.name()
	if own.Owner.Store, err = a.StoreID(ctx); err != nil {
		return false, err
	}
	replaced, created, err := a.claim(ctx, &own, w)
	if err != nil {
		return false, err
	}
	if err := w.Start(ctx, own.Owner); err != nil {
		return false, err
	}
	now, err := w.Started(ctx)
	if err != nil {
		return false, fmt.Errorf("sweep %s has started, but its reservation could not be confirmed; run the same command again: %w", spec.Name, err)
	}
	if now.Digest != own.Digest {
		taken := &NameTakenError{Name: spec.Name, Taken: now.Digest, Asked: own.Digest}
		return false, errors.Join(taken, a.undoReplace(ctx, own, replaced))
	}
	own.Owner = now.Owner
	attached := !created && replaced == nil
	err = a.confirm(ctx, own, attached)
	if removing, is := errors.AsType[*RemovingError](err); is {
		return false, fmt.Errorf("the removal of sweep %s began meanwhile: once it has ended, run the same command again: %w", spec.Name, removing)
	}
	return created, err
}

// claim reserves the name with own, unless it is reserved by the same spec or by a sweep
// that has a workflow or results. It returns the reservation that it replaced.
// If the name is reserved by the same spec, own gets the identity of that reservation.
func (a *Archive) claim(ctx context.Context, own *reservation, w Workflow) (replaced *reservation, created bool, err error) {
	for range replaceTries {
		first, etag, err := a.reservation(ctx, own.Spec.Name)
		if errors.Is(err, store.ErrNotFound) {
			if created, err := a.claimFree(ctx, own, w); err != nil || created {
				return nil, created, err
			}
			continue
		}
		if err != nil {
			return nil, false, err
		}
		existing, err := a.mayHave(ctx, own, first, w)
		switch {
		case err != nil:
			return nil, false, err
		case first.Digest == own.Digest:
			own.attach(first)
			return nil, false, nil
		}
		if written, err := a.write(ctx, *own, &etag); err != nil || written {
			return &first, err == nil && existing.Digest == "", err
		}
	}
	return nil, false, fmt.Errorf("name %s: several runs are competing for this name; try again", own.Spec.Name)
}

// mayHave returns an error if own may not have the name that first reserves, because of a sweep
// that has a workflow or results. The workflow that it has looked at is returned with it.
func (a *Archive) mayHave(ctx context.Context, own *reservation, first reservation, w Workflow) (Existing, error) {
	taken := &NameTakenError{Name: own.Spec.Name, Taken: first.Digest, Asked: own.Digest}
	if first.Removing {
		return Existing{}, &RemovingError{own.Spec.Name}
	}
	owned := first.Owner.ID != "" // unless a repair wrote it while Temporal did not answer
	if owned && !first.Owner.SameTemporal(own.Owner) {
		return Existing{}, &ElsewhereError{Name: own.Spec.Name, Asker: own.Owner, Holder: first.Owner}
	}
	same := first.Digest == own.Digest
	if first.Started && !same {
		return Existing{}, taken
	}
	existing, err := w.Started(ctx)
	digest := existing.Digest
	switch {
	case err != nil:
		return existing, err
	case existing.Ended && owned && existing.Owner.ID != first.Owner.ID:
		return existing, &RemnantError{own.Spec.Name}
	case same && digest != "":
		return existing, nil
	case digest != "" && digest != own.Digest:
		return existing, taken
	}
	trials, err := a.Trials(ctx, own.Spec.Name)
	switch {
	case err != nil:
		return existing, err
	case same && len(trials) > 0:
		return existing, &ForgottenError{Name: own.Spec.Name, Trials: len(trials)}
	case !same && digest == "" && len(trials) > 0:
		return existing, taken
	}
	return existing, nil
}

// claimFree reserves a name that has no reservation. created is false if another run was
// faster, or if the sweep runs with this spec and has lost its reservation, which is then
// written with the identity of the workflow.
func (a *Archive) claimFree(ctx context.Context, own *reservation, w Workflow) (created bool, err error) {
	existing, runs, err := a.mayReserve(ctx, own, w)
	switch {
	case errors.Is(err, errReserved):
		return false, nil
	case err != nil:
		return false, err
	case runs:
		again := *own
		again.attach(reservation{Owner: existing.Owner})
		_, err := a.write(ctx, again, nil)
		return false, err
	}
	return a.write(ctx, *own, nil)
}

// errReserved means that another run has reserved a name meanwhile.
var errReserved = errors.New("the name was reserved meanwhile")

// mayReserve returns an error if own may not reserve a name that has no reservation. runs is
// true for a sweep that runs with this spec.
func (a *Archive) mayReserve(ctx context.Context, own *reservation, w Workflow) (existing Existing, runs bool, err error) {
	if existing, err = w.Started(ctx); err != nil {
		return existing, false, err
	}
	lost := &LostSpecError{Name: own.Spec.Name, Asked: own.Digest}
	running := existing.Digest != "" && !existing.Ended
	switch {
	case running && existing.Digest == own.Digest:
		return existing, true, nil
	case running:
		lost.Running = existing.Digest
	default:
		remains, err := a.remains(ctx, own.Spec.Name)
		switch {
		case err != nil:
			return existing, false, err
		case !remains && existing.Ended:
			return existing, false, &RemnantError{own.Spec.Name}
		case !remains:
			return existing, false, nil
		}
	}
	switch _, err := a.Owner(ctx, own.Spec.Name); {
	case err == nil:
		return existing, false, errReserved
	case !errors.Is(err, store.ErrNotFound):
		return existing, false, err
	}
	return existing, false, lost
}

// Attaches reports whether Begin would attach to a sweep, and returns the error with which it
// would refuse the name. It changes nothing.
func (a *Archive) Attaches(ctx context.Context, spec *sweep.Spec, at sweep.Identity, w Workflow) (bool, error) {
	own := &reservation{Digest: spec.Digest(), Spec: *spec, Owner: at}
	first, _, err := a.reservation(ctx, spec.Name)
	if errors.Is(err, store.ErrNotFound) {
		_, runs, err := a.mayReserve(ctx, own, w)
		if errors.Is(err, errReserved) {
			return false, nil
		}
		return runs, err
	}
	if err != nil {
		return false, err
	}
	existing, err := a.mayHave(ctx, own, first, w)
	return err == nil && existing.Digest != "", err
}

// remains reports whether the store has what only a sweep that has started leaves: a part of
// the ledger, a result, a checkpoint, a state or a command.
func (a *Archive) remains(ctx context.Context, name string) (bool, error) {
	prefix, err := sweepKey(name, "")
	if err != nil {
		return false, err
	}
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return false, err
		}
		switch removalPhase(name, info.Key, strings.TrimPrefix(info.Key, prefix)) {
		case removeManifests, removePacks, removeSegments, removeResults, removeState:
			return true, nil
		}
	}
	return false, nil
}

// attach takes the identity of the reservation that stays.
func (r *reservation) attach(first reservation) {
	if first.Owner.ID != "" {
		address := r.Owner.Address // the store may have moved
		r.Owner = first.Owner
		r.Owner.Address = address
	}
}

// confirm marks the name as that of a started sweep. Before the start, a caller with a
// different spec may have replaced own, as a reservation without a workflow; confirm
// then writes own again. A sweep that is being removed is a *RemovingError, and so is one
// that this caller has attached to and that has no reservation any more.
func (a *Archive) confirm(ctx context.Context, own reservation, attached bool) error {
	own.Started = true
	for range replaceTries {
		now, etag, err := a.reservation(ctx, own.Spec.Name)
		old := &etag
		switch {
		case errors.Is(err, store.ErrNotFound) && attached, err == nil && now.Removing:
			return &RemovingError{own.Spec.Name}
		case errors.Is(err, store.ErrNotFound):
			old = nil
		case err != nil:
			return err
		case now.Owner.ID != "" && !now.Owner.SameTemporal(own.Owner):
			return &ElsewhereError{Name: own.Spec.Name, Asker: own.Owner, Holder: now.Owner}
		case now.Digest == own.Digest && now.Started && now.Owner.Same(own.Owner):
			return nil
		case now.Digest == own.Digest:
			own.YAML = now.YAML
		}
		if written, err := a.write(ctx, own, old); err != nil || written {
			return err
		}
	}
	return fmt.Errorf("name %s: several runs are competing for this name; run the same command again", own.Spec.Name)
}

// undoReplace writes the reservation that own replaced again, unless own is no longer
// the current one, or is being removed.
func (a *Archive) undoReplace(ctx context.Context, own reservation, replaced *reservation) error {
	now, etag, err := a.reservation(ctx, own.Spec.Name)
	if err != nil || replaced == nil || now.Digest != own.Digest || now.Started || now.Removing {
		return err
	}
	_, err = a.write(ctx, *replaced, &etag)
	return err
}

// write writes spec.json and spec.yaml, a copy for people. old is the ETag of the spec.json
// that they replace; nil: there is none. written is false if another run was faster.
func (a *Archive) write(ctx context.Context, r reservation, old *string) (written bool, err error) {
	key, err := sweepKey(r.Spec.Name, specName)
	if err != nil {
		return false, err
	}
	body, err := r.encode()
	if err != nil {
		return false, err
	}
	if old == nil {
		_, err = a.store.PutIfAbsent(ctx, key, body)
	} else {
		_, err = a.store.Replace(ctx, key, body, *old)
	}
	switch {
	case errors.Is(err, store.ErrExists), errors.Is(err, store.ErrChanged), errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, a.object(sweepKey(r.Spec.Name, yamlName)).put(ctx, []byte(r.YAML))
}

func (r reservation) encode() ([]byte, error) {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("spec of %s: %w", r.Spec.Name, err)
	}
	return body, nil
}

// LoadSpec returns a sweep's spec in force and the YAML as submitted, or an error that
// wraps store.ErrNotFound if the sweep does not exist.
func (a *Archive) LoadSpec(ctx context.Context, name string) (*sweep.Spec, []byte, error) {
	o, err := a.Overview(ctx, name)
	return o.Spec, []byte(o.YAML), err
}

// Overview is what the store has of a sweep without its trials.
type Overview struct {
	Spec      *sweep.Spec // in force
	YAML      string      // as submitted
	Removing  bool        // its removal has begun
	Planned   int         // trials, as conduct.Progress counts them, when the state was stored
	Requested int         // trials that waited to be started when the state was stored
	Pinned    int
}

// Overview returns an error that wraps store.ErrNotFound if the sweep does not exist.
func (a *Archive) Overview(ctx context.Context, name string) (Overview, error) {
	r, _, err := a.reservation(ctx, name)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Spec: &r.Spec, YAML: r.YAML, Removing: r.Removing}
	st, err := a.lastState(ctx, name, &r.Spec, time.Time{})
	if err != nil {
		return Overview{}, err
	}
	m := conduct.New(&r.Spec, st, conduct.LogicNow, time.Now().UTC())
	o.Spec, o.Planned = m.Spec(), m.Progress("").Planned
	o.Requested, o.Pinned = len(m.Queue), len(m.Pinned)
	return o, nil
}

// Spec implements activities.Records.
func (a *Archive) Spec(ctx context.Context, name string) (*sweep.Spec, error) {
	spec, _, err := a.LoadSpec(ctx, name)
	return spec, err
}

// reservation reads spec.json. The error of a damaged one is a *LedgerError.
func (a *Archive) reservation(ctx context.Context, name string) (r reservation, etag string, err error) {
	spec := a.object(sweepKey(name, specName))
	data, info, err := spec.read(ctx, maxSpec)
	if err != nil && !errors.As(err, new(*tooLargeError)) {
		return reservation{}, "", err
	}
	if err == nil {
		r, err = parseReservation(name, data)
	}
	if err != nil {
		return reservation{}, "", &LedgerError{Sweep: name, Key: spec.key, Found: err.Error(), Want: "the spec of this sweep", Err: err}
	}
	return r, info.ETag, nil
}

func parseReservation(name string, data []byte) (r reservation, err error) {
	if err := json.Unmarshal(data, &r); err != nil {
		return reservation{}, &notSpecError{name, err}
	}
	if r.Spec.Name != name || r.Digest == "" {
		return reservation{}, &notSpecError{name: name}
	}
	return r, nil
}

// notSpecError means that an object is not the reservation of a sweep.
type notSpecError struct {
	name string
	err  error // may be nil
}

func (e *notSpecError) Error() string {
	text := "it is not the spec of sweep " + e.name
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e *notSpecError) Unwrap() error { return e.err }
