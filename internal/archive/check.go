package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Level is how much a Finding matters.
type Level string

// The levels: as it should be; worth knowing; damaged or lost.
const (
	LevelOK     Level = "ok"
	LevelNotice Level = "notice"
	LevelFault  Level = "fault"
)

// Finding is what Check found out about a part of a sweep.
type Finding struct {
	Part  string `json:"part"` // spec, state, ledger, packs, results, pointer, checkpoints, grids, logs, other
	Level Level  `json:"level"`
	Key   string `json:"key,omitempty"` // of the damaged object
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"` // what to do about it
}

// Repair is one thing that was repaired.
type Repair struct {
	Key   string `json:"key"`
	Done  string `json:"done"`
	Aside string `json:"aside,omitempty"` // where the damaged object is kept
}

// Checked is the result of Check.
type Checked struct {
	Sweep    string    `json:"sweep"`
	Objects  int       `json:"objects"`
	Bytes    int64     `json:"bytes"`
	Findings []Finding `json:"findings"`
	Repairs  []Repair  `json:"repairs,omitempty"`
}

// Faults returns the number of faults.
func (c Checked) Faults() int {
	n := 0
	for _, f := range c.Findings {
		if f.Level == LevelFault {
			n++
		}
	}
	return n
}

// CheckOptions say what Check looks at, and what its caller knows of the sweep.
type CheckOptions struct {
	ReadData bool // read all bytes of checkpoints and grids
	Repair   bool // rebuild what can be rebuilt
	Now      time.Time

	// Progress is that of the sweep's workflow, nil if it is unknown.
	Progress *conduct.Progress
}

// repairRounds is how often a repair is followed by another check: a damaged ledger hides
// what depends on it.
const repairRounds = 5

// Check verifies everything that the store has of a sweep, and with o.Repair rebuilds what
// can be rebuilt from copies and results. A damaged object is kept under
// v1/sweeps/NAME/damaged/. Check may be ended at any step and run again. An error means
// that the store did not answer.
func (a *Archive) Check(ctx context.Context, name string, o CheckOptions) (Checked, error) {
	var repairs []Repair
	for round := 0; ; round++ {
		c := &checker{a: a, name: name, o: o}
		if err := c.check(ctx); err != nil {
			return Checked{}, err
		}
		if !o.Repair || len(c.fixes) == 0 || round == repairRounds {
			return Checked{Sweep: name, Objects: len(c.objects), Bytes: c.bytes, Findings: c.findings, Repairs: repairs}, nil
		}
		if c.reserve != nil { // nothing else may be written before
			c.fixes = []func(context.Context) ([]Repair, error){c.reserve}
		}
		for _, fix := range c.fixes {
			done, err := fix(ctx)
			repairs = append(repairs, done...)
			if err != nil {
				return Checked{}, fmt.Errorf("repair sweep %s (run it again, it continues): %w", name, err)
			}
		}
	}
}

// checker is one check of a sweep.
type checker struct {
	a    *Archive
	name string
	o    CheckOptions

	objects map[string]store.Info
	bytes   int64
	trials  map[int]bool               // whose result is stored
	folders map[string]map[string]bool // files of each checkpoint, by key and path
	logs    int
	entries []string // of the command log
	foreign []string
	aside   int

	spec       *sweep.Spec    // nil if it is damaged
	state      *conduct.State // nil if it is damaged, or there is none yet
	specDigest string
	segments   []stored
	chain      *chain // nil if the ledger is damaged

	findings []Finding
	fixes    []func(context.Context) ([]Repair, error)
	reserve  func(context.Context) ([]Repair, error) // of fixes, the one that changes the identity
}

func (c *checker) found(part string, level Level, key, fix, format string, args ...any) {
	c.findings = append(c.findings, Finding{Part: part, Level: level, Key: key, Found: fmt.Sprintf(format, args...), Fix: fix})
}

// fault reports damage that --repair can fix.
func (c *checker) fault(part, key, repair string, fix func(context.Context) ([]Repair, error), format string, args ...any) {
	c.found(part, LevelFault, key, fmt.Sprintf("`tailsweep doctor %s --repair` %s", c.name, repair), format, args...)
	if fix != nil {
		c.fixes = append(c.fixes, fix)
	}
}

func (c *checker) key(rest string) string { return sweepsPrefix + c.name + "/" + rest }

func (c *checker) check(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.list, c.checkSpec, c.checkState, c.checkLedger, c.checkPacks, c.checkResults, c.checkPointer, c.checkCheckpoints, c.checkGrids, c.checkRest,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

var trialObject = regexp.MustCompile(`^trials/([0-9]{6})/(result\.json|grid\.png|attempts/[0-9]{1,6}/(log\.txt|curve\.jsonl|checkpoints/step-[0-9]{10}/.+))$`)

const (
	damagedFolder = "damaged/"
	copiedHint    = "the files of the object store were copied without their extended attributes"
)

// list sorts all keys of the sweep.
func (c *checker) list(ctx context.Context) error {
	prefix, err := sweepKey(c.name, "")
	if err != nil {
		return err
	}
	c.objects, c.trials, c.folders = map[string]store.Info{}, map[int]bool{}, map[string]map[string]bool{}
	var bare []string
	for info, err := range c.a.store.List(ctx, prefix) {
		if err != nil {
			return err
		}
		c.objects[info.Key] = info
		c.bytes += info.Size
		if info.ETag == "" {
			bare = append(bare, info.Key)
		}
		c.sort(info.Key, strings.TrimPrefix(info.Key, prefix))
	}
	if len(c.objects) == 0 {
		return fmt.Errorf("archive: sweep %s: %w", c.name, store.ErrNotFound)
	}
	if len(bare) > 0 {
		c.fault("other", bare[0], "stores them again; or copy the files again with their attributes (rsync -X, cp --preserve=xattr)", c.storeAgain(bare),
			"%s no ETag, so the store may overwrite what is written once: %s", english.Plural(len(bare), "object has", "objects have"), copiedHint)
	}
	return nil
}

// sort notes an object by its key; rest is the key below the sweep.
func (c *checker) sort(key, rest string) {
	_, isSegment := parseSegmentKey(c.name, key)
	_, _, isPack := parsePackKey(c.name, key)
	parts := trialObject.FindStringSubmatch(rest)
	switch {
	case isSegment, isPack, rest == specName, rest == yamlName, rest == bestName, rest == stateName:
	case strings.HasPrefix(rest, commandsFolder) && isEntry(strings.TrimPrefix(rest, commandsFolder)):
		c.entries = append(c.entries, key)
	case strings.HasPrefix(rest, damagedFolder):
		c.aside++
	case parts == nil:
		c.foreign = append(c.foreign, key)
	case parts[2] == "result.json":
		if n, err := strconv.Atoi(parts[1]); err == nil {
			c.trials[n] = true
		}
	case parts[3] == logName:
		c.logs++
	case strings.HasPrefix(parts[3], "checkpoints/"):
		folder, path, ok := inCheckpoint(key)
		if !ok {
			c.foreign = append(c.foreign, key)
			return
		}
		if c.folders[folder] == nil {
			c.folders[folder] = map[string]bool{}
		}
		c.folders[folder][path] = true
	}
}

// stored is an object as it was read.
type stored struct {
	key   string
	data  []byte
	etag  string
	err   error // store.ErrNotFound, or too large
	seg   segment
	fault *damage
}

// readers is how many objects are read at a time.
const readers = 8

// readAll reads objects of at most limit bytes. An error means that the store did not answer.
func (c *checker) readAll(ctx context.Context, keys []string, limit int64) ([]stored, error) {
	var (
		all  = make([]stored, len(keys))
		errs = make([]error, readers)
		wg   sync.WaitGroup
	)
	for r := range readers {
		wg.Go(func() {
			for i := r; i < len(keys) && errs[r] == nil; i += readers {
				all[i], errs[r] = c.read(ctx, keys[i], limit)
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

func (c *checker) read(ctx context.Context, key string, limit int64) (stored, error) {
	data, info, err := c.a.object(key, nil).read(ctx, limit)
	s := stored{key: key, data: data, etag: info.ETag}
	var large *tooLargeError
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &large) {
		s.err, err = err, nil
	}
	return s, err
}

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
	if s.err != nil {
		c.specFault(ctx, s)
		return nil
	}
	if r.Removing && c.o.Repair {
		return &RemovingError{c.name}
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
	aside := func(s stored, then string) {
		faults++
		c.fault("state", s.key, "puts it aside: "+then, c.putAside(s), "it cannot be read: %v", s.err)
	}
	s, err := c.read(ctx, c.key(stateName), maxState)
	if err != nil {
		return err
	}
	if s.err == nil {
		c.state = &conduct.State{}
		if s.err = json.Unmarshal(s.data, c.state); s.err != nil {
			c.state = nil
		}
	}
	if s.err != nil && !errors.Is(s.err, store.ErrNotFound) {
		aside(s, "the sweep continues from its ledger")
	}
	entries, err := c.readAll(ctx, c.entries, maxSpec)
	if err != nil {
		return err
	}
	for _, s := range entries {
		var e conduct.CommandEntry
		if s.err == nil {
			s.err = json.Unmarshal(s.data, &e)
		}
		if s.err != nil {
			aside(s, "the command log lacks this entry")
		}
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

// inForce returns the spec that counts now: the last one that a command has made.
func (c *checker) inForce() *sweep.Spec {
	if c.state != nil && c.state.Spec != nil {
		return c.state.Spec
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

// checkResults compares the results with the ledger.
func (c *checker) checkResults(ctx context.Context) error {
	if c.chain == nil {
		c.found("results", LevelNotice, "", "", "not compared: the ledger is damaged")
		return nil
	}
	results, err := c.results(ctx)
	if err != nil {
		return err
	}
	faults, without := 0, 0
	for _, t := range c.chain.trials {
		key, err := trialKey(c.name, t.Number, resultName)
		if err != nil {
			return err
		}
		line, err := encodeTrial(t)
		if err != nil {
			return err
		}
		r, ok := results[t.Number]
		wrong, what := "", "rewrites it from the ledger"
		switch {
		case !ok && (t.Status == sweep.StatusFailed || t.Status == sweep.StatusCancelled):
			without++ // the trial ended without publishing a result
			continue
		case !ok:
			r, wrong = result{stored: stored{key: key, err: store.ErrNotFound}}, "it is missing"
		case r.fault != nil:
			wrong = r.fault.Error()
		case !c.same(r, t, line):
			wrong = fmt.Sprintf("it differs from the ledger, whose segment %d has trial %d", c.chain.segmentOf[t.Number], t.Number)
		default:
			continue
		}
		faults++
		c.fault("results", key, what, c.rewrite(r.stored, line, "written anew from the ledger"), "%s", wrong)
	}
	var waiting []int
	for _, n := range slices.Sorted(maps.Keys(results)) {
		if _, ok := c.chain.segmentOf[n]; ok {
			continue
		}
		if r := results[n]; r.fault != nil {
			faults++
			c.fault("results", r.key, "puts it aside: the trial then counts as lost", c.putAside(r.stored), "%v", r.fault)
			continue
		}
		waiting = append(waiting, n)
	}
	switch p := c.o.Progress; {
	case len(waiting) == 0:
	case p != nil && p.EndedAt != nil:
		c.found("results", LevelNotice, "", "", "the ledger does not have the results of the trials %v: the sweep ended without them", text.Numbers(waiting, mostNumbers))
	default:
		c.found("results", LevelNotice, "", "", "the ledger does not have the results of the trials %v yet", text.Numbers(waiting, mostNumbers))
	}
	if faults == 0 {
		note := ""
		if without > 0 {
			note = fmt.Sprintf("; %s published none", english.Plural(without, "failed or cancelled trial", ""))
		}
		c.found("results", LevelOK, "", "", "%s verified against the ledger%s", english.Plural(len(c.chain.trials)-without, "result", ""), note)
	}
	return nil
}

// result is the stored result of a trial.
type result struct {
	stored
	trial sweep.Trial
}

// results reads all results; one that is damaged has a fault.
func (c *checker) results(ctx context.Context) (map[int]result, error) {
	numbers := slices.Sorted(maps.Keys(c.trials))
	keys := make([]string, len(numbers))
	for i, n := range numbers {
		keys[i] = c.key(fmt.Sprintf("trials/%06d/%s", n, resultName))
	}
	all, err := c.readAll(ctx, keys, maxResult)
	if err != nil {
		return nil, err
	}
	results := make(map[int]result, len(all))
	for i, s := range all {
		r := result{stored: s}
		if s.err == nil {
			r.trial, s.err = decodeTrial(s.data)
			if s.err == nil && r.trial.Number != numbers[i] {
				s.err = fmt.Errorf("it is of trial %d", r.trial.Number)
			}
		}
		if s.err != nil {
			r.fault = damaged("the result of a trial", "it cannot be read: %v", s.err)
		}
		results[numbers[i]] = r
	}
	return results, nil
}

// mostNumbers is how many trials a finding lists.
const mostNumbers = 10

// same reports whether the ledger's line of a trial is its result as the sweep takes it:
// with the gates of the spec that was in force when it arrived.
func (c *checker) same(r result, t sweep.Trial, line []byte) bool {
	r.trial.Gates = t.Gates
	for _, spec := range []*sweep.Spec{nil, c.spec, c.inForce()} {
		taken := r.trial
		if spec != nil {
			taken = conduct.Checked(spec, taken)
		}
		if text, err := encodeTrial(taken); err == nil && bytes.Equal(text, line) {
			return true
		}
	}
	return false
}

// checkPointer compares the pointer with the ledger.
func (c *checker) checkPointer(ctx context.Context) error {
	if c.chain == nil || c.spec == nil {
		return nil // it is checked once the ledger is repaired
	}
	s, err := c.read(ctx, c.key(bestName), maxPointer)
	if err != nil {
		return err
	}
	var best Best
	wrong := ""
	switch {
	case errors.Is(s.err, store.ErrNotFound) && len(c.best()) == 0:
		c.found("pointer", LevelOK, "", "", "none: no completed trial has a checkpoint")
		return nil
	case errors.Is(s.err, store.ErrNotFound):
		wrong = "it is missing"
	case s.err != nil:
		wrong = s.err.Error()
	default:
		if err := json.Unmarshal(s.data, &best); err != nil {
			wrong = "it cannot be read: " + err.Error()
		}
	}
	for _, t := range best.Trials {
		i := slices.IndexFunc(c.chain.trials, func(o sweep.Trial) bool { return o.Number == t.Number })
		switch {
		case i < 0:
			wrong = fmt.Sprintf("it names trial %d, which the ledger does not have", t.Number)
		case c.chain.trials[i].Checkpoint != t.Checkpoint:
			wrong = fmt.Sprintf("its checkpoint of trial %d differs from the ledger's", t.Number)
		case !sameResult(c.chain.trials[i], t):
			wrong = fmt.Sprintf("its result of trial %d differs from the ledger's", t.Number)
		case t.Checkpoint != "" && !c.folders[t.Checkpoint][checkpoint.ManifestName]:
			c.found("pointer", LevelFault, t.Checkpoint, "", "the pointer names this checkpoint of trial %d, which is lost", t.Number)
		}
	}
	if wrong != "" {
		c.fault("pointer", s.key, "points at the best trials of the ledger whose checkpoints are there", c.rebuildPointer(s), "%s", wrong)
		return nil
	}
	c.found("pointer", LevelOK, "", "", "it names the trials %s", text.Numbers(numbersIn(best.Trials), mostNumbers))
	return nil
}

// sameResult compares a trial of the ledger with one of the pointer, which leaves out reasons
// and, after a change of the spec, has other gates.
func sameResult(a, b sweep.Trial) bool {
	a.Reason, b.Reason = sweep.Reason{}, sweep.Reason{}
	a.Gates, b.Gates = nil, nil
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && bytes.Equal(one, other)
}

func numbersIn(trials []sweep.Trial) []int {
	numbers := make([]int, len(trials))
	for i, t := range trials {
		numbers[i] = t.Number
	}
	return numbers
}

// best returns the leading trials of the ledger whose checkpoints are there, best first.
func (c *checker) best() []sweep.Trial {
	spec := c.inForce()
	if len(spec.Metrics) == 0 {
		return nil // not a spec that can have run
	}
	var kept []sweep.Trial
	order, _ := conduct.Order(spec, slices.Clone(c.chain.trials), numbersIn(c.chain.trials))
	for _, n := range order {
		if len(kept) == spec.Checkpoints.SaveSweepBest {
			break
		}
		t := c.chain.trials[slices.IndexFunc(c.chain.trials, func(t sweep.Trial) bool { return t.Number == n })]
		t.Reason = sweep.Reason{Sampler: t.Reason.Sampler}
		if c.folders[t.Checkpoint][checkpoint.ManifestName] {
			kept = append(kept, t)
		}
	}
	return kept
}

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
// a *damage.
func (c *checker) checkpoint(ctx context.Context, folder string) (read int64, err error) {
	_, m, err := c.a.manifest(ctx, folder)
	if isCorrupt(err) {
		return 0, damaged("a checkpoint", "%v", err)
	}
	if err != nil {
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
		return "", n, fmt.Errorf("archive: read %s: %w", key, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), n, nil
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

// checkRest reports what has no digest to compare with.
func (c *checker) checkRest(context.Context) error {
	c.found("logs", LevelOK, "", "", "%s", english.Plural(c.logs, "log", ""))
	if len(c.foreign) > 0 {
		c.found("other", LevelNotice, c.foreign[0], "", "%s not tailsweep's and ignored", english.Plural(len(c.foreign), "key is", "keys are"))
	}
	if c.aside > 0 {
		c.found("other", LevelNotice, c.key(damagedFolder), "", "%s kept from earlier repairs", english.Plural(c.aside, "damaged object is", "damaged objects are"))
	}
	return nil
}
