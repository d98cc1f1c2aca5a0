package conduct

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

// Amount is a new limit, or what is added to the present one.
type Amount struct {
	Value float64 `json:"value"`
	Add   bool    `json:"add,omitempty"`
}

// of applies the amount to a limit.
func (a Amount) of(limit float64) float64 {
	if a.Add {
		return limit + a.Value
	}
	return a.Value
}

// Extension is what extend changes; a nil Amount leaves a limit as it is.
type Extension struct {
	RunCap    *Amount `json:"run_cap,omitempty"`
	GPUHours  *Amount `json:"gpu_hours,omitempty"`
	WallClock *Amount `json:"wall_clock,omitempty"` // seconds
}

// limit is a row of the table of budgets that extend changes.
type limit struct {
	field  string
	flag   string // of `tailsweep extend`
	amount func(e *Extension) *Amount
	get    func(b sweep.Budget) float64
	set    func(b *sweep.Budget, v float64)
	most   float64 // the schema's maximum
	show   func(v float64) string
}

var limits = []limit{
	{"budget.run_cap", "--trials", func(e *Extension) *Amount { return e.RunCap },
		func(b sweep.Budget) float64 { return float64(b.RunCap) }, func(b *sweep.Budget, v float64) { b.RunCap = int(v) }, 100_000,
		func(v float64) string { return strconv.Itoa(int(v)) }},
	{"budget.gpu_hours", "--gpu-hours", func(e *Extension) *Amount { return e.GPUHours },
		func(b sweep.Budget) float64 { return b.GPUHours }, func(b *sweep.Budget, v float64) { b.GPUHours = v }, 1_000_000,
		func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }},
	{"budget.wall_clock", "--wall-clock", func(e *Extension) *Amount { return e.WallClock },
		func(b sweep.Budget) float64 { return time.Duration(b.WallClock).Seconds() },
		func(b *sweep.Budget, v float64) { b.WallClock = sweep.Duration(Seconds(v)) }, 100 * 365 * 24 * 3600,
		func(v float64) string { return Seconds(v).String() }},
}

// extended returns the budget b with an extension applied.
func extended(b sweep.Budget, e *Extension) (sweep.Budget, error) {
	if e == nil {
		return b, errors.New("nothing to extend")
	}
	some := false
	for _, l := range limits {
		a := l.amount(e)
		if a == nil {
			continue
		}
		some = true
		old := l.get(b)
		next := a.of(old)
		switch {
		case old == 0:
			return b, fmt.Errorf("%s: the sweep does not have this limit, so there is nothing to extend: `tailsweep edit` sets one", l.field)
		case !(next > old):
			return b, fmt.Errorf("%s: %s is not above the present limit of %s (to lower a limit, edit the spec)", l.field, l.show(next), l.show(old))
		case next > l.most:
			return b, fmt.Errorf("%s: %s is above the maximum of %s", l.field, l.show(next), l.show(l.most))
		}
		l.set(&b, next)
	}
	if !some {
		return b, errors.New("nothing to extend: give one of --trials, --gpu-hours, --wall-clock")
	}
	return b, nil
}

func (m *Machine) checkExtend(c Command) error {
	budget, err := extended(m.spec.Budget, c.Extend)
	if err != nil {
		return err
	}
	if m.Exhausted {
		return errors.New("every configuration was tried: edit the parameters instead")
	}
	if !m.Phase.Final() {
		return nil
	}
	if why := m.reached(budget); why != "" {
		if have := m.searched(); c.Extend.RunCap != nil && budget.RunCap <= have {
			return fmt.Errorf("%d trials count already: give --trials +%d or more", have, have-m.spec.Budget.RunCap+1)
		}
		return fmt.Errorf("%s is also reached: extend it, too", strings.TrimSuffix(why, " reached"))
	}
	return nil
}

func (m *Machine) extend(c Command) string {
	spec := *m.spec
	spec.Budget, _ = extended(m.spec.Budget, c.Extend) // checkExtend has passed
	var did []string
	for _, l := range limits {
		if old, now := l.get(m.spec.Budget), l.get(spec.Budget); old != now {
			did = append(did, fmt.Sprintf("%s %s -> %s", l.field, l.show(old), l.show(now)))
		}
	}
	m.setSpec(&spec)
	m.reopen()
	return strings.Join(did, ", ")
}

// Changes has the new values that set gives to fields; nil leaves a field as it is.
type Changes struct {
	Concurrency *int    `json:"max_concurrent_trials,omitempty"`
	Priority    *int    `json:"priority,omitempty"`
	Description *string `json:"description,omitempty"`
}

func (m *Machine) checkSet(c Command) error {
	s := c.Set
	switch {
	case s == nil || *s == Changes{}:
		return errors.New("nothing to set: give one of --concurrency, --priority, --description")
	case s.Concurrency != nil && (*s.Concurrency < 1 || *s.Concurrency > m.spec.MostConcurrent()):
		return fmt.Errorf("max_concurrent_trials: %d (valid: 1 to %d with %d parameters)", *s.Concurrency, m.spec.MostConcurrent(), len(m.spec.Parameters))
	case s.Priority != nil && (*s.Priority < sweep.PriorityFirst || *s.Priority > sweep.PriorityLast):
		return fmt.Errorf("resources.priority: %d (valid: %d, the first, to %d)", *s.Priority, sweep.PriorityFirst, sweep.PriorityLast)
	case s.Description != nil && len([]rune(*s.Description)) > sweep.MostDescription:
		return fmt.Errorf("description: %d characters (valid: up to %d)", len([]rune(*s.Description)), sweep.MostDescription)
	}
	return nil
}

func (m *Machine) set(c Command) string {
	spec := *m.spec
	var did []string
	if n := c.Set.Concurrency; n != nil {
		did = append(did, fmt.Sprintf("max_concurrent_trials %d -> %d", spec.MaxConcurrentTrials, *n))
		spec.MaxConcurrentTrials = *n
	}
	if n := c.Set.Priority; n != nil {
		did = append(did, fmt.Sprintf("resources.priority %d -> %d", spec.Resources.Priority, *n))
		spec.Resources.Priority = *n
	}
	if description := c.Set.Description; description != nil {
		did = append(did, fmt.Sprintf("description %s -> %s", cmp.Or(short(spec.Description), "-"), cmp.Or(short(*description), "-")))
		spec.Description = *description
	}
	m.setSpec(&spec)
	return strings.Join(did, ", ")
}

// section is a part of a spec by which edits are compared.
type section struct {
	field string
	fixed bool // every trial depends on it: an edit may not change it
}

// sections are the fields of a spec.
var sections = []section{
	{"apiVersion", true},
	{"name", true},
	{"dataset", true},
	{"model", true},
	{"trainer", true},
	{"train", true},
	{"evaluate", true},
	{"baseline", true},
	{"points", false},
	{"checkpoints.every_steps", true},
	{"from", true},
	{"description", false},
	{"method", false},
	{"seed", false},
	{"parameters", false},
	{"metrics", false},
	{"constraints", false},
	{"gates", false},
	{"generate", false},
	{"repeats", false},
	{"early_terminate", false},
	{"budget", false},
	{"max_concurrent_trials", false},
	{"max_restarts", false},
	{"max_trial_time", false},
	{"resources", false},
	{"checkpoints.save_sweep_best", false},
}

// written returns the JSON of a spec, from which its digest is computed.
func written(spec *sweep.Spec) json.RawMessage { return encoded(spec) }

// encoded returns the JSON of a part of a spec.
func encoded(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("conduct: a spec that cannot be written: " + err.Error()) // only with a number that is not finite, which Parse refuses
	}
	return data
}

// part returns the JSON of a field, nil if data does not have it.
func part(data json.RawMessage, field string) json.RawMessage {
	for name := range strings.SplitSeq(field, ".") {
		var mapping map[string]json.RawMessage
		if json.Unmarshal(data, &mapping) != nil {
			return nil
		}
		data = mapping[name]
	}
	return data
}

// Edited lists the fields in which two specs differ: changed, those that an edit may
// change, and fixed, those that it may not, because all results depend on them. As in the
// digest, an empty list that JSON leaves out is the same as none.
func Edited(before, after *sweep.Spec) (changed, fixed []string) {
	old, now := written(before), written(after)
	for _, s := range sections {
		switch {
		case bytes.Equal(part(old, s.field), part(now, s.field)):
		case s.fixed:
			fixed = append(fixed, s.field)
		default:
			changed = append(changed, s.field)
		}
	}
	return changed, fixed
}

func (m *Machine) checkEdit(c Command) error {
	if c.Spec == nil {
		return errors.New("no spec is given")
	}
	changed, fixed := Edited(m.spec, c.Spec)
	switch {
	case c.Spec.Name != m.spec.Name:
		return fmt.Errorf("the spec is named %q (valid: name: %s)", c.Spec.Name, m.spec.Name)
	case len(fixed) > 0:
		return fmt.Errorf("%s cannot change, since the results of all trials depend on it: start another sweep that learns from this one (`tailsweep run SPEC --from %s`)",
			strings.Join(fixed, ", "), m.spec.Name)
	case len(changed) == 0:
		return errors.New("the spec has not changed")
	case c.Spec.MaxConcurrentTrials > c.Spec.MostConcurrent():
		return fmt.Errorf("max_concurrent_trials: %d (valid: 1 to %d with %d parameters)", c.Spec.MaxConcurrentTrials, c.Spec.MostConcurrent(), len(c.Spec.Parameters))
	}
	if c.Spec.MeasuresCAS() && !m.spec.MeasuresCAS() {
		return errors.New("metrics, constraints: cas was not measured for the trials of this sweep")
	}
	if before, after := m.spec.GuidanceObjective(), c.Spec.GuidanceObjective(); before != after && len(m.spec.Evaluate.Guidance) > 1 {
		return fmt.Errorf("metrics: the guidance scale of each trial was chosen by %s, so %s cannot be the first", before.Name, after.Name)
	}
	return m.checkRoom(m.newPoints(c.Spec))
}

func (m *Machine) edit(c Command) string {
	// Differences lists the fields by name.
	//workflowcheck:ignore
	did := changeText(Differences(m.spec, c.Spec))
	for _, a := range m.newPoints(c.Spec) {
		m.request(a)
	}
	m.skipped = m.fitQueue(c.Spec)
	m.setSpec(c.Spec)
	m.spec.SetGates(m.Leaders)
	m.spec.SetGates(m.Gated)
	m.Exhausted, m.WaitAt = false, nil
	if m.Main != nil && m.Main.Kind == KindSuggest { // of the spec before
		m.Main = nil
	}
	m.Rerank = m.finished() > 0
	if m.Phase == PhaseCompleted { // it ends again if nothing is left to do
		m.reopen()
	}
	return did
}

// setSpec makes spec the one in force.
func (m *Machine) setSpec(spec *sweep.Spec) {
	m.spec, m.State.Spec = spec, spec
	//workflowcheck:ignore
	m.planned = cost.TrialCount(spec) // compares parameters by their JSON, which has the names in order
}

// NoTrialError means that a command names a trial that the sweep does not have.
type NoTrialError struct {
	Trial  int
	Trials int // that the sweep has started
}

// Error implements error.
func (e *NoTrialError) Error() string {
	return fmt.Sprintf("there is no trial %d (the sweep has started %d, numbered from 0)", e.Trial, e.Trials)
}

// checkTrials checks that a command names trials that the sweep has started.
func (m *Machine) checkTrials(c Command) error {
	if len(c.Trials) == 0 {
		return errors.New("no trial is given")
	}
	for _, n := range c.Trials {
		if n < 0 || n >= m.Next {
			return &NoTrialError{Trial: n, Trials: m.Next}
		}
	}
	return nil
}

func (m *Machine) checkPin(c Command) error {
	if len(m.Pinned)+len(c.Trials) > pinLimit {
		return fmt.Errorf("at most %d trials can be pinned", pinLimit)
	}
	return m.checkTrials(c)
}

// NoCheckpointError means that the store does not have the checkpoint of a trial that is to be
// pinned.
type NoCheckpointError struct{ Trial int }

// Error implements error.
func (e *NoCheckpointError) Error() string {
	return fmt.Sprintf("the checkpoint of trial %d is not in the store: the sweep keeps those of its best trials (checkpoints.save_sweep_best)", e.Trial)
}

// Pinnable returns a *NoCheckpointError if the store does not have the checkpoint of one of the
// trials, of those that have ended. A trial that runs may have none yet.
func Pinnable(ledger []sweep.Trial, numbers []int, stored func(sweep.Trial) (bool, error)) error {
	for _, n := range numbers {
		i := slices.IndexFunc(ledger, func(t sweep.Trial) bool { return t.Number == n })
		if i < 0 {
			continue
		}
		has, err := stored(ledger[i])
		if err != nil {
			return err
		}
		if !has {
			return &NoCheckpointError{n}
		}
	}
	return nil
}

func (m *Machine) pin(c Command) string {
	m.addPins(c.Trials)
	return trialList(c.Trials)
}

func (st *State) addPins(trials []int) {
	st.Pinned = slices.Compact(slices.Sorted(slices.Values(append(st.Pinned, trials...))))
}

func (m *Machine) checkUnpin(c Command) error {
	if err := m.checkTrials(c); err != nil {
		return err
	}
	for _, n := range c.Trials {
		if !slices.Contains(m.Pinned, n) {
			return fmt.Errorf("trial %d is not pinned", n)
		}
	}
	return nil
}

// unpin drops pins. The checkpoint of a trial that is not among the best stays until
// `tailsweep gc` removes it.
func (m *Machine) unpin(c Command) string {
	m.removePins(c.Trials)
	return trialList(c.Trials)
}

func (st *State) removePins(trials []int) {
	st.Pinned = slices.DeleteFunc(st.Pinned, func(n int) bool { return slices.Contains(trials, n) })
}

func trialList(numbers []int) string {
	text := make([]string, len(numbers))
	for i, n := range numbers {
		text[i] = strconv.Itoa(n)
	}
	return "trial " + strings.Join(text, ", ")
}
