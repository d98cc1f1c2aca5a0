package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/store"
)

// Archive keeps sweeps in a store. It remembers the ledgers that it has read, and is safe
// for concurrent use.
type Archive struct {
	store  store.Store
	chains *chains
	known  *known
	digest string // of the spec whose checkpoints are accepted; "" for any
}

var (
	_ activities.Checkpoints = (*Archive)(nil)
	_ activities.Records     = (*Archive)(nil)
	_ activities.Archive     = (*Archive)(nil)
)

// New returns the archive in s.
func New(s store.Store) *Archive { return &Archive{store: s, chains: &chains{}, known: &known{}} }

// Limits, in bytes, on what is read into memory.
const (
	maxSpec   = store.MaxConditional
	maxResult = 1 << 20
	maxGrid   = 64 << 20
	maxCurve  = 64 << 20
	maxLog    = 64 << 20
)

// object is an object of the archive: its key, or the error of its key.
type object struct {
	store store.Store
	key   string
	err   error
}

// object takes the results of a function that makes keys.
func (a *Archive) object(key string, err error) object { return object{a.store, key, err} }

// read returns the content, or an error when it is larger than limit bytes.
func (o object) read(ctx context.Context, limit int64) ([]byte, store.Info, error) {
	if o.err != nil {
		return nil, store.Info{}, o.err
	}
	r, info, err := o.store.Get(ctx, o.key)
	if err != nil {
		return nil, store.Info{}, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, store.Info{}, fmt.Errorf("read %s: %w", o.key, err)
	}
	if int64(len(data)) > limit {
		return nil, info, &tooLargeError{key: o.key, limit: limit}
	}
	return data, info, nil
}

// tooLargeError means that an object is larger than what is read into memory.
type tooLargeError struct {
	key   string
	limit int64 // bytes
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than the %d bytes that are read", e.key, e.limit)
}

// readJSON decodes the content into v. An unknown field is not an error, so that a
// later version can add one.
func (o object) readJSON(ctx context.Context, limit int64, v any) (store.Info, error) {
	data, info, err := o.read(ctx, limit)
	if err != nil {
		return store.Info{}, err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return store.Info{}, o.undecodable(err)
	}
	return info, nil
}

// undecodable is the error of an object whose content is not what its key says.
func (o object) undecodable(err error) error {
	if strings.HasPrefix(o.key, sweepsPrefix) {
		return &DamagedError{Key: o.key, Found: err.Error()}
	}
	return fmt.Errorf("%s: %w", o.key, err)
}

// put stores body.
func (o object) put(ctx context.Context, body []byte) error {
	if o.err != nil {
		return o.err
	}
	return o.store.Put(ctx, o.key, bytes.NewReader(body), int64(len(body)))
}

// putFile stores the plain file at path, of at most limit bytes. A child has made it: no
// link is followed.
func (o object) putFile(ctx context.Context, path string, limit int64) error {
	if o.err != nil {
		return o.err
	}
	f, size, err := file.OpenPlain(path, limit)
	if err != nil {
		return fmt.Errorf("put %s: %w", o.key, err)
	}
	defer func() { _ = f.Close() }() // only read
	return o.store.Put(ctx, o.key, f, size)
}

// create stores body unless the object exists. An object with this content is not an
// error; the error of one with other content wraps activities.ErrConflict.
func (o object) create(ctx context.Context, body []byte) error {
	if o.err != nil {
		return o.err
	}
	_, err := o.store.PutIfAbsent(ctx, o.key, body)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	found, _, err := o.read(ctx, store.MaxConditional)
	if err == nil && !bytes.Equal(found, body) {
		err = fmt.Errorf("%s: %w", o.key, activities.ErrConflict)
	}
	return err
}

// putOverBare stores body in the place of an object without an ETag, of at most
// store.MaxConditional bytes, unless it was written since: then the error is
// store.ErrExists. For versitygw an object without an ETag does not exist.
func (o object) putOverBare(ctx context.Context, body []byte) error {
	_, err := o.store.PutIfAbsent(ctx, o.key, body)
	if !errors.Is(err, store.ErrExists) {
		return err
	}
	now, statErr := o.store.Stat(ctx, o.key)
	if statErr != nil || now.ETag != "" {
		return errors.Join(statErr, err)
	}
	return o.put(ctx, body)
}
