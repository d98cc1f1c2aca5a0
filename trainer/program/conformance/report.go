package conformance

import (
	"fmt"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Level is what a check found.
type Level string

// The levels of a Check.
const (
	OK            Level = "ok"
	Warning       Level = "warning"        // a sweep works, but with a loss: of time, of exactness
	Fault         Level = "fault"          // a sweep with this program goes wrong
	NotApplicable Level = "not applicable" // could not be checked: Found says why
)

// Check is one thing that the suite has checked.
type Check struct {
	Name  string `json:"name"` // one of Names
	Level Level  `json:"level"`
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"` // what to do about it
}

// Report is what the suite has found.
type Report struct {
	Command  []string     `json:"command"`
	Protocol string       `json:"protocol"`
	Params   sweep.Params `json:"parameters"`
	Steps    int          `json:"steps"`   // of the longest training
	Starts   int          `json:"starts"`  // of the program
	Seconds  float64      `json:"seconds"` // that all checks took
	Checks   []Check      `json:"checks"`
}

// Count returns how many checks have a level.
func (r Report) Count(level Level) int {
	n := 0
	for _, c := range r.Checks {
		if c.Level == level {
			n++
		}
	}
	return n
}

// Check returns the check of a name.
func (r Report) Check(name string) Check {
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Name == name })
	if i < 0 {
		return Check{Name: name, Level: NotApplicable}
	}
	return r.Checks[i]
}

// The names of the checks.
const (
	Start       = "start"
	Messages    = "messages"
	Progress    = "progress"
	Loss        = "loss"
	Checkpoints = "checkpoints"
	Metrics     = "metrics"
	Samples     = "samples"
	Done        = "done"
	SameSeed    = "same seed"
	OtherSeed   = "other seed"
	Resume      = "resume"
	Parts       = "parts"
	Terminate   = "SIGTERM"
	Kill        = "SIGKILL"
	Parameter   = "parameter"
	BadValue    = "bad value"
	NoFolder    = "no checkpoint"
	Processes   = "processes"
	Output      = "output"
)

// Names lists the checks in the order of a report.
func Names() []string {
	return []string{
		Start, Messages, Output, Progress, Loss, Checkpoints, Metrics, Samples, Done, Processes,
		SameSeed, OtherSeed, Parameter, Resume, Parts, Terminate, Kill, NoFolder, BadValue,
	}
}

// findings collects the checks of a report. The first finding of the highest level stands
// for a check, since later ones are often its consequences.
type findings map[string]Check

var severity = map[Level]int{NotApplicable: 0, OK: 1, Warning: 2, Fault: 3}

// add adds a finding.
func (f findings) add(name string, level Level, fix, format string, args ...any) {
	if old, known := f[name]; known && severity[old.Level] >= severity[level] {
		return
	}
	f[name] = Check{Name: name, Level: level, Found: fmt.Sprintf(format, args...), Fix: fix}
}

func (f findings) ok(name, format string, args ...any) { f.add(name, OK, "", format, args...) }

func (f findings) none(name, format string, args ...any) {
	f.add(name, NotApplicable, "", format, args...)
}

// list returns the checks in their order; why is of those that were not made.
func (f findings) list(why string) []Check {
	var checks []Check
	for _, name := range Names() {
		c, known := f[name]
		if !known {
			c = Check{Name: name, Level: NotApplicable, Found: why}
		}
		checks = append(checks, c)
	}
	return checks
}
