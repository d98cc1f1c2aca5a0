package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// checkCheckpoints compares each checkpoint with its manifest.
func (c *checker) checkCheckpoints(ctx context.Context) error {
	named := map[string]int{}
	if c.chain != nil {
		for _, t := range c.chain.trials {
			named[t.Checkpoint] = t.Number
			ended := t.Status == sweep.StatusCompleted || t.Status == sweep.StatusStopped && t.Limit == "" // the sweep may have removed it
			if t.Checkpoint != "" && !ended && !c.folders[t.Checkpoint][checkpoint.ManifestName] {
				c.found("checkpoints", LevelFault, t.Checkpoint, "", "the last checkpoint of trial %d (%s) is lost", t.Number, t.Status)
			}
		}
	}
	complete, partial, faults := 0, 0, 0
	var orphans []string
	var read int64
	for _, folder := range slices.Sorted(maps.Keys(c.folders)) {
		if !c.folders[folder][checkpoint.ManifestName] {
			partial++
			continue
		}
		complete++
		id, err := parseCheckpointKey(folder)
		if err != nil {
			return err
		}
		if _, ok := named[folder]; !ok && c.chain != nil {
			if _, finished := c.chain.segmentOf[id.trial]; finished {
				orphans = append(orphans, folder)
			}
		}
		n, err := c.checkpoint(ctx, folder)
		read += n
		var bad *damage
		if errors.As(err, &bad) {
			faults++
			c.found("checkpoints", LevelFault, folder, "it cannot be rebuilt: use another trial, or train this one again", "%s", bad.found)
		} else if errors.Is(err, store.ErrNotFound) { // the sweep removed it since it was listed
			complete, partial = complete-1, partial+1
		} else if err != nil {
			return err
		}
	}
	if partial > 0 {
		c.found("checkpoints", LevelNotice, "", "", "%s no manifest: being stored or removed, or left by a worker that was killed", english.Plural(partial, "checkpoint has", "checkpoints have"))
	}
	if len(orphans) > 0 {
		c.found("checkpoints", LevelNotice, orphans[0], "", "%s not named in the ledger", english.Plural(len(orphans), "checkpoint of a finished trial is", "checkpoints of finished trials are"))
	}
	if faults == 0 {
		how := "manifests and sizes verified; --read-data reads their bytes"
		if c.o.ReadData {
			how = "all " + text.Bytes(read) + " verified"
		}
		c.found("checkpoints", LevelOK, "", "", "%s: %s", english.Plural(complete, "checkpoint", ""), how)
	}
	return nil
}

// checkpoint verifies a checkpoint and returns how many bytes of it were read. Damage is
// a *damage; the error of a checkpoint that was removed meanwhile wraps store.ErrNotFound.
func (c *checker) checkpoint(ctx context.Context, folder string) (read int64, err error) {
	_, m, err := c.a.manifest(ctx, folder)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, err
	case isCorrupt(err):
		return 0, damaged("a checkpoint", "%v", err)
	case err != nil:
		return 0, err
	}
	for _, f := range m.Files {
		info, ok := c.objects[folder+"/"+f.Path]
		switch {
		case !ok:
			return read, damaged("a checkpoint", "%s is missing", f.Path)
		case info.Size != f.Size:
			return read, damaged("a checkpoint", "%s has %d bytes, the manifest says %d", f.Path, info.Size, f.Size)
		case !c.o.ReadData:
			continue
		}
		digest, n, err := c.digest(ctx, folder+"/"+f.Path)
		read += n
		if err != nil {
			return read, err
		}
		if digest != f.SHA256 {
			return read, damaged("a checkpoint", "%s has sha256 %.12s, the manifest says %.12s", f.Path, digest, f.SHA256)
		}
	}
	return read, nil
}

// digest reads an object.
func (c *checker) digest(ctx context.Context, key string) (digest string, n int64, err error) {
	r, _, err := c.a.store.Get(ctx, key)
	if err != nil {
		return "", 0, err
	}
	hash := sha256.New()
	n, err = io.Copy(hash, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return "", n, fmt.Errorf("read %s: %w", key, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), n, nil
}

// checkCurves verifies the loss curves that were kept when trials were published. A damaged
// one is copied again if the checkpoint of its attempt is there.
func (c *checker) checkCurves(ctx context.Context) error {
	faults := 0
	for _, key := range c.curves {
		if !c.o.ReadData {
			break
		}
		s, err := c.read(ctx, key, maxCurve+maxSeal)
		if err != nil {
			return err
		}
		if s.err == nil {
			_, s.err = unseal(s.data)
		}
		if s.err == nil {
			continue
		}
		faults++
		again, err := c.curveAgain(ctx, key)
		switch {
		case err != nil:
			return err
		case again != nil:
			c.fault("curves", key, "copies it from the checkpoint again", c.rewrite(s, again, "copied from the checkpoint again"), "it is damaged: %v", s.err)
		default:
			c.found("curves", LevelFault, key, "it cannot be rebuilt: reports leave it out", "it is damaged: %v", s.err)
		}
	}
	if faults == 0 {
		how := "--read-data verifies them"
		if c.o.ReadData {
			how = "all verified"
		}
		c.found("curves", LevelOK, "", "", "%s: %s", english.Plural(len(c.curves), "loss curve", ""), how)
	}
	return nil
}

// curveAgain makes a kept curve from the checkpoint that the ledger names, if that is of the
// same attempt and intact; else it returns nil.
func (c *checker) curveAgain(ctx context.Context, key string) ([]byte, error) {
	if c.chain == nil {
		return nil, nil
	}
	attempt := strings.TrimSuffix(key, checkpoint.CurveName)
	for _, t := range c.chain.trials {
		if !strings.HasPrefix(t.Checkpoint, attempt) || !c.folders[t.Checkpoint][checkpoint.ManifestName] {
			continue
		}
		curve, digest, err := c.a.curveIn(ctx, t.Checkpoint)
		if err != nil && !isCorrupt(err) && !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
		if err == nil && digestOf(curve) == digest {
			return seal(digest, curve), nil
		}
	}
	return nil, nil
}

// checkGrids looks for the grids that the ledger names.
func (c *checker) checkGrids(ctx context.Context) error {
	if c.chain == nil {
		return nil
	}
	grids, faults := 0, 0
	for _, t := range c.chain.trials {
		if t.Grid == "" {
			continue
		}
		grids++
		wrong := ""
		if _, ok := c.objects[t.Grid]; !ok {
			wrong = "it is missing"
		} else if c.o.ReadData {
			s, err := c.read(ctx, t.Grid, maxGrid)
			if err != nil {
				return err
			}
			if s.err == nil {
				_, s.err = png.Decode(bytes.NewReader(s.data))
			}
			if s.err != nil {
				wrong = "it is damaged: " + s.err.Error()
			}
		}
		if wrong != "" {
			faults++
			c.found("grids", LevelFault, t.Grid, "if the checkpoint exists, pull it and draw new samples with `tailsweep sample`", "trial %d: %s", t.Number, wrong)
		}
	}
	if faults == 0 {
		c.found("grids", LevelOK, "", "", "%s", english.Plural(grids, "sample grid", ""))
	}
	return nil
}
