package program

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// Names with a meaning of their own in the lines of a plain program.
const (
	stepName       = "step"
	checkpointName = "checkpoint"
)

// maxNumbers bounds the numbers of one line; the rest is text.
const maxNumbers = 1000

// plain is what a plain program has printed.
type plain struct {
	stepped bool               // it has printed a step
	losses  map[string]float64 // before the first step
	values  map[string]float64 // the last value of each metric that it has to report; may be NaN or infinite
}

func newPlain() *plain {
	return &plain{losses: map[string]float64{}, values: map[string]float64{}}
}

// plainLine reads the numbers of a line. All numbers of a line with a step belong to that
// step. problem is what is wrong with the line.
func (r *run) plainLine(line []byte) (problem, err error) {
	found := numbers(string(line))
	losses := map[string]float64{}
	step, stepped := r.step, false
	for _, n := range found {
		if n.name == stepName {
			if n.value != math.Trunc(n.value) || n.value < 0 || n.value > 1<<53 {
				return fmt.Errorf("step is %v (valid: an integer from 0)", n.value), nil
			}
			step, stepped = int(n.value), true
		}
	}
	if stepped {
		if problem := r.follows(&job.Event{Type: job.Progress, Step: step}); problem != nil {
			return problem, nil
		}
		r.plain.stepped = true
	}
	diverged := false
	for _, n := range found {
		switch {
		case n.name == stepName:
			continue
		case n.name == checkpointName:
			continue
		case sweep.IsFinite(n.value):
			if len(losses) < maxLosses {
				losses[n.name] = n.value
			}
		case n.name == sweep.MetricLoss:
			diverged = true
		}
		if r.spec.Reported(n.name) && slices.Contains(r.spec.NamedMetrics(), n.name) {
			r.plain.values[n.name] = n.value
		}
	}
	switch {
	case r.plain.stepped && (stepped || len(losses) > 0):
		if err := r.progress(step, losses); err != nil {
			return nil, err
		}
	case len(r.plain.losses) < maxLosses:
		maps.Copy(r.plain.losses, losses)
	}
	if diverged {
		r.last = &job.Event{Type: job.Diverged, Step: step}
		if err := r.conclude(); err != nil {
			return nil, err
		}
		r.kill() // it does not know that this is the end
		return nil, nil
	}
	for _, n := range found {
		if n.name == checkpointName {
			if problem, err := r.plainCheckpoint(n.value); problem != nil || err != nil {
				return problem, err
			}
		}
	}
	return nil, nil
}

// plainCheckpoint takes the folder that a line names as complete. problem is what is wrong
// with the line.
func (r *run) plainCheckpoint(number float64) (problem, err error) {
	folders, err := r.plainFolders()
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		if float64(f.step) == number {
			if problem := r.follows(&job.Event{Type: job.Checkpoint, Step: f.step}); problem != nil {
				return problem, nil
			}
			if err := r.begin(min(f.step, r.program.ResumeStep)); err != nil {
				return nil, err
			}
			return nil, r.take(f.step, f.name)
		}
	}
	return fmt.Errorf("there is no folder step-%v in ${staging}", number), nil
}

type plainFolder struct {
	step int
	name string
}

// plainFolders lists the folders of a plain program by step.
func (r *run) plainFolders() ([]plainFolder, error) {
	entries, err := os.ReadDir(r.program.Staging)
	if err != nil {
		return nil, fmt.Errorf("read ${staging}: %w", err)
	}
	var all []plainFolder
	for _, e := range entries {
		if step, ok := stepOf(e.Name()); ok {
			all = append(all, plainFolder{step, e.Name()})
		}
	}
	slices.SortFunc(all, func(a, b plainFolder) int { return a.step - b.step })
	return all, nil
}

// plainEnd takes what a plain program has left when it has ended with exit code 0.
func (r *run) plainEnd() error {
	folders, err := r.plainFolders()
	if err != nil {
		return bad(sweep.FailBug, "%v", err)
	}
	for _, f := range folders {
		if r.taken != nil && f.step <= *r.taken {
			continue // it is not later than one that was taken
		}
		if err := r.follows(&job.Event{Type: job.Checkpoint, Step: f.step}); err != nil {
			return bad(sweep.FailBug, "the folder %s: %v", f.name, err)
		}
		if err := r.take(f.step, f.name); err != nil {
			return err
		}
	}
	if len(r.curve.points) == 0 && len(r.plain.losses) > 0 { // it has printed no step
		r.curve.add(r.until, r.plain.losses)
	}
	found := &sweep.Evaluation{Metrics: map[string]float64{}}
	for name, value := range r.plain.values {
		if sweep.IsFinite(value) {
			found.Metrics[name] = value
		}
	}
	written, err := takeResults(filepath.Join(r.folder, workDir))
	if err != nil {
		return bad(sweep.FailBadData, "%v", err)
	}
	for _, more := range []*sweep.Evaluation{written, r.results} {
		if more != nil {
			maps.Copy(found.Metrics, more.Metrics)
		}
	}
	if len(found.Metrics) > maxMetrics {
		return bad(sweep.FailBadData, "the program reports %d metrics (valid: at most %d)", len(found.Metrics), maxMetrics)
	}
	if !r.drained {
		r.found = found
	}
	return nil
}

// number is a number that a line names.
type number struct {
	name  string
	value float64 // may be NaN or infinite
}

// numbers finds every name=NUMBER and "name: NUMBER" in a line, in order. A name may be in
// quotes, as in the text of a Python dict.
func numbers(line string) []number {
	var found []number
	for i := 0; i < len(line) && len(found) < maxNumbers; {
		if !beginsName(line[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(line) && inName(line[end]) {
			end++
		}
		if i > 0 && inName(line[i-1]) { // within a word that begins with a digit
			i = end
			continue
		}
		name := line[i:end]
		i = end
		rest, quoted := line[end:], false
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			rest, quoted = rest[1:], true
		}
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" || rest[0] != '=' && rest[0] != ':' {
			continue
		}
		value := strings.TrimLeft(rest[1:], " \t")
		if rest[0] == ':' && !quoted && len(value) == len(rest)-1 {
			continue // as in a URL
		}
		word := value
		if end := strings.IndexAny(value, " \t\r,;)]}\"'|/%"); end >= 0 {
			word = value[:end]
		}
		if v, ok := parseNumber(word); ok && sweep.FreeName(name) {
			found = append(found, number{name, v})
			i = len(line) - len(value) + len(word)
		}
	}
	return found
}

func beginsName(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

func inName(c byte) bool {
	return beginsName(c) || c >= '0' && c <= '9' || strings.IndexByte(".-/", c) >= 0
}

// parseNumber reads a decimal number, nan or inf.
func parseNumber(word string) (float64, bool) {
	word = strings.TrimSuffix(word, ".")
	if word == "" || strings.ContainsAny(word, "xX_pP") {
		return 0, false
	}
	v, err := strconv.ParseFloat(word, 64)
	return v, err == nil || math.IsInf(v, 0) // beyond the largest number
}
