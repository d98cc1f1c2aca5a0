package conduct

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// faultLimit is the number of faulty configurations that an error names.
const faultLimit = 10

func (m *Machine) checkEnqueue(c Command) error {
	if len(c.Points) == 0 {
		return errors.New("no configuration is given")
	}
	var faults []string
	for i, params := range c.Points {
		if err := space.CheckPoint(m.spec, params); err != nil {
			faults = append(faults, fmt.Sprintf("configuration %d: %v", i+1, err))
		}
	}
	if n := len(faults); n > faultLimit {
		faults = append(faults[:faultLimit], fmt.Sprintf("and %d more", n-faultLimit))
	}
	if len(faults) > 0 {
		return errors.New(strings.Join(faults, "\n"))
	}
	return m.checkRoom(m.enqueued(c))
}

// checkRoom checks that further requests can wait.
func (m *Machine) checkRoom(asked []sweep.Assignment) error {
	if n := len(asked); len(m.Queue)+n > queueLimit {
		return fmt.Errorf("%d trials: at most %d can wait to be started, and %d do already", n, queueLimit, len(m.Queue))
	}
	if len(asked) == 0 {
		return nil
	}
	st := State{Queue: slices.Clip(m.Queue), Requests: m.Requests}
	for _, a := range asked {
		st.request(a)
	}
	if n := SizeOf(st.Queue); n > queueBytes {
		return fmt.Errorf("%d trials: with the %d that wait to be started already they take %s, and at most %s can wait: ask for fewer, or wait until some have started",
			len(asked), len(m.Queue), text.Bytes(int64(n)), text.Bytes(queueBytes))
	}
	return nil
}

// enqueued are the requests of an enqueue.
func (m *Machine) enqueued(c Command) []sweep.Assignment {
	asked := make([]sweep.Assignment, len(c.Points))
	for i, params := range c.Points {
		asked[i] = sweep.Assignment{Kind: sweep.KindSearch, Params: params, Seed: m.spec.Train.Seed,
			Reason: sweep.Reason{Sampler: sweep.SourceUser, Note: "asked for by " + c.By}}
	}
	return asked
}

func (m *Machine) enqueue(c Command) string {
	for _, a := range m.enqueued(c) {
		m.request(a)
	}
	m.reopen()
	return fmt.Sprintf("configurations: %d", len(c.Points))
}

// newPoints are the requests for the points of an edited spec that the spec in force does not
// have.
func (m *Machine) newPoints(edited *sweep.Spec) []sweep.Assignment {
	var asked []sweep.Assignment
	for _, params := range edited.Points {
		if !slices.ContainsFunc(m.spec.Points, func(old sweep.Params) bool { return old.Key() == params.Key() }) {
			asked = append(asked, pointOf(edited, params))
		}
	}
	return asked
}

// pointOf is the request for one of the spec's points.
func pointOf(spec *sweep.Spec, params sweep.Params) sweep.Assignment {
	return sweep.Assignment{Kind: sweep.KindSearch, Params: params, Seed: spec.Train.Seed,
		Reason: sweep.Reason{Sampler: sweep.SourcePoints, Note: "from the spec's points"}}
}

// request adds a trial to the list of requests.
func (st *State) request(a sweep.Assignment) {
	st.Requests++
	a.Request = st.Requests
	st.Queue = append(st.Queue, a)
}

// Retriable returns the assignments, without reasons, of trials of the ledger that retry may
// try again: those that failed, were cancelled, or reached a limit of their own.
func Retriable(ledger []sweep.Trial, numbers []int) ([]sweep.Assignment, error) {
	var list []sweep.Assignment
	for _, n := range numbers {
		i := slices.IndexFunc(ledger, func(t sweep.Trial) bool { return t.Number == n })
		if i < 0 {
			return nil, fmt.Errorf("the sweep has no finished trial %d", n)
		}
		t := ledger[i]
		if t.Status != sweep.StatusFailed && t.Status != sweep.StatusCancelled && t.Limit == "" {
			return nil, fmt.Errorf("trial %d is %s: only a trial that failed, was cancelled or ran into max_trial_time can be retried", n, t.Status)
		}
		t.Reason = sweep.Reason{}
		list = append(list, t.Assignment)
	}
	return list, nil
}

// NotEnded returns why a trial cannot be retried that has started and has no result; nil for
// any other trial.
func (p Progress) NotEnded(number int) error {
	if !slices.ContainsFunc(p.Running, func(r Running) bool { return r.Number == number }) {
		return nil
	}
	if p.Phase.Final() {
		return fmt.Errorf("trial %d had not ended when the sweep did: `tailsweep resume %s` continues it", number, p.Name)
	}
	return fmt.Errorf("trial %d is running, or queued for a training slot (`tailsweep watch %s`): after a failed attempt the sweep continues it by itself, up to max_restarts times; "+
		"it can be retried once it has failed or was cancelled", number, p.Name)
}

func (m *Machine) checkRetry(c Command) error {
	if len(c.Retry) == 0 {
		return errors.New("no trial is given")
	}
	if err := m.checkRoom(retried(c)); err != nil {
		return err
	}
	other := m.retries()
	for _, a := range c.Retry {
		if !m.isFinished(a.Number) {
			return fmt.Errorf("trial %d has not ended", a.Number)
		}
		key := retryKey(a)
		if refusal := other[key]; refusal != nil {
			return refusal(a.Number)
		}
		other[key] = func(n int) error {
			if n == a.Number {
				return fmt.Errorf("trial %d is named twice", n)
			}
			return fmt.Errorf("trials %d and %d have the same parameters and seed: retry one of them", a.Number, n)
		}
		if a.Kind != sweep.KindSearch && a.Kind != sweep.KindBaseline {
			return fmt.Errorf("trial %d has kind %q", a.Number, a.Kind)
		}
		if _, err := m.spec.Settings(a); err != nil {
			return err
		}
	}
	return nil
}

// retryKey is the same for retries that would give the same result.
func retryKey(a sweep.Assignment) string { return fmt.Sprintf("%d %s", a.Seed, a.Params.Key()) }

// retries has, by key, why a trial cannot be retried: another retry of its parameters and seed
// has yet to end.
func (m *Machine) retries() map[string]func(n int) error {
	all := map[string]func(n int) error{}
	for _, b := range m.Queue {
		if b.Reason.Sampler == sweep.SourceRetry {
			all[retryKey(b)] = func(n int) error {
				how := "that retry waits to be started (`tailsweep describe %s`)"
				if m.Phase.Final() || m.Phase == PhasePaused {
					how = fmt.Sprintf("the sweep is %s, and `tailsweep resume %%s` starts that retry", m.Phase)
				}
				return fmt.Errorf("trial %d is to be retried already: "+how, n, m.spec.Name)
			}
		}
	}
	for _, r := range m.Running {
		if r.Reason.Sampler == sweep.SourceRetry {
			all[retryKey(r.Assignment)] = func(n int) error {
				return fmt.Errorf("trial %d is being retried as trial %d: wait until that has ended; if it fails, retry trial %[2]d", n, r.Number)
			}
		}
	}
	return all
}

// retried are the requests of a retry.
func retried(c Command) []sweep.Assignment {
	asked := make([]sweep.Assignment, len(c.Retry))
	for i, a := range c.Retry {
		asked[i] = sweep.Assignment{Kind: a.Kind, Params: maps.Clone(a.Params), Seed: a.Seed,
			Reason: sweep.Reason{Sampler: sweep.SourceRetry, Note: fmt.Sprintf("trial %d again, asked for by %s", a.Number, c.By)}}
	}
	return asked
}

func (m *Machine) retryTrials(c Command) string {
	numbers := make([]int, len(c.Retry))
	for i, a := range retried(c) {
		numbers[i] = c.Retry[i].Number
		m.request(a)
	}
	m.reopen()
	return trialList(numbers)
}

// startRequested starts the first trial of the list of requests.
func (m *Machine) startRequested() {
	a := m.Queue[0]
	m.Queue = slices.Clone(m.Queue[1:])
	a.Number = m.Next
	m.countRequested(a, 1)
	m.LookedAhead = false
	m.start(a)
}

// countRequested counts, or with by = -1 no longer counts, a requested trial that has
// started.
func (m *Machine) countRequested(a sweep.Assignment, by int) {
	if a.Request == 0 {
		return
	}
	m.Requested += by
	if a.Reason.Sampler == sweep.SourceRetry {
		m.Retried += by
	}
}

// replaceAssignment replaces the assignment of a running trial by that of its result. They
// differ if, before a reset, the sweep started a different trial with this number. A
// requested trial that did not run is put back into the list of requests; one that did
// run is removed from it.
func (m *Machine) replaceAssignment(r *Running, t sweep.Trial) {
	if r.Request == t.Request && r.Params.Key() == t.Params.Key() && r.Seed == t.Seed {
		return
	}
	if r.Request > 0 {
		m.countRequested(r.Assignment, -1)
		again := r.Assignment
		again.Number = 0
		m.Queue = slices.Insert(m.Queue, 0, again)
		m.skipped = m.fitQueue(m.spec) // it may have started before an edit
		m.addSkipped(resetBy)
	}
	m.countRequested(t.Assignment, 1)
	m.Queue = slices.DeleteFunc(m.Queue, func(a sweep.Assignment) bool {
		return t.Request > 0 && a.Request == t.Request && a.Params.Key() == t.Params.Key() && a.Seed == t.Seed
	})
	m.Requests = max(m.Requests, t.Request)
	r.Assignment = t.Assignment
	r.Reason = sweep.Reason{Sampler: t.Reason.Sampler}
}

// searched is how many started trials run_cap counts: all but baseline trials and
// retries.
func (m *Machine) searched() int { return m.Next - len(m.baselines) - m.Retried }
