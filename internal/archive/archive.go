package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/store"
)

// Archive keeps sweeps in a store. It remembers the ledgers that it has read, and is safe
// for concurrent use.
type Archive struct {
	store  store.Store
	chains chains
}

var (
	_ activities.Checkpoints = (*Archive)(nil)
	_ activities.Records     = (*Archive)(nil)
)

// New returns the archive in s.
func New(s store.Store) *Archive { return &Archive{store: s} }

// Limits, in bytes, on what is read into memory.
const (
	maxSpec   = store.MaxConditional
	maxResult = 1 << 20
	maxGrid   = 64 << 20
	maxCurve  = 64 << 20
)

// read returns the object at key, or an error when it is larger than limit bytes.
func (a *Archive) read(ctx context.Context, key string, limit int64) ([]byte, store.Info, error) {
	r, info, err := a.store.Get(ctx, key)
	if err != nil {
		return nil, store.Info{}, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, store.Info{}, fmt.Errorf("archive: read %s: %w", key, err)
	}
	if int64(len(data)) > limit {
		return nil, info, &tooLargeError{key: key, limit: limit}
	}
	return data, info, nil
}

// tooLargeError means that an object is larger than what is read into memory.
type tooLargeError struct {
	key   string
	limit int64 // bytes
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("archive: %s is larger than the %d bytes that are read", e.key, e.limit)
}

// readJSON decodes the object at key into v. An unknown field is not an error, so
// that a later version can add one.
func (a *Archive) readJSON(ctx context.Context, key string, limit int64, v any) (store.Info, error) {
	data, info, err := a.read(ctx, key, limit)
	if err != nil {
		return store.Info{}, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return store.Info{}, fmt.Errorf("archive: %s: %w", key, err)
	}
	return info, nil
}

// putFile stores the plain file at path.
func (a *Archive) putFile(ctx context.Context, key, path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("archive: put %s: %w", key, err)
	}
	defer func() { _ = f.Close() }() // only read
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("archive: put %s: %w", key, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("archive: put %s: %s is not a plain file", key, path)
	}
	return a.store.Put(ctx, key, f, info.Size())
}

// create puts body at key unless something is there: the same content is
// success with created=false, other content wraps activities.ErrConflict.
func (a *Archive) create(ctx context.Context, key string, body []byte) (created bool, err error) {
	_, err = a.store.PutIfAbsent(ctx, key, body)
	if !errors.Is(err, store.ErrExists) {
		return err == nil, err
	}
	found, _, err := a.read(ctx, key, store.MaxConditional)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(found, body) {
		return false, fmt.Errorf("archive: %s: %w", key, activities.ErrConflict)
	}
	return false, nil
}
