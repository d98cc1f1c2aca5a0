package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Faults of the objects of a sweep: a byte on the disk of the store flips.

// object is a kind of object of a sweep that is damaged while the sweep runs.
type object struct {
	name   string
	glob   string // below the sweep's folder, or of the store when it begins with /
	first  bool   // the first byte flips, so that the text cannot be read; else the middle one
	silent bool   // nothing reads it, or nothing can tell: it is put right without being named
}

const commandLogEntry = "an entry of the command log" // there is none without a command

var objects = []object{
	{name: "spec.json (the reservation)", glob: "spec.json"},
	{name: "spec.yaml", glob: "spec.yaml", first: true},
	{name: "state.json", glob: "state.json"},
	{name: commandLogEntry, glob: "commands/*"},
	{name: "a pack", glob: "packs/*"},
	{name: "a result", glob: "trials/*/result.json"},
	{name: "the pointer", glob: "pointers/best.json"},
	{name: "a grid", glob: "trials/*/grid.png"},
	{name: "a curve", glob: "trials/*/attempts/*/curve.jsonl"},
	{name: "store.json", glob: "/store.json", silent: true},
}

// flip inverts one byte of a file, in the middle or the first, in place: an object's
// attributes stay.
func flip(path string, first bool) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		at := info.Size() / 2
		if first {
			at = 0
		}
		one := make([]byte, 1)
		if _, err = f.ReadAt(one, at); err == nil {
			one[0] ^= 0xff
			_, err = f.WriteAt(one, at)
		}
	}
	return errors.Join(err, f.Close())
}

// find returns an object of this kind, of a sweep that runs if one has it; only of a trial in
// the ledger, since the result of another one is all that there is.
func (o object) find(r *round) (p *played, path string) {
	list := slices.Clone(r.sweeps)
	r.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b *played) int {
		switch {
		case a.over == b.over:
			return 0
		case b.over:
			return -1
		}
		return 1
	})
	for _, p := range list {
		base := p.folder
		if strings.HasPrefix(o.glob, "/") {
			base = filepath.Dir(filepath.Dir(p.folder))
		}
		files, _ := filepath.Glob(filepath.Join(base, o.glob)) // an error means a bad pattern
		ended := map[string]bool{}
		if lines, err := ledgerLines(p.folder); err == nil {
			for _, t := range lines {
				ended[fmt.Sprintf("%06d", t.Number)] = true
			}
		}
		files = slices.DeleteFunc(files, func(path string) bool {
			_, rest, of := strings.Cut(path, "/trials/")
			number, _, _ := strings.Cut(rest, "/")
			return of && !ended[number]
		})
		if len(files) > 0 {
			return p, files[r.rand.IntN(len(files))]
		}
	}
	return nil, ""
}

// damageObject damages an object of a running sweep. doctor must name it, unless the sweep has
// written it anew; doctor --repair repairs it, or the byte is put right where nothing has
// another copy.
func damageObject(o object) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		if o.name == commandLogEntry {
			for _, p := range r.running() {
				if _, err := r.site.try(ctx, "set", p.id, "--description", "to be damaged"); err != nil { // it may have ended
					return err
				}
			}
		}
		p, path := o.find(r)
		if p == nil {
			return fmt.Errorf("%w: no sweep has one", errSkipped)
		}
		if err := flip(path, o.first); err != nil {
			return err
		}
		damaged, err := os.ReadFile(path)
		if err == nil {
			err = pause(ctx, 2*time.Second)
		}
		if err != nil {
			return err
		}
		there := func() bool {
			now, err := os.ReadFile(path)
			return err == nil && string(now) == string(damaged)
		}
		if !o.silent {
			if err := r.doctor(ctx, p, path, there); err != nil { // the damage must not be found again later
				if there() {
					err = errors.Join(err, flip(path, o.first))
				}
				return err
			}
		}
		if !there() {
			return nil
		}
		return flip(path, o.first)
	}
}

// doctor expects a damaged object to be named, and asks for its repair.
func (r *round) doctor(ctx context.Context, p *played, path string, there func() bool) error {
	a, err := r.site.try(ctx, "doctor", p.id, "--read-data")
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(p.folder, path)
	if err != nil {
		return err
	}
	if !there() {
		return nil // the sweep wrote it anew meanwhile
	}
	if a.code != 1 || !strings.Contains(a.stdout, filepath.ToSlash(rel)) {
		return errors.Join(fmt.Errorf("doctor %s does not name the damaged %s: exit code %d\n%s%s", p.id, rel, a.code, a.stdout, a.stderr))
	}
	a, err = r.site.try(ctx, "doctor", p.id, "--repair")
	if err == nil && a.code > 1 { // 1 means that something is left, such as a grid, which has no copy
		err = fmt.Errorf("doctor %s --repair: exit code %d\n%s%s", p.id, a.code, a.stdout, a.stderr)
	}
	return err
}

// damageCheckpoint damages a file of the last checkpoint of a running trial and kills its
// child: the training resumes from the one before.
func damageCheckpoint(file string) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		var last string
		err := within(ctx, 10*time.Second, func() (bool, error) {
			last = r.lastCheckpoint()
			return last != "" || r.over(ctx), nil
		})
		if err != nil || last == "" {
			return fmt.Errorf("%w: no running trial has two checkpoints", errSkipped)
		}
		if err := flip(filepath.Join(last, file), false); err != nil {
			return fmt.Errorf("%w: it has just been removed: %w", errSkipped, err)
		}
		return killChildren(true)(ctx, r)
	}
}

// lastCheckpoint returns the folder of the last checkpoint of a trial that trains, which has
// one before it. The final one is left alone: it cannot be made again.
func (r *round) lastCheckpoint() string {
	for _, p := range r.running() {
		trials, _ := filepath.Glob(filepath.Join(p.folder, "trials", "*")) // an error means a bad pattern
		for _, trial := range slices.Backward(trials) {
			if _, err := os.Stat(filepath.Join(trial, "result.json")); err == nil {
				continue
			}
			manifests, _ := filepath.Glob(filepath.Join(trial, "attempts", "*", "checkpoints", "step-*", checkpoint.ManifestName))
			slices.SortFunc(manifests, func(a, b string) int {
				return strings.Compare(filepath.Base(filepath.Dir(a)), filepath.Base(filepath.Dir(b)))
			})
			if n := len(manifests); n > 1 && stepOf(manifests[n-1]) < p.steps {
				return filepath.Dir(manifests[n-1])
			}
		}
	}
	return ""
}

// damageLedger damages the last segment of a running sweep. The sweep must show it within a
// minute and take commands; then it is repaired.
func damageLedger(then func(ctx context.Context, r *round, p *played, segment string) error) func(context.Context, *round) error {
	return func(ctx context.Context, r *round) error {
		p, segment := r.ledgerToDamage()
		if p == nil {
			return fmt.Errorf("%w: no running sweep will append to its ledger", errSkipped)
		}
		if err := flip(segment, false); err != nil {
			return err
		}
		err := r.shown(ctx, filepath.Base(segment))
		if p.over, _ = r.site.ended(ctx, p.id); p.over { // it may have had its last segment
			return errors.Join(flip(segment, false), fmt.Errorf("%w: the sweep had ended before", errSkipped))
		}
		if err != nil { // it must not stop the sweep during the next faults
			return errors.Join(fmt.Errorf("the damaged segment of %s: %w", p.id, err), flip(segment, false))
		}
		return then(ctx, r, p, segment)
	}
}

// ledgerToDamage returns the last segment of a running sweep that will have another one.
func (r *round) ledgerToDamage() (*played, string) {
	list := r.running()
	r.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	for _, p := range list {
		segments, _ := filepath.Glob(filepath.Join(p.folder, "ledger", "*.jsonl")) // an error means a bad pattern
		if n := len(segments); n > 0 && n < len(r.want[p.name].trials)-2 {
			return p, segments[n-1]
		}
	}
	return nil, ""
}

// repair lets doctor repair the segment, or puts the byte right.
func repair(ctx context.Context, r *round, p *played, segment string) error {
	for _, verb := range []string{"pause", "resume"} {
		if _, err := r.site.must(ctx, verb, p.id); err != nil {
			return fmt.Errorf("while the ledger is damaged: %w", err)
		}
	}
	if r.rand.IntN(2) == 0 {
		return flip(segment, false)
	}
	_, err := r.site.must(ctx, "doctor", p.id, "--repair")
	return err
}

// cancelAndRepair cancels the sweep while its ledger is damaged. It ends once the ledger is
// repaired, and is resumed.
func cancelAndRepair(ctx context.Context, r *round, p *played, _ string) error {
	p.loose = true
	if _, err := r.site.must(ctx, "cancel", p.id); err != nil {
		return fmt.Errorf("while the ledger is damaged: %w", err)
	}
	if _, err := r.site.must(ctx, "doctor", p.id, "--repair"); err != nil {
		return err
	}
	return r.resume(ctx, p, blocked)
}
