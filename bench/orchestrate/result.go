package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/bench/measure"
)

// The engines.
const (
	ours = "tailsweep"
	ray  = "ray"
)

// scenario is a sweep.
type scenario struct {
	Method string  `json:"method"`
	Sleep  float64 `json:"sleep"` // seconds of a child
	Slots  int     `json:"slots"`
	Trials int     `json:"trials"`
}

// String is a scenario in words.
func (c scenario) String() string {
	return fmt.Sprintf("%s, %d trials of %g s on %d slots", c.Method, c.Trials, c.Sleep, c.Slots)
}

// ideal is how long the scenario takes if nothing but the children takes time.
func (c scenario) ideal() time.Duration {
	rounds := (c.Trials + c.Slots - 1) / c.Slots
	return time.Duration(float64(rounds) * c.Sleep * float64(time.Second))
}

// file is the name of a result's file.
func (c scenario) file(engine string) string {
	return fmt.Sprintf("%s-%s-%gs-%d-%d.json", engine, c.Method, c.Sleep, c.Slots, c.Trials)
}

// machine says where a result was measured.
type machine struct {
	Date      string    `json:"date"`
	At        time.Time `json:"at,omitzero"` // of the start
	Version   string    `json:"version"`     // of the engine
	Go        string    `json:"go"`
	Cores     int       `json:"cores"`
	Processor string    `json:"processor"`
}

func thisMachine() machine {
	return machine{
		Date: time.Now().UTC().Format(time.DateOnly), At: time.Now().UTC(), Go: strings.TrimPrefix(runtime.Version(), "go"),
		Cores: runtime.NumCPU(), Processor: measure.Processor(),
	}
}

// result is what one case took. What is per trial is a mean over the sweep.
type result struct {
	scenario
	Engine  string   `json:"engine"`
	Machine machine  `json:"machine"`
	Others  *float64 `json:"others,omitempty"` // share of the machine's processor time that other processes had meanwhile; nil: not known

	Seconds  float64 `json:"seconds"`   // from the start of the first trial to the end of the last
	AtStart  float64 `json:"at_start"`  // seconds between two ends of trials, early in the sweep
	AtEnd    float64 `json:"at_end"`    // likewise, late
	Occupied float64 `json:"occupied"`  // share of the slots' time in which a child ran
	Failed   int     `json:"failed"`    // trials that did not complete
	TrialLag float64 `json:"trial_lag"` // seconds of a trial beyond its sleep

	CPU      map[string]float64 `json:"cpu,omitempty"`      // milliseconds of processor time a trial: worker, stack, children
	Memory   map[string]int64   `json:"memory,omitempty"`   // most resident bytes: worker, stack
	Requests map[string]float64 `json:"requests,omitempty"` // to the object store, a trial, by HTTP method
	History  *history           `json:"history,omitempty"`
	Verbs    map[string]float64 `json:"verbs,omitempty"` // seconds of trials, best, list, report on the finished sweep
	Stored   int64              `json:"stored"`          // bytes of objects
	Database int64              `json:"database"`        // bytes of Temporal's file
}

func (r result) rate() float64  { return float64(r.Trials) / r.Seconds }
func (r result) ratio() float64 { return r.Seconds / r.ideal().Seconds() }
func (r result) drift() float64 { return r.AtEnd / max(r.AtStart, 1e-9) }

// cycle is the time from one start of a trial in a slot to the next, in milliseconds.
func (r result) cycle() float64 { return 1000 * r.Seconds * float64(r.Slots) / float64(r.Trials) }

func (r result) request() float64 { return sum(r.Requests) }

// busy reports whether other processes disturbed the measurement.
func (r result) busy() bool { return r.Others != nil && *r.Others > quiet }

// others is Others as text.
func (r result) others() string {
	if r.Others == nil {
		return "not known"
	}
	return fmt.Sprintf("%.0f %%", 100**r.Others)
}

func sum(m map[string]float64) float64 {
	total := 0.0
	for _, v := range m {
		total += v
	}
	return total
}

// text is a result in a line.
func (r result) text() string {
	line := fmt.Sprintf("%s: %s: %.1f s, %.2f of the ideal, %.1f trials/s, a trial's time at the end %.2f of that at the start",
		r.Engine, r.scenario, r.Seconds, r.ratio(), r.rate(), r.drift())
	if r.Engine == ours {
		line += ", other processes " + r.others()
		line += fmt.Sprintf("\n  a trial: %.0f ms of CPU (stack %.0f, worker %.0f, children %.0f), %.1f store requests, %s\n  memory: stack %.0f MB, worker %.0f MB; verbs: trials %.2f s, best %.2f s, list %.2f s, report %.2f s",
			sum(r.CPU), r.CPU["stack"], r.CPU["worker"], r.CPU["children"], r.request(), r.History.text(r.Trials),
			mb(r.Memory["stack"]), mb(r.Memory["worker"]), r.Verbs["trials"], r.Verbs["best"], r.Verbs["list"], r.Verbs["report"])
	}
	return line
}

func mb(bytes int64) float64 { return float64(bytes) / 1e6 }

// pace fills in the times of a sweep from the starts and ends of its trials, in seconds.
func (r *result) pace(starts, ends []float64) error {
	n := len(ends)
	if n < 2 || n != len(starts) {
		return fmt.Errorf("%d trials have started and %d have ended", len(starts), n)
	}
	lag := 0.0
	for i := range ends {
		lag += ends[i] - starts[i] - r.Sleep
	}
	slices.Sort(ends)
	r.Seconds = ends[n-1] - slices.Min(starts)
	r.TrialLag = lag / float64(n)
	r.Occupied = float64(n) * r.Sleep / (r.Seconds * float64(r.Slots))
	// While the slots fill and empty, the pace is not that of the sweep.
	edge := min(r.Slots, n/4)
	window := min(max(paceChunk, n/10), (n-2*edge)/2)
	if window > 1 { // of fewer trials there is no pace
		r.AtStart, r.AtEnd = between(ends[edge:edge+window]), between(ends[n-edge-window:n-edge])
	}
	return nil
}

// paceChunk is the number of trials whose mean pace is one value of between.
const paceChunk = 50

// between returns the seconds from one end to the next: the median of the means of chunks,
// so that a disturbance of a few seconds does not count.
func between(ends []float64) float64 {
	var means []float64
	size := min(paceChunk, len(ends))
	for ; len(ends) >= size; ends = ends[size:] {
		means = append(means, (ends[size-1]-ends[0])/float64(size-1))
	}
	slices.Sort(means)
	return (means[(len(means)-1)/2] + means[len(means)/2]) / 2
}

// store keeps results, in memory and in files of a folder.
type store struct {
	folder  string // "" keeps none
	results []result
	virtual []virtual
}

// virtualFile has the sweeps that were played in virtual time.
const virtualFile = "virtual.json"

// load reads the results of a folder.
func load(folder string) (*store, error) {
	s := &store{folder: folder}
	if folder == "" {
		return s, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if filepath.Base(file) == virtualFile {
			err = json.Unmarshal(data, &s.virtual)
		} else {
			var r result
			err = json.Unmarshal(data, &r)
			s.results = append(s.results, r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return s, nil
}

func (s *store) index(engine string, c scenario) int {
	return slices.IndexFunc(s.results, func(r result) bool { return r.Engine == engine && r.scenario == c })
}

// around is the time of a case beyond its sweep: start and stop of the stack, and the look
// at what is left.
const around = 20 * time.Second

// expected is how long a case probably takes: as long as last time, or three times its
// ideal. The time of Ray Tune depends on the number of trials only.
func (s *store) expected(j job) time.Duration {
	seconds := 3 * j.ideal().Seconds()
	if i := s.index(j.engine, j.scenario); i >= 0 {
		seconds = s.results[i].Seconds
	} else if j.engine == ray {
		for _, r := range s.results {
			if r.Engine == ray {
				seconds = max(seconds, r.Seconds*float64(j.Trials)/float64(r.Trials))
			}
		}
	}
	return time.Duration(seconds*float64(time.Second)) + around
}

func (s *store) has(engine string, c scenario) bool { return s.index(engine, c) >= 0 }

// add keeps a result, instead of an earlier one of the same case.
func (s *store) add(r result) error {
	if i := s.index(r.Engine, r.scenario); i >= 0 {
		s.results = slices.Delete(s.results, i, i+1)
	}
	s.results = append(s.results, r)
	return s.write(r.file(r.Engine), r)
}

func (s *store) addVirtual(v virtual) error {
	s.virtual = append(slices.DeleteFunc(s.virtual, func(old virtual) bool { return old.Trials == v.Trials && old.Slots == v.Slots }), v)
	return s.write(virtualFile, s.virtual)
}

func (s *store) write(name string, v any) error {
	if s.folder == "" {
		return nil
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.folder, name), append(data, '\n'), 0o644)
}
