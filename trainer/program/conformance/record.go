package conformance

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// stop is how a training is interrupted in its middle.
type stop int

const (
	stopNever stop = iota
	stopTerminate
	stopKill
)

// ask is what one start of the program is asked for.
type ask struct {
	until  int
	seed   int64        // added to that of the spec
	params sweep.Params // nil: those of the Config
	from   *record      // the training to continue; nil: from the beginning
	step   int          // of from's checkpoint
	lost   bool         // the files of that checkpoint are not there
	stop   stop
	keep   bool // the checkpoints are needed later
}

// String says what was asked for.
func (a ask) String() string {
	if a.from != nil {
		return fmt.Sprintf("a training from step %d to %d", a.step, a.until)
	}
	return fmt.Sprintf("a training to step %d", a.until)
}

// record is what one start of the program did.
type record struct {
	ask     ask
	folder  string // has the checkpoints
	began   time.Time
	spoke   time.Time // when the first message or number came; zero if none
	stopped time.Time // when it was sent SIGTERM or killed, as asked; zero if it was not
	heard   time.Time // when the last line came
	over    time.Time

	started   *int // step of the message started; nil without one
	first     *int // step of the first progress
	last      *int // step of the last progress
	reached   int  // step of the last progress before it was stopped
	reports   int  // of progress
	losses    int  // reports with a loss named loss
	names     []string
	odd       string // why the first line that looks like a message is none, and the line
	oddLines  int
	words     string // the last lines of its text
	lines     int
	bytes     int64
	left      []string       // processes that it left
	announced map[int]string // folders of checkpoints, as the program named them
	preempted bool           // it said so

	saved   map[int]checkpoint.Manifest
	changed map[int]error      // checkpoints that were changed after they were announced
	metrics map[string]float64 // at ask.until
	done    bool               // trained to ask.until
	failure *sweep.Failure
	ended   string // how it ended, in words
	late    bool   // it was killed at the time limit
	killed  bool   // tailsweep killed it, since it did not end by itself
}

// state is what a training has reached at a step: what two trainings are compared by.
type state struct {
	metrics map[string]float64 // as the program reported them; nil if it reported none at this step
	files   map[string]string  // the SHA-256 of the program's files of the checkpoint
}

// state returns what the training had reached at a step.
func (r *record) state(step int) state {
	var s state
	if m, has := r.saved[step]; has {
		s.files = programFiles(m)
	}
	if r.done && step == r.ask.until {
		s.metrics = r.metrics
	}
	return s
}

// training is the time between the first sign of life and the last line.
func (r *record) training() time.Duration {
	if r.spoke.IsZero() {
		return r.over.Sub(r.began)
	}
	return r.heard.Sub(r.spoke)
}

// lastSaved is the step of the last checkpoint, 0 if there is none.
func (r *record) lastSaved() int {
	last := 0
	for step := range r.saved {
		last = max(last, step)
	}
	return last
}

// saves reports whether the program wrote a checkpoint before the end.
func (r *record) saves() bool {
	for step, m := range r.saved {
		if step < r.ask.until && len(programFiles(m)) > 0 {
			return true
		}
	}
	return false
}

// dir is the folder of a checkpoint of the training.
func (r *record) dir(step int) string { return filepath.Join(r.folder, checkpoint.DirName(step)) }

// cannotResume says why nothing can continue from a checkpoint; "" if something can.
func (r *record) cannotResume(step int) string {
	m, has := r.saved[step]
	switch {
	case !has && step == 0:
		return "the program wrote no checkpoint"
	case !has:
		return fmt.Sprintf("there is no checkpoint of step %d", step)
	case len(programFiles(m)) == 0:
		return fmt.Sprintf("the checkpoint of step %d has no file of the program", step)
	}
	return ""
}

// output quotes the last lines of the output.
func (r *record) output() string {
	if r.words == "" {
		return ""
	}
	return "; its last output:\n" + r.words
}

// added are the files of a checkpoint that tailsweep adds.
var added = []string{checkpoint.CurveName, checkpoint.MetricsName, checkpoint.EnvironmentName, checkpoint.ManifestName}

// programFiles returns the SHA-256 of what the program wrote into a checkpoint, by path.
func programFiles(m checkpoint.Manifest) map[string]string {
	files := map[string]string{}
	for _, f := range m.Files {
		if !slices.Contains(added, f.Path) {
			files[f.Path] = f.SHA256
		}
	}
	return files
}

// differing returns the names whose values differ between a and b, in order.
func differing[V comparable](a, b map[string]V) []string {
	var names []string
	for name, v := range a {
		if w, has := b[name]; !has || v != w {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, has := a[name]; !has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// maxNames bounds how many names a finding lists.
const maxNames = 5

func some(names []string) string { return text.List(names, maxNames) }

// extent says what of a training was compared.
func (s state) extent() string {
	var parts []string
	if n := len(s.metrics); n > 0 {
		parts = append(parts, "all metrics")
	}
	if n := len(s.files); n > 0 {
		parts = append(parts, "all files of the checkpoint")
	}
	return strings.Join(parts, " and ")
}

// values shows two values of each metric.
func values(a, b state, names []string) string {
	var parts []string
	for _, name := range names[:min(len(names), maxNames)] {
		parts = append(parts, fmt.Sprintf("%s %s and %s", name, a.value(name), b.value(name)))
	}
	return strings.Join(parts, ", ")
}

func (s state) value(name string) string {
	if v, has := s.metrics[name]; has {
		return fmt.Sprintf("%.10g", v)
	}
	return "none"
}

// seconds writes a time for people.
func seconds(d time.Duration) string { return fmt.Sprintf("%.2g s", max(d.Seconds(), 0.01)) }
