package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

const (
	specName = "spec.json"
	yamlName = "spec.yaml"
)

// reservation is spec.json. It carries the YAML, too, so that one conditional
// put says all: a crash before spec.yaml loses nothing.
type reservation struct {
	Digest string     `json:"digest"`
	Spec   sweep.Spec `json:"spec"`
	YAML   string     `json:"yaml"`
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

// Reserve gives the spec's name to it: created says that it had none before, and
// created=false that the same spec had it already, whose sweep is then the one
// to attach to. Another spec under this name is a *NameTakenError. yaml is the
// spec as submitted; it may differ in comments from the one that came first.
func (a *Archive) Reserve(ctx context.Context, spec *sweep.Spec, yaml []byte) (created bool, err error) {
	key, err := sweepKey(spec.Name, specName)
	if err != nil {
		return false, err
	}
	own := reservation{Digest: spec.Digest(), Spec: *spec, YAML: string(yaml)}
	body, err := json.MarshalIndent(own, "", "  ")
	if err != nil {
		return false, fmt.Errorf("archive: spec of %s: %w", spec.Name, err)
	}
	_, err = a.store.PutIfAbsent(ctx, key, body)
	if err != nil && !errors.Is(err, store.ErrExists) {
		return false, err
	}
	created = err == nil
	if !created {
		first, err := a.reservation(ctx, spec.Name)
		if err != nil {
			return false, err
		}
		if first.Digest != own.Digest {
			return false, &NameTakenError{Name: spec.Name, Taken: first.Digest, Asked: own.Digest}
		}
		own = first
	}
	return created, a.copyYAML(ctx, own)
}

// copyYAML writes spec.yaml unless it is there: whoever reserved the name may
// have died before it could.
func (a *Archive) copyYAML(ctx context.Context, r reservation) error {
	key, err := sweepKey(r.Spec.Name, yamlName)
	if err != nil {
		return err
	}
	switch _, err := a.store.Stat(ctx, key); {
	case errors.Is(err, store.ErrNotFound):
		return a.store.Put(ctx, key, bytes.NewReader([]byte(r.YAML)), int64(len(r.YAML)))
	default:
		return err
	}
}

// LoadSpec returns a sweep's spec and its YAML as submitted, or an error that
// wraps store.ErrNotFound when there is no such sweep.
func (a *Archive) LoadSpec(ctx context.Context, name string) (*sweep.Spec, []byte, error) {
	r, err := a.reservation(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	return &r.Spec, []byte(r.YAML), nil
}

func (a *Archive) reservation(ctx context.Context, name string) (reservation, error) {
	key, err := sweepKey(name, specName)
	if err != nil {
		return reservation{}, err
	}
	var r reservation
	if _, err := a.readJSON(ctx, key, maxSpec, &r); err != nil {
		return reservation{}, err
	}
	if r.Spec.Name != name || r.Digest == "" {
		return reservation{}, fmt.Errorf("archive: %s is not the spec of sweep %s", key, name)
	}
	return r, nil
}
