package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
)

// ConditionsError means that a store overwrites what is written once. Two writers would
// lose each other's results there.
type ConditionsError struct {
	Store string
	Found string // what it did
	Fix   string
}

// Error implements error.
func (e *ConditionsError) Error() string {
	return fmt.Sprintf("%s cannot be used: %s: %s", e.Store, e.Found, e.Fix)
}

// BlockReason returns the reason as the activities read it.
func (e *ConditionsError) BlockReason() block.Reason { return block.WrongStore }

// bareStore is the error of a store whose id has no ETag.
func (a *Archive) bareStore() error {
	return &ConditionsError{a.name(), storeName + " has no ETag, so " + copiedHint + ", and the store overwrites what is written once",
		"copy the files again with their attributes (`cp -a`, `rsync -X`, `tar --xattrs`); or run `tailsweep doctor SWEEP --repair` for each sweep, then `tailsweep setup`"}
}

// probeFolder has the objects of CheckConditions.
const probeFolder = "v1/probe/"

// CheckConditions returns a *ConditionsError if the store does not honour If-None-Match and
// If-Match. It writes an object of its own, and removes it.
func (a *Archive) CheckConditions(ctx context.Context) (err error) {
	if _, err := a.storeID(ctx); err != nil {
		return err
	}
	key := probeFolder + rand.Text()
	wrong := func(format string, args ...any) error {
		return &ConditionsError{a.name(), fmt.Sprintf(format, args...), "use a store that honours conditional writes: docs/store.md"}
	}
	etag, err := a.store.PutIfAbsent(ctx, key, []byte("1"))
	if err != nil {
		return fmt.Errorf("test conditional writes: %w", err)
	}
	defer func() { err = errors.Join(err, a.store.Delete(context.WithoutCancel(ctx), key)) }()
	if etag == "" {
		return wrong("an object has no ETag")
	}
	switch _, err := a.store.PutIfAbsent(ctx, key, []byte("2")); {
	case err == nil:
		return wrong("a put with If-None-Match overwrote an object")
	case !errors.Is(err, store.ErrExists):
		return fmt.Errorf("test If-None-Match: %w", err)
	}
	changed, err := a.store.Replace(ctx, key, []byte("3"), etag)
	if err != nil {
		return fmt.Errorf("test If-Match: %w", err)
	}
	switch _, err := a.store.Replace(ctx, key, []byte("4"), etag); {
	case err == nil && changed != etag:
		return wrong("a put with If-Match of an earlier ETag overwrote an object")
	case err != nil && !errors.Is(err, store.ErrChanged):
		return fmt.Errorf("test If-Match: %w", err)
	}
	return nil
}
