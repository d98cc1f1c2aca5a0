package archive

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// OwnerError means that the name of a sweep belongs to another sweep than the one that
// writes.
type OwnerError struct {
	Name   string
	Writer sweep.Identity
	Holder sweep.Identity
}

// Error implements error.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("the name %q belongs to %v; this is %v, so nothing of it is written or removed: cancel this sweep, and run its spec under another name",
		e.Name, e.Holder, e.Writer)
}

// BlockReason returns the reason as the activities read it.
func (e *OwnerError) BlockReason() block.Reason { return block.NotOwner }

// ElsewhereError means that the name of a sweep belongs to a sweep of another Temporal
// namespace or cluster.
type ElsewhereError struct {
	Name   string
	Asker  sweep.Identity // its namespace and cluster
	Holder sweep.Identity
}

// Error implements error.
func (e *ElsewhereError) Error() string {
	connect := fmt.Sprintf("--namespace %s (TEMPORAL_NAMESPACE)", e.Holder.Namespace)
	if cluster := e.Holder.Cluster; cluster != "" && cluster != e.Asker.Cluster {
		connect = fmt.Sprintf("--address of that cluster (TEMPORAL_ADDRESS) and --namespace %s (TEMPORAL_NAMESPACE)", e.Holder.Namespace)
	}
	return fmt.Sprintf("the name %q belongs to %v, and this is %s: connect to the sweep with %s", e.Name, e.Holder, e.Asker.Temporal(), connect)
}

// HolderError means that the name of a sweep has got another identity while objects of it
// were being removed.
type HolderError struct {
	Name        string
	Before, Now sweep.Identity
}

// Error implements error.
func (e *HolderError) Error() string {
	return fmt.Sprintf("the name %q belonged to %v and belongs to %v now: nothing of it is removed; look at the sweep and run this again", e.Name, e.Before, e.Now)
}

// RemovingError means that the removal of a sweep has begun.
type RemovingError struct{ Name string }

// Error implements error.
func (e *RemovingError) Error() string {
	return fmt.Sprintf("sweep %s is being removed, or its removal was interrupted: `tailsweep rm %[1]s` completes it", e.Name)
}

// StoreError means that the store of this archive is not that of a sweep.
type StoreError struct {
	Name       string // of this store, with its bucket and prefix
	Have, Want string // ids; Have is "" if this store has none, and equal in a copy
	WantName   string
	Lacks      string // key of an object of the sweep that this store does not have; may be ""
}

// Error implements error.
func (e *StoreError) Error() string {
	have := "without an id; if its " + storeName + " was lost, `tailsweep setup` writes it again"
	switch {
	case e.Lacks != "":
		have = fmt.Sprintf("with the same id, but without %s: it is a copy, or the object is lost, which `tailsweep doctor` repairs", e.Lacks)
	case e.Have == e.Want:
		have = "with the same id, so one is a copy of the other"
	case e.Have != "":
		have = fmt.Sprintf("with the id %.8s", e.Have)
	}
	return fmt.Sprintf("this worker uses %s (%s), the sweep uses %s (with the id %.8s): "+
		"start the worker with the same TAILSWEEP_S3_ENDPOINT, TAILSWEEP_S3_BUCKET and TAILSWEEP_S3_PREFIX as `tailsweep run`", e.Name, have, e.WantName, e.Want)
}

// BlockReason returns the reason as the activities read it.
func (e *StoreError) BlockReason() block.Reason { return block.WrongStore }

// storeName is the object with the id of the store.
const storeName = "v1/store.json"

// storeFile is its content.
type storeFile struct {
	ID string `json:"id"`
}

// known is what an Archive remembers of its store.
type known struct {
	mu sync.Mutex
	id string // "" until it was read
}

// StoreID returns the id of the store, which it makes if there is none. Every bucket and
// prefix has one; copies have the same.
func (a *Archive) StoreID(ctx context.Context) (string, error) {
	if _, err := a.EnsureStoreID(ctx); err != nil {
		return "", err
	}
	return a.storeID(ctx)
}

// EnsureStoreID makes the id of the store if there is none. If its object was lost, the store
// gets the id that its sweeps have: their workers refuse another one.
func (a *Archive) EnsureStoreID(ctx context.Context) (made bool, err error) {
	id, err := a.storeID(ctx)
	if err != nil || id != "" {
		return false, err
	}
	if id, err = a.idOfSweeps(ctx); err != nil {
		return false, err
	}
	body, err := json.Marshal(storeFile{ID: cmp.Or(id, rand.Text())})
	if err != nil {
		return false, fmt.Errorf("%s: %w", storeName, err)
	}
	_, err = a.store.PutIfAbsent(ctx, storeName, body)
	if errors.Is(err, store.ErrExists) {
		return false, nil
	}
	return err == nil, err
}

// idOfSweeps returns the id of the store that a sweep was started in, if that is this one; ""
// for none.
func (a *Archive) idOfSweeps(ctx context.Context) (string, error) {
	for name, err := range a.store.Folders(ctx, sweepsPrefix) {
		if err != nil {
			return "", err
		}
		if !validName.MatchString(name) {
			continue
		}
		r, _, err := a.reservation(ctx, name)
		switch {
		case unreadable(err):
		case err != nil:
			return "", err
		case r.Owner.Store != "" && place(r.Owner.Address) == place(a.name()):
			return r.Owner.Store, nil
		}
	}
	return "", nil
}

// storeID returns the id of the store, "" if it has none.
func (a *Archive) storeID(ctx context.Context) (string, error) {
	a.known.mu.Lock()
	defer a.known.mu.Unlock()
	if a.known.id != "" {
		return a.known.id, nil
	}
	var f storeFile
	info, err := a.object(storeName, nil).readJSON(ctx, maxSpec, &f)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case f.ID == "":
		return "", fmt.Errorf("%s has no id: restore it from a backup", storeName)
	case info.ETag == "":
		return "", a.bareStore()
	}
	a.known.id = f.ID
	return f.ID, nil
}

// RepairStoreID stores the id of the store again if its object has lost its ETag.
func (a *Archive) RepairStoreID(ctx context.Context) (repaired bool, err error) {
	o := a.object(storeName, nil)
	data, info, err := o.read(ctx, maxSpec)
	if errors.Is(err, store.ErrNotFound) || err == nil && info.ETag != "" {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, o.put(ctx, data)
}

// name is how an error names the store.
func (a *Archive) name() string {
	if s, ok := a.store.(fmt.Stringer); ok {
		return s.String()
	}
	return "a store"
}

// For implements activities.Archive. Jobs of a sweep without an identity, which nobody has
// reserved a name for, are not compared with the store.
func (a *Archive) For(ctx context.Context, owner sweep.Identity, digest string) (activities.Checkpoints, activities.Records, error) {
	if owner.Store != "" {
		id, err := a.storeID(ctx)
		if err != nil {
			return nil, nil, err
		}
		if id != owner.Store {
			return nil, nil, &StoreError{Name: a.name(), Have: id, Want: owner.Store, WantName: owner.Address}
		}
	}
	if owner.Address != "" && place(owner.Address) != place(a.name()) {
		return nil, nil, &StoreError{Name: a.name(), Have: owner.Store, Want: owner.Store, WantName: owner.Address}
	}
	own := a.fenced(func(ctx context.Context, name string) error { return a.Owns(ctx, name, owner) })
	own.digest = digest
	return own, own, nil
}

// place returns the bucket and the prefix in the name of a store. Two stores that differ in
// them are two stores, though one is a copy of the other and has its id. The address of a
// store may differ between machines.
func place(name string) string {
	_, after, _ := strings.Cut(name, " bucket ")
	return after
}

// fenced returns an archive that calls owns before it writes or removes an object of a
// sweep, at most once in ownedFor.
func (a *Archive) fenced(owns func(ctx context.Context, name string) error) *Archive {
	return &Archive{store: &fence{Store: a.store, owns: owns}, chains: a.chains, known: a.known, digest: a.digest}
}

// Owns implements activities.Archive.
func (a *Archive) Owns(ctx context.Context, sweepName string, owner sweep.Identity) error {
	key, err := sweepKey(sweepName, specName)
	if err != nil {
		return err
	}
	r, _, err := a.reservation(ctx, sweepName)
	switch {
	case errors.Is(err, store.ErrNotFound) && owner.Address != "" && owner.Address != a.name():
		return &StoreError{Name: a.name(), Have: owner.Store, Want: owner.Store, WantName: owner.Address, Lacks: key}
	case errors.Is(err, store.ErrNotFound):
		return missing(sweepName, key, err)
	case err != nil:
		return err
	case !r.Owner.Same(owner):
		return &OwnerError{Name: sweepName, Writer: owner, Holder: r.Owner}
	}
	return nil
}

// CheckTemporal returns an *ElsewhereError if the sweep belongs to another Temporal cluster
// or namespace than at. Nothing is known of its workflows then.
func (a *Archive) CheckTemporal(ctx context.Context, sweepName string, at sweep.Identity) error {
	r, _, err := a.reservation(ctx, sweepName)
	if err == nil && r.Owner.ID != "" && !r.Owner.SameTemporal(at) {
		err = &ElsewhereError{Name: sweepName, Asker: at, Holder: r.Owner}
	}
	return err
}

// Owner returns the identity of the sweep that has a name.
func (a *Archive) Owner(ctx context.Context, sweepName string) (sweep.Identity, error) {
	r, _, err := a.reservation(ctx, sweepName)
	return r.Owner, err
}

// ownedFor is how long a look at the reservation counts for the writes of one activity that
// follow, such as those of the files of a checkpoint.
const ownedFor = time.Second

// fence is a store in which a sweep writes and removes only its own objects.
type fence struct {
	store.Store
	owns func(ctx context.Context, name string) error // why nothing of a sweep may be written

	mu    sync.Mutex
	name  string    // of the sweep that was looked at last
	owned time.Time // when
}

// check returns an error if the object of a key may not be written.
func (f *fence) check(ctx context.Context, key string) error {
	rest, ok := strings.CutPrefix(key, sweepsPrefix)
	name, _, deeper := strings.Cut(rest, "/")
	if !ok || !deeper {
		return fmt.Errorf("%s is not an object of a sweep", key)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == f.name && time.Since(f.owned) < ownedFor {
		return nil
	}
	if err := f.owns(ctx, name); err != nil {
		return err
	}
	f.name, f.owned = name, time.Now()
	return nil
}

// Put implements store.Store.
func (f *fence) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	if err := f.check(ctx, key); err != nil {
		return err
	}
	return f.Store.Put(ctx, key, body, size)
}

// PutIfAbsent implements store.Store.
func (f *fence) PutIfAbsent(ctx context.Context, key string, body []byte) (etag string, err error) {
	if err := f.check(ctx, key); err != nil {
		return "", err
	}
	return f.Store.PutIfAbsent(ctx, key, body)
}

// Replace implements store.Store.
func (f *fence) Replace(ctx context.Context, key string, body []byte, etag string) (newETag string, err error) {
	if err := f.check(ctx, key); err != nil {
		return "", err
	}
	return f.Store.Replace(ctx, key, body, etag)
}

// Delete implements store.Store.
func (f *fence) Delete(ctx context.Context, key string) error {
	if err := f.check(ctx, key); err != nil {
		return err
	}
	return f.Store.Delete(ctx, key)
}
