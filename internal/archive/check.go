package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/store"
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
	Part  string `json:"part"` // spec, files, state, ledger, packs, results, pointer, checkpoints, grids, curves, logs, other
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
	ReadData bool // read all bytes of checkpoints, grids and curves
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
	curves  []string                   // keys
	logs    int
	entries []string // of the command log
	files   []string // digests of the trainer's files
	foreign []string
	aside   []string // keys below damaged/, what earlier repairs have replaced

	spec       *sweep.Spec    // nil if it is damaged
	state      *conduct.State // nil if it is damaged, or there is none yet
	changed    *sweep.Spec    // of the last entry of the command log that has one
	specLost   string         // the entries of the command log whose loss hides the spec in force; "" if it is known
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
		c.list, c.checkSpec, c.checkFiles, c.checkState, c.checkLedger, c.checkPacks, c.checkResults, c.checkPointer, c.checkCheckpoints, c.checkGrids, c.checkCurves, c.checkRest,
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
		return fmt.Errorf("sweep %s: %w", c.name, store.ErrNotFound)
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
	case strings.HasPrefix(rest, filesFolder) && isFileDigest(strings.TrimPrefix(rest, filesFolder)):
		c.files = append(c.files, strings.TrimPrefix(rest, filesFolder))
	case strings.HasPrefix(rest, damagedFolder):
		c.aside = append(c.aside, strings.TrimPrefix(rest, damagedFolder))
	case parts == nil:
		c.foreign = append(c.foreign, key)
	case parts[2] == resultName:
		if n, err := strconv.Atoi(parts[1]); err == nil {
			c.trials[n] = true
		}
	case parts[3] == logName:
		c.logs++
	case parts[3] == checkpoint.CurveName:
		c.curves = append(c.curves, key)
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
	if err == nil && bytes.Equal(data, moved) {
		err = absent(key)
	}
	var large *tooLargeError
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &large) {
		s.err, err = err, nil
	}
	return s, err
}

// checkRest reports what has no digest to compare with.
func (c *checker) checkRest(context.Context) error {
	c.found("logs", LevelOK, "", "", "%s", english.Plural(c.logs, "log", ""))
	if len(c.foreign) > 0 {
		c.found("other", LevelNotice, c.foreign[0], "", "%s not tailsweep's and ignored", english.Plural(len(c.foreign), "key is", "keys are"))
	}
	if len(c.aside) > 0 {
		c.found("other", LevelNotice, c.key(damagedFolder), "", "%s kept from earlier repairs", english.Plural(len(c.aside), "damaged object is", "damaged objects are"))
	}
	return nil
}
