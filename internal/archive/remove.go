package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// NeededError means that other sweeps need a sweep.
type NeededError struct {
	Name string
	By   []string
}

// Error implements error.
func (e *NeededError) Error() string {
	if len(e.By) == 1 {
		return fmt.Sprintf("the spec of sweep %s names sweep %s in from: remove sweep %[1]s first", e.By[0], e.Name)
	}
	return fmt.Sprintf("the specs of sweeps %s name sweep %s in from: remove those first", strings.Join(e.By, ", "), e.Name)
}

// CheckUnneeded returns a *NeededError if the spec of another sweep names this one. What the
// sweeps need that are removed with it does not count.
func (a *Archive) CheckUnneeded(ctx context.Context, name string, with ...string) error {
	needed := &NeededError{Name: name}
	for other, err := range a.store.Folders(ctx, sweepsPrefix) {
		if err != nil {
			return err
		}
		if other == name || slices.Contains(with, other) || !validName.MatchString(other) {
			continue
		}
		from, err := a.from(ctx, other)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("whether sweep %s needs %s is not known (`tailsweep doctor %[1]s` checks it, `tailsweep rm %[1]s %[2]s` removes both): %w", other, name, err)
		}
		if slices.Contains(from, name) {
			needed.By = append(needed.By, other)
		}
	}
	if len(needed.By) > 0 {
		return needed
	}
	return nil
}

// RemovalOrder returns each of the names once, in the order in which the sweeps are removed:
// one that needs another, or whose spec cannot be read, comes before the other.
func (a *Archive) RemovalOrder(ctx context.Context, names []string) []string {
	var order, rest []string
	from := make(map[string][]string, len(names))
	for _, name := range names {
		if slices.Contains(order, name) || slices.Contains(rest, name) {
			continue
		}
		var err error
		if from[name], err = a.from(ctx, name); err != nil {
			order = append(order, name)
		} else {
			rest = append(rest, name)
		}
	}
	for len(rest) > 0 {
		next := max(0, slices.IndexFunc(rest, func(name string) bool { // 0: they need each other
			return !slices.ContainsFunc(rest, func(o string) bool { return o != name && slices.Contains(from[o], name) })
		}))
		order = append(order, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return order
}

// Removal is what there is to remove of a sweep.
type Removal struct {
	Objects int
	Bytes   int64
	Newest  time.Time      // when the last of it was written
	Owner   sweep.Identity // has no ID if there is no reservation that can be read
	phases  [removalPhases][]string
}

// The phases of a removal, in order. Up to the last one the ledger can be read, and a
// checkpoint is complete or absent.
const (
	removePointer   = iota
	removeManifests // the other files are then no checkpoint
	removeFiles
	removePacks
	removeSegments // the last one first
	removeResults
	removeState
	removeYAML
	removeSpec // the name is free, and a removal that was interrupted is not found before
	removalPhases
)

// Removal lists everything that is stored of a sweep. Without anything the error wraps
// store.ErrNotFound.
func (a *Archive) Removal(ctx context.Context, name string) (*Removal, error) {
	prefix, err := sweepKey(name, "")
	if err != nil {
		return nil, err
	}
	r := &Removal{}
	if r.Owner, err = a.holder(ctx, name); err != nil {
		return nil, err
	}
	for info, err := range a.store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		r.Objects++
		r.Bytes += info.Size
		if info.Modified.After(r.Newest) {
			r.Newest = info.Modified
		}
		phase := removalPhase(name, info.Key, strings.TrimPrefix(info.Key, prefix))
		r.phases[phase] = append(r.phases[phase], info.Key)
	}
	if r.Objects == 0 {
		return nil, fmt.Errorf("sweep %s: %w", name, store.ErrNotFound)
	}
	slices.Reverse(r.phases[removeSegments])
	return r, nil
}

// removalPhase returns when an object is removed; rest is its key below the sweep.
func removalPhase(name, key, rest string) int {
	_, isSegment := parseSegmentKey(name, key)
	_, _, isPack := parsePackKey(name, key)
	_, _, isManifest := completeCheckpoint(key)
	switch {
	case isSegment:
		return removeSegments
	case isPack:
		return removePacks
	case isManifest:
		return removeManifests
	case rest == bestName:
		return removePointer
	case rest == stateName, strings.HasPrefix(rest, commandsFolder):
		return removeState
	case rest == yamlName:
		return removeYAML
	case rest == specName:
		return removeSpec
	case strings.HasPrefix(rest, "trials/") && strings.HasSuffix(rest, "/"+resultName):
		return removeResults
	default:
		return removeFiles
	}
}

// RemoveSweep removes everything that is stored of a sweep. It may be ended at any step and
// run again. owner is the identity that Removal has found. RemoveSweep first gives the
// reservation the next generation, so that nobody else writes for the sweep or continues
// it, and removes nothing once the name has another identity. Then it calls ended: if the
// sweep was continued before, ended returns an error, and the sweep gets its reservation
// back. removed is called after each object.
func (a *Archive) RemoveSweep(ctx context.Context, name string, owner sweep.Identity, ended func() error, removed func(objects int)) error {
	owner, undo, err := a.beginRemoval(ctx, name, owner)
	if err != nil {
		return err
	}
	if err := ended(); err != nil {
		return errors.Join(err, undo())
	}
	own := a.fenced(func(ctx context.Context, name string) error { return a.stillHeld(ctx, name, owner) })
	n := 0
	remove := func(keys []string) error {
		for _, key := range keys {
			if err := own.store.Delete(ctx, key); err != nil {
				return fmt.Errorf("remove sweep %s (run it again, it continues): %w", name, err)
			}
			n++
			removed(n)
		}
		return nil
	}
	for {
		r, err := a.Removal(ctx, name)
		if err != nil {
			return err
		}
		spec := r.phases[removeSpec]
		if r.Objects == len(spec) { // nothing was written meanwhile
			return remove(spec)
		}
		for _, keys := range r.phases[:removeSpec] {
			if err := remove(keys); err != nil {
				return err
			}
		}
		if len(spec) == 0 {
			return nil
		}
	}
}

// beginRemoval marks the reservation of owner as being removed, in the next generation, and
// returns the identity that it has then, and what writes the reservation as it was. A
// reservation that cannot be read stays as it is.
func (a *Archive) beginRemoval(ctx context.Context, name string, owner sweep.Identity) (marked sweep.Identity, undo func() error, err error) {
	for range replaceTries {
		if err := a.stillHeld(ctx, name, owner); err != nil {
			return owner, nil, err
		}
		r, etag, err := a.reservation(ctx, name)
		if unreadable(err) || err == nil && etag == "" { // a file without its attributes cannot be replaced
			return owner, func() error { return nil }, nil
		}
		if err != nil {
			return owner, nil, err
		}
		before := r
		r.Owner.Generation++
		r.Removing = true
		body, err := r.encode()
		if err != nil {
			return owner, nil, err
		}
		etag, err = a.store.Replace(ctx, sweepsPrefix+name+"/"+specName, body, etag)
		switch {
		case err == nil:
			return r.Owner, func() error { return a.undoRemoval(ctx, before, etag) }, nil
		case !errors.Is(err, store.ErrChanged) && !errors.Is(err, store.ErrNotFound):
			return owner, nil, err
		}
	}
	return owner, nil, fmt.Errorf("name %s: its reservation keeps changing; try again", name)
}

// undoTimeout bounds what undoRemoval waits for the store.
const undoTimeout = 10 * time.Second

// undoRemoval writes the reservation that beginRemoval has replaced, also after an interrupt;
// etag is that of the mark.
func (a *Archive) undoRemoval(ctx context.Context, before reservation, etag string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer cancel()
	body, err := before.encode()
	if err == nil {
		_, err = a.store.Replace(ctx, sweepsPrefix+before.Spec.Name+"/"+specName, body, etag)
	}
	if err != nil {
		return fmt.Errorf("sweep %s is still marked as being removed, since its reservation could not be written back: %w", before.Spec.Name, err)
	}
	return nil
}

// CheckContinued returns an error if the sweep of owner, whose workflow was started again,
// is being removed or has lost its name.
func (a *Archive) CheckContinued(ctx context.Context, name string, owner sweep.Identity) error {
	r, _, err := a.reservation(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && r.Removing:
		return &RemovingError{name}
	case err == nil && !r.Owner.Same(owner):
		return &OwnerError{Name: name, Writer: owner, Holder: r.Owner}
	}
	return err
}

// holder returns the identity that has a name, without an ID if there is no reservation that
// can be read.
func (a *Archive) holder(ctx context.Context, name string) (sweep.Identity, error) {
	r, _, err := a.reservation(ctx, name)
	if unreadable(err) {
		return sweep.Identity{}, nil
	}
	return r.Owner, err
}

// stillHeld returns a *HolderError unless owner has the name.
func (a *Archive) stillHeld(ctx context.Context, name string, owner sweep.Identity) error {
	now, err := a.holder(ctx, name)
	if err == nil && !now.Same(owner) {
		err = &HolderError{Name: name, Before: owner, Now: now}
	}
	return err
}

// unreadable reports whether an error of reservation means that there is none, or that it is
// damaged.
func unreadable(err error) bool {
	return errors.Is(err, store.ErrNotFound) || errors.As(err, new(*notSpecError)) || errors.As(err, new(*tooLargeError))
}

// from lists the sweeps that a sweep's spec names as earlier ones, in the first spec and
// in the one in force: that of the state or, without a state, of the command log.
func (a *Archive) from(ctx context.Context, name string) ([]string, error) {
	var names []string
	for _, file := range []string{specName, stateName} {
		var stored struct {
			Spec *struct{ From earlier } `json:"spec"`
		}
		var err error
		if o := a.object(sweepKey(name, file)); file == stateName {
			err = o.readSealedJSON(ctx, maxState, &stored)
		} else {
			_, err = o.readJSON(ctx, maxState, &stored)
		}
		switch {
		case errors.Is(err, store.ErrNotFound) && file == stateName:
			logged, err := a.fromInLog(ctx, name)
			if err != nil {
				return nil, err
			}
			names = append(names, logged...)
		case err != nil:
			return nil, err
		case stored.Spec != nil:
			names = append(names, stored.Spec.From...)
		}
	}
	return names, nil
}

// fromInLog lists the sweeps that the specs in a command log name as earlier ones.
func (a *Archive) fromInLog(ctx context.Context, name string) ([]string, error) {
	keys, err := a.commandKeys(ctx, name)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, key := range keys {
		var e struct {
			Spec *struct{ From earlier } `json:"spec"`
		}
		if err := a.object(key, nil).readSealedJSON(ctx, maxSpec, &e); err != nil {
			return nil, err
		}
		if e.Spec != nil {
			names = append(names, e.Spec.From...)
		}
	}
	return names, nil
}

// earlier is every text in the field from of a spec, a name of a sweep among them. It
// reads specs of any version.
type earlier []string

// UnmarshalJSON implements json.Unmarshaler.
func (e *earlier) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	e.add(v)
	return nil
}

func (e *earlier) add(v any) {
	switch v := v.(type) {
	case string:
		*e = append(*e, v)
	case []any:
		for _, x := range v {
			e.add(x)
		}
	case map[string]any:
		for _, x := range v {
			e.add(x)
		}
	}
}
