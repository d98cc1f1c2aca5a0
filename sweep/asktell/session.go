package asktell

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

// session is a sequence of searches, each from one init to the next.
type session struct {
	newSampler func(sweep.Method) (sampler.Sampler, error) // sampler.New, except in tests
	most       int                                         // trials of a search
	*search                                                // nil before the first init
}

// search is the state since an init.
type search struct {
	spec     *sweep.Spec
	exact    bool
	sampler  sampler.Sampler
	asked    int                // trials that were not injected
	reported []int              // by id: the place in ledger, -1 while it is pending
	ledger   []sweep.Trial      // in the order of tell and inject
	pending  []sweep.Assignment // by id
}

// reply is one line of output.
type reply struct {
	OK          bool          `json:"ok,omitempty"`
	ID          *int          `json:"id,omitempty"`
	Params      sweep.Params  `json:"params,omitempty"`
	Status      sweep.Status  `json:"status,omitempty"`
	Values      []float64     `json:"values,omitempty"`
	Constraints []float64     `json:"constraints,omitempty"`
	Front       []reply       `json:"front,omitempty"`
	Reason      *sweep.Reason `json:"reason,omitempty"`
	Error       string        `json:"error,omitempty"`
	Exhausted   bool          `json:"exhausted,omitempty"`
}

// operations has a row for each value of op.
var operations = []struct {
	name string
	do   func(*session, *object) (reply, error)
}{
	{"init", (*session).init},
	{"ask", (*session).ask},
	{"tell", (*session).tell},
	{"inject", (*session).inject},
	{"best", (*session).best},
	{"explain", (*session).explain},
	{"quit", func(_ *session, o *object) (reply, error) { return reply{OK: true}, o.done() }},
}

// StatusesWithoutValues are those that a client can give to a trial in addition to
// completed, the default. Such a trial has no values.
func StatusesWithoutValues() []sweep.Status {
	return []sweep.Status{sweep.StatusFailed, sweep.StatusDiverged}
}

// do executes one line; quit reports whether it was the last.
func (s *session) do(line []byte) (r reply, quit bool) {
	o, err := parse(line, "")
	if err != nil {
		return failure(err), false
	}
	op := o.text("op")
	var do func(*session, *object) (reply, error)
	var names []string
	for _, known := range operations {
		names = append(names, known.name)
		if known.name == op {
			do = known.do
		}
	}
	valid := "(valid: " + strings.Join(names, ", ") + ")"
	switch {
	case op == "":
		o.failf("op", "is missing %s", valid)
		err = o.fault
	case do == nil:
		err = fmt.Errorf("op: unknown %q %s", clip(op), valid)
	case s.search == nil && op != "init" && op != "quit":
		err = errors.New("op: a session begins with init")
	default:
		r, err = do(s, o)
	}
	if err != nil {
		return failure(err), false
	}
	return r, op == "quit"
}

func failure(err error) reply {
	return reply{Error: err.Error(), Exhausted: errors.Is(err, sampler.ErrExhausted)}
}

func (s *session) init(o *object) (reply, error) {
	spec, exact, err := newSpec(o)
	if err != nil {
		return reply{}, err
	}
	chooser, err := s.newSampler(spec.Method)
	if err != nil {
		return reply{}, fmt.Errorf("method: %w", err)
	}
	s.search = &search{spec: spec, exact: exact, sampler: chooser}
	return reply{OK: true}, nil
}

func (s *session) ask(o *object) (reply, error) {
	if err := o.done(); err != nil {
		return reply{}, err
	}
	if err := s.checkLimit(); err != nil {
		return reply{}, err
	}
	a := sweep.Assignment{Number: len(s.reported), Kind: sweep.KindSearch, Seed: trainSeed}
	var err error
	a.Params, a.Reason, err = s.sampler.Suggest(sampler.Request{
		Spec: s.spec, Ledger: s.ledger, Pending: s.pending, Number: a.Number, Index: s.asked, Exact: s.exact,
	})
	if err != nil {
		return reply{}, err
	}
	s.asked++
	s.reported = append(s.reported, -1)
	s.pending = append(s.pending, a)
	return reply{ID: &a.Number, Params: a.Params}, nil
}

// checkLimit refuses a trial beyond the limit.
func (s *session) checkLimit() error {
	if len(s.reported) >= s.most {
		return fmt.Errorf("op: the session has reached its limit of %d trials; begin another with init", s.most)
	}
	return nil
}

func (s *session) tell(o *object) (reply, error) {
	id := s.id(o)
	trial, err := s.outcome(o)
	if err != nil {
		return reply{}, err
	}
	if s.reported[id] >= 0 {
		return reply{}, fmt.Errorf("id: trial %d was reported before", id)
	}
	at, ok := slices.BinarySearchFunc(s.pending, id, func(a sweep.Assignment, id int) int { return a.Number - id })
	if !ok {
		return reply{}, fmt.Errorf("id: trial %d is not pending", id)
	}
	trial.Assignment = s.pending[at]
	s.pending = slices.Delete(s.pending, at, at+1)
	s.reported[id] = len(s.ledger)
	s.ledger = append(s.ledger, trial)
	return reply{OK: true}, nil
}

// inject adds a trial that was not asked for.
func (s *session) inject(o *object) (reply, error) {
	text, u := o.raw("params"), o.numbers("u")
	if (text != nil) == o.has("u") {
		o.failf("u", "give u, a point of the unit cube, or params")
	}
	trial, err := s.outcome(o)
	if err != nil {
		return reply{}, err
	}
	var params sweep.Params
	if text != nil {
		params, err = readParams(text, s.spec)
	} else {
		params, err = readPoint(u, s.spec)
	}
	if err != nil {
		return reply{}, err
	}
	if err := s.checkLimit(); err != nil {
		return reply{}, err
	}
	trial.Assignment = sweep.Assignment{Number: len(s.reported), Kind: sweep.KindSearch, Params: params, Seed: trainSeed,
		Reason: sweep.Reason{Sampler: "inject", Note: "reported by the client without an ask"}}
	s.reported = append(s.reported, len(s.ledger))
	s.ledger = append(s.ledger, trial)
	return reply{OK: true, ID: &trial.Number}, nil
}

// id reads the id of a trial of this search.
func (s *session) id(o *object) int {
	raw := o.raw("id")
	id, ok := finite(raw)
	switch {
	case raw == nil:
		o.failf("id", "is missing: the id that ask returned")
	case len(s.reported) == 0:
		o.failf("id", "there is no trial yet")
	case !ok || id != math.Trunc(id) || id < 0 || id >= float64(len(s.reported)):
		o.failf("id", "there is no trial %s (valid: 0 to %d)", shown(raw), len(s.reported)-1)
	default:
		return int(id)
	}
	return 0
}

// outcome reads how a trial ended: status, values and constraints.
func (s *session) outcome(o *object) (sweep.Trial, error) {
	t := sweep.Trial{Status: sweep.StatusCompleted, Attempts: 1}
	if status := o.text("status"); status != "" {
		t.Status = sweep.Status(status)
	}
	if t.Status == sweep.StatusCompleted {
		t.Metrics = make(map[string]float64)
	} else if without := StatusesWithoutValues(); !slices.Contains(without, t.Status) {
		o.failf("status", "unknown status %q (valid: %s, %s)", clip(string(t.Status)), sweep.StatusCompleted, text.List(without, len(without)))
	}
	numbers := func(field string, want int, name func(int) string) {
		list := o.numbers(field)
		switch {
		case t.Metrics == nil && len(list) > 0:
			o.failf(field, "a trial with status %s has none", t.Status)
		case t.Metrics != nil && len(list) != want:
			o.failf(field, "got %d numbers, want %d", len(list), want)
		case t.Metrics != nil:
			for k, f := range list {
				t.Metrics[name(k)] = f
			}
		}
	}
	numbers("values", len(s.spec.Metrics), metric)
	numbers("constraints", len(s.spec.Constraints), constraint)
	return t, o.done()
}
