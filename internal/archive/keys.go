package archive

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// sweepsPrefix is the prefix of all sweeps.
const sweepsPrefix = "v1/sweeps/"

// maxNumber bounds trial, segment and attempt numbers. Keys have six digits, so that
// keys and numbers have the same order.
const maxNumber = 999_999

// maxStep bounds steps, for the same reason.
const maxStep = 9_999_999_999

var validName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// NameError means that no sweep can have a name.
type NameError struct{ Name string }

// Error implements error.
func (e *NameError) Error() string {
	return fmt.Sprintf("sweep name %q (valid: 1 to 63 of a-z, 0-9 and -, the first a letter)", e.Name)
}

// CheckName returns a *NameError if no sweep can have the name.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return &NameError{name}
	}
	return nil
}

// sweepKey returns the key of an object of a sweep. It checks the name, which users
// type.
func sweepKey(name, rest string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	return sweepsPrefix + name + "/" + rest, nil
}

const ledgerFolder = "ledger/"

func segmentKey(name string, seg int) (string, error) {
	if err := checkNumber("ledger segment", seg); err != nil {
		return "", err
	}
	return sweepKey(name, segmentRest(seg))
}

// segmentRest is the key of a segment below its sweep.
func segmentRest(seg int) string { return fmt.Sprintf(ledgerFolder+"%06d.jsonl", seg) }

// parseSegmentKey is the inverse of segmentKey; ok is false for any other key.
func parseSegmentKey(name, key string) (seg int, ok bool) {
	digits, _ := strings.CutSuffix(strings.TrimPrefix(key, sweepsPrefix+name+"/"+ledgerFolder), ".jsonl")
	seg, err := strconv.Atoi(digits)
	if err != nil {
		return 0, false
	}
	again, err := segmentKey(name, seg)
	return seg, err == nil && again == key
}

const packsFolder = "packs/"

// packKey returns the key of the pack of size segments from first on.
func packKey(name string, first, size int) (string, error) {
	if err := checkNumber("ledger segment", first+size-1); err != nil {
		return "", err
	}
	return sweepKey(name, fmt.Sprintf(packsFolder+"%06d-%06d.jsonl", first, first+size-1))
}

// parsePackKey is the inverse of packKey; ok is false for any other key.
func parsePackKey(name, key string) (first, size int, ok bool) {
	digits, _ := strings.CutSuffix(strings.TrimPrefix(key, sweepsPrefix+name+"/"+packsFolder), ".jsonl")
	from, to, _ := strings.Cut(digits, "-")
	first, err := strconv.Atoi(from)
	last, lastErr := strconv.Atoi(to)
	if err != nil || lastErr != nil || first < 0 || last < first {
		return 0, 0, false
	}
	size = last - first + 1
	again, err := packKey(name, first, size)
	return first, size, err == nil && again == key && slices.Contains(packSizes, size) && first%size == 0
}

func trialKey(name string, trial int, rest string) (string, error) {
	if err := checkNumber("trial", trial); err != nil {
		return "", err
	}
	return sweepKey(name, trialRest(trial, rest))
}

// trialRest is the key of an object of a trial below its sweep.
func trialRest(trial int, rest string) string { return fmt.Sprintf("trials/%06d/%s", trial, rest) }

func attemptKey(name string, trial, attempt int, rest string) (string, error) {
	if err := checkNumber("attempt", attempt); err != nil {
		return "", err
	}
	return trialKey(name, trial, fmt.Sprintf("attempts/%d/%s", attempt, rest))
}

func checkNumber(what string, n int) error {
	if n < 0 || n > maxNumber {
		return fmt.Errorf("%s number %d is outside 0..%d", what, n, maxNumber)
	}
	return nil
}

// checkpointID identifies the checkpoint of a key.
type checkpointID struct {
	sweep                string
	trial, attempt, step int
}

func (id checkpointID) key() (string, error) {
	if id.step < 0 || id.step > maxStep {
		return "", fmt.Errorf("step %d is outside 0..%d", id.step, maxStep)
	}
	return attemptKey(id.sweep, id.trial, id.attempt, "checkpoints/"+checkpoint.DirName(id.step))
}

var checkpointKey = regexp.MustCompile(`^v1/sweeps/([a-z][a-z0-9-]{0,62})/trials/([0-9]{6})/attempts/([0-9]{1,6})/checkpoints/step-([0-9]{10})$`)

// parseCheckpointKey is the inverse of checkpointID.key.
func parseCheckpointKey(key string) (checkpointID, error) {
	parts := checkpointKey.FindStringSubmatch(key)
	if parts == nil {
		return checkpointID{}, fmt.Errorf("%q is not the key of a checkpoint", key)
	}
	id := checkpointID{sweep: parts[1]}
	for i, n := range []*int{&id.trial, &id.attempt, &id.step} {
		var err error
		if *n, err = strconv.Atoi(parts[i+2]); err != nil {
			return checkpointID{}, fmt.Errorf("%q is not the key of a checkpoint: %w", key, err)
		}
	}
	if again, err := id.key(); err != nil || again != key {
		return checkpointID{}, fmt.Errorf("%q is not the key of a checkpoint", key) // attempts/01
	}
	return id, nil
}

// manifestKey returns the key of the object that completes a checkpoint.
func manifestKey(key string) string { return key + "/" + checkpoint.ManifestName }

// inCheckpoint splits the key of a file of a checkpoint; ok=false for any other object.
func inCheckpoint(key string) (folder, path string, ok bool) {
	const part = "/checkpoints/"
	before, rest, _ := strings.Cut(key, part)
	step, path, _ := strings.Cut(rest, "/")
	folder = before + part + step
	_, err := parseCheckpointKey(folder)
	return folder, path, err == nil
}

// completeCheckpoint returns the checkpoint whose manifest is at key; ok=false for
// any other object.
func completeCheckpoint(key string) (folder string, id checkpointID, ok bool) {
	folder, ok = strings.CutSuffix(key, "/"+checkpoint.ManifestName)
	if !ok {
		return "", checkpointID{}, false
	}
	id, err := parseCheckpointKey(folder)
	return folder, id, err == nil
}
