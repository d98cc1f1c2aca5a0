package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// A sealed object is a line with the SHA-256 of what follows it, {"digest":"90bc..."}, then
// that. Results, curves, states and entries of the command log are sealed.

// maxSeal bounds the line, in bytes.
const maxSeal = 128

// DamagedError means that a sealed object fails verification.
type DamagedError struct {
	Key   string
	Found string
}

// Error implements error.
func (e *DamagedError) Error() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(e.Key, sweepsPrefix), "/")
	flags, does := "--repair", "rebuilds it, or puts it aside"
	if _, _, is := inCheckpoint(e.Key); is {
		flags, does = "--read-data", "checks all checkpoints; one that is damaged cannot be rebuilt"
	} else if path.Base(e.Key) == checkpoint.CurveName {
		flags, does = "--read-data --repair", "copies it again if its checkpoint is there"
	}
	return fmt.Sprintf("%s is damaged: %s: `tailsweep doctor %s %s` %s", e.Key, e.Found, name, flags, does)
}

// seal returns the sealed form of a body with a digest.
func seal(digest string, body []byte) []byte {
	return append([]byte(`{"digest":"`+digest+"\"}\n"), body...)
}

// moved replaces a sealed object that a repair has put aside. It counts as absent. No other
// sealed object has its body: a curve may be empty, everything else is JSON.
var moved = func() []byte {
	body := []byte("put aside\n")
	return seal(digestOf(body), body)
}()

// isMoved reports whether the object of a result is moved: every result is larger.
func isMoved(info store.Info) bool { return info.Size == int64(len(moved)) }

// unseal returns the body of a sealed object.
func unseal(data []byte) ([]byte, error) {
	line, body, _ := bytes.Cut(data, []byte("\n"))
	digest := digestOf(body)
	if !bytes.Equal(append(bytes.Clone(line), '\n'), seal(digest, nil)) {
		return nil, fmt.Errorf("what follows its first line has the digest %.12s, which that line does not name", digest)
	}
	return body, nil
}

// absent is the error of an object that a repair has put aside.
func absent(key string) error {
	return fmt.Errorf("%s was put aside by a repair: %w", key, store.ErrNotFound)
}

// readSealed returns the body of a sealed object of at most limit bytes. A damaged one is a
// *DamagedError.
func (o object) readSealed(ctx context.Context, limit int64) ([]byte, error) {
	data, _, err := o.read(ctx, limit+maxSeal)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(data, moved) {
		return nil, absent(o.key)
	}
	body, err := unseal(data)
	if err != nil {
		return nil, &DamagedError{Key: o.key, Found: err.Error()}
	}
	return body, nil
}

// readSealedJSON decodes the body of a sealed object into v, as readJSON does.
func (o object) readSealedJSON(ctx context.Context, limit int64, v any) error {
	body, err := o.readSealed(ctx, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return o.undecodable(err)
	}
	return nil
}
