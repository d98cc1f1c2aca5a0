package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

func (c *checker) checkSpec(ctx context.Context) error {
	s, err := c.read(ctx, c.key(specName), maxSpec)
	if err != nil {
		return err
	}
	var r reservation
	if s.err == nil {
		r, s.err = parseReservation(c.name, s.data)
	}
	if s.err == nil {
		s.err = checkDigest(s.data)
	}
	all, owner := c.a, r.Owner
	c.a = all.fenced(func(ctx context.Context, name string) error { return all.stillHeld(ctx, name, owner) })
	if r.Removing && c.o.Repair {
		return &RemovingError{c.name}
	}
	if s.err != nil {
		c.specFault(ctx, s, owner)
		return nil
	}
	c.spec, c.specDigest = &r.Spec, r.Digest
	if p := c.o.Progress; p != nil && !p.Owner.Same(r.Owner) && r.Owner.ID == "" { // rewritten while Temporal did not answer
		r.Owner = p.Owner
		body, err := r.encode()
		if err != nil {
			return err
		}
		c.reserve = c.rewrite(s, body, "written with the identity of the workflow")
		c.fault("spec", s.key, "writes it with the identity that the workflow has", c.reserve, "it has no identity, so the sweep may not write")
		return nil
	}
	yaml, err := c.read(ctx, c.key(yamlName), maxSpec)
	if err != nil {
		return err
	}
	if yaml.err != nil || string(yaml.data) != r.YAML {
		c.fault("spec", yaml.key, "writes it anew from spec.json", c.rewrite(yaml, []byte(r.YAML), "written anew from spec.json"),
			"the copy of the spec for people is missing, or differs from spec.json")
		return nil
	}
	c.found("spec", LevelOK, "", "", "digest %.12s verified", r.Digest)
	return nil
}

// checkDigest compares the digest of a reservation with the spec in it. It does not decode the
// spec, so that fields of other versions count.
func checkDigest(data []byte) error {
	var raw struct {
		Digest string
		Spec   json.RawMessage
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw.Spec); err != nil {
		return err
	}
	if digest := digestOf(compact.Bytes()); digest != raw.Digest {
		return fmt.Errorf("the spec has the digest %.12s, it says %.12s", digest, raw.Digest)
	}
	return nil
}

// checkState reads what a sweep that has ended continues from, and its commands.
func (c *checker) checkState(ctx context.Context) error {
	faults := 0
	aside := func(s stored, once bool, then string) {
		faults++
		c.fault("state", s.key, "puts it aside: "+then, c.putAside(s, once, then), "it cannot be read: %v", s.err)
	}
	decode := func(s *stored, v any) {
		var body []byte
		if s.err == nil {
			body, s.err = unseal(s.data)
		}
		if s.err == nil {
			s.err = json.Unmarshal(body, v)
		}
	}
	s, err := c.read(ctx, c.key(stateName), maxState+maxSeal)
	if err != nil {
		return err
	}
	var state conduct.State
	if decode(&s, &state); s.err == nil {
		c.state = &state
	}
	if s.err != nil && !errors.Is(s.err, store.ErrNotFound) {
		aside(s, false, "the sweep continues from its ledger and its command log; requested trials that have not started are lost")
	}
	entries, err := c.readAll(ctx, c.entries, maxSpec+maxSeal)
	if err != nil {
		return err
	}
	lost, _ := lostIn(c.entries, c.aside)
	changed := "" // the last entry that has a spec
	for _, s := range entries {
		var e conduct.CommandEntry
		switch decode(&s, &e); {
		case s.err != nil:
			aside(s, true, "the command log lacks this entry")
			lost = append(lost, lostEntry{path.Base(s.key), strings.TrimLeft(entryNumber(s.key), "0")})
		case e.Spec != nil:
			changed, c.changed = path.Base(s.key), e.Spec
		}
	}
	if lost := lost.after(changed); c.state == nil && len(lost) > 0 {
		c.specLost = text.List(lost.texts(), mostEntries)
		last := "that it was submitted with"
		if changed != "" {
			last = "of entry " + strings.TrimLeft(entryNumber(changed), "0")
		}
		c.found("state", LevelNotice, "", fmt.Sprintf("`tailsweep edit %s SPEC` changes it if it is not the right one", c.name),
			"which spec is in force is not known: there is no state, and the command log lacks %s; the sweep continues with the spec %s", c.specLost, last)
	}
	if faults == 0 {
		what := "none yet"
		if c.state != nil {
			what = fmt.Sprintf("%s, %s", c.state.Phase, english.Plural(c.state.Segments, "segment", ""))
		}
		c.found("state", LevelOK, "", "", "%s; %s in the command log", what, english.Plural(len(entries), "entry", "entries"))
	}
	return nil
}

// inForce returns the spec that counts now, the last one that a command has made; nil if it is
// not known.
func (c *checker) inForce() *sweep.Spec {
	switch {
	case c.state != nil && c.state.Spec != nil:
		return c.state.Spec
	case c.state != nil:
		return c.spec
	case c.specLost != "":
		return nil
	case c.changed != nil:
		return c.changed
	}
	return c.spec
}

// checkPacks compares the packs with the segments.
func (c *checker) checkPacks(ctx context.Context) error {
	if c.chain == nil {
		return nil // they are checked once the ledger is repaired
	}
	bad, absent := 0, 0
	intact := 0
	for _, size := range slices.Backward(packSizes) {
		for first := 0; first+size <= c.chain.len(); first += size {
			key, err := packKey(c.name, first, size)
			if err != nil {
				return err
			}
			var want []byte
			for _, s := range c.segments[first : first+size] {
				want = append(want, s.data...)
			}
			if _, ok := c.objects[key]; !ok {
				if len(want) <= maxPack {
					absent++
					c.fixes = append(c.fixes, c.rewrite(stored{key: key, err: store.ErrNotFound}, want, "written from its segments"))
				}
				continue
			}
			s, err := c.read(ctx, key, maxPack)
			if err != nil {
				return err
			}
			if bytes.Equal(s.data, want) {
				intact++
				continue
			}
			bad++
			c.fault("packs", key, "writes it anew from its segments", c.rewrite(s, want, "written anew from its segments"), "it differs from its segments; readers do not use it")
		}
	}
	if absent > 0 {
		c.found("packs", LevelNotice, "", fmt.Sprintf("`tailsweep doctor %s --repair` writes them", c.name), "%s absent: the ledger is read with more requests", english.Plural(absent, "pack is", "packs are"))
	}
	if bad+absent == 0 {
		c.found("packs", LevelOK, "", "", "%s verified against the segments", english.Plural(intact, "pack", ""))
	}
	return nil
}
