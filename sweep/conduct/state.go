package conduct

import (
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stopping"
)

// State is what a sweep remembers, and what continue-as-new carries. It grows with
// the trials that run and with the leaders, and up to rungLimit with the results of
// each rung; not with the trials that finished.
type State struct {
	Spec        *sweep.Spec   `json:"spec,omitempty"` // once a command has changed it: the one in force
	Phase       Phase         `json:"phase"`
	StartedAt   time.Time     `json:"started_at"`
	Idle        time.Duration `json:"idle,omitempty"` // between ends and the commands that continued the sweep
	EndedAt     *time.Time    `json:"ended_at,omitempty"`
	CancelledAt *time.Time    `json:"cancelled_at,omitempty"` // when Phase became PhaseCancelling

	Next      int         `json:"next"`     // number of the next trial to start
	Segments  int         `json:"segments"` // of the ledger, accounted for
	Running   RunningList `json:"running"`  // by number
	Exhausted bool        `json:"exhausted,omitempty"`
	WaitAt    *int        `json:"wait_at,omitempty"` // number of segments at which the search asked to wait for a result

	// Trials requested by users. Requests is how many were requested, Requested how many
	// of them have started, Retried how many of the started ones are retries (which
	// run_cap does not count).
	Queue     []sweep.Assignment `json:"queue,omitempty"` // not started, without numbers
	Requests  int                `json:"requests,omitempty"`
	Requested int                `json:"requested,omitempty"`
	Retried   int                `json:"retried,omitempty"`
	Pinned    []int              `json:"pinned,omitempty"` // trials whose checkpoints are kept, ascending

	// The finished trials: all with a number below Watermark, and those in Ahead.
	Watermark int   `json:"watermark"`
	Ahead     []int `json:"ahead,omitempty"`

	Arrived     []sweep.Trial `json:"arrived,omitempty"`      // results of running trials that no segment has, in order of arrival
	Silent      []int         `json:"silent,omitempty"`       // trials that may have ended without a report
	LookedAhead bool          `json:"looked_ahead,omitempty"` // a Look has found that no run before a reset started trial Next
	LookAt      time.Time     `json:"look_at"`                // when a Look next checks all running trials

	LastID          int       `json:"last_id"`                    // the last Task.ID that was given
	Main            *Task     `json:"main,omitempty"`             // suggest, append or rank: one at a time
	Looking         *Task     `json:"looking,omitempty"`          // in parallel to Main
	Curating        *Task     `json:"curating,omitempty"`         // in parallel to Main
	Saving          *Task     `json:"saving,omitempty"`           // in parallel to Main
	Blocked         []Block   `json:"blocked,omitempty"`          // actions that keep failing, one of a kind
	Removals        []string  `json:"removals,omitempty"`         // keys of checkpoints that are no longer kept, until they are removed
	Rerank          bool      `json:"rerank,omitempty"`           // an edit may have changed the order of the leaders
	PointerOutdated bool      `json:"pointer_outdated,omitempty"` // the pointer to the best trials must be moved
	CuratedAt       time.Time `json:"curated_at,omitzero"`        // when the last Curate was planned

	Counts       map[sweep.Status]int      `json:"counts"`
	Leaders      []sweep.Trial             `json:"leaders,omitempty"` // best first, see lighten, spares last; their checkpoints are kept
	Gated        []sweep.Trial             `json:"gated,omitempty"`   // best first; failed a gate, and their checkpoints are kept in places that no leader takes
	SlotTime     time.Duration             `json:"slot_time"`         // how long finished trials occupied slots, failed attempts included
	Streak       Streak                    `json:"streak"`
	Rungs        List[stopping.RungResult] `json:"rungs,omitempty"`         // of search trials, in order of arrival
	FailReason   string                    `json:"fail_reason,omitempty"`   // why the sweep fails
	Closed       bool                      `json:"closed,omitempty"`        // End was issued
	LedgerBroken bool                      `json:"ledger_broken,omitempty"` // nothing more can be appended to the ledger: the sweep ends without waiting for results
	Message      string                    `json:"message,omitempty"`       // who stopped it, and why
	CommandLog   []CommandEntry            `json:"command_log,omitempty"`   // the last entries of the command log, without specs and trials
	Entries      int                       `json:"entries,omitempty"`       // how many the command log has
	Unsaved      []CommandEntry            `json:"unsaved,omitempty"`       // those that the store does not have yet
	StateBehind  bool                      `json:"state_behind,omitempty"`  // the last entries were stored without the state after them
}

// Running is a started trial that is not in the ledger yet.
type Running struct {
	sweep.Assignment
	StartedAt time.Time     `json:"started_at"`
	Rungs     []int         `json:"rungs,omitempty"`   // of the spec that it started with
	Verdict   *RungVerdict  `json:"verdict,omitempty"` // the last one, at the highest step
	Earlier   []RungVerdict `json:"earlier,omitempty"` // the others

	Blocked     *Block `json:"blocked,omitempty"`     // why it makes no progress
	Starting    *Task  `json:"starting,omitempty"`    // its start, until it is confirmed
	Cancel      Asked  `json:"cancel,omitempty"`      // whether it was asked to cancel
	Unconfirmed []int  `json:"unconfirmed,omitempty"` // steps whose verdict is not confirmed as delivered
}

// Asked is the state of a request to cancel a trial.
type Asked string

// The states of a cancellation request; "" is not sent.
const (
	AskedOnce      Asked = "asked"
	AskedDelivered Asked = "delivered" // or known to be undeliverable
)

// Task is an action that was decided on and has not completed.
type Task struct {
	ID         int              `json:"id,omitempty"` // of the try that is in flight; 0 while it waits for the next
	Kind       Kind             `json:"kind"`
	Number     int              `json:"number,omitempty"`    // suggest, start, look ahead: of the (first) trial
	Count      int              `json:"count,omitempty"`     // suggest: trials
	Assignment sweep.Assignment `json:"assignment,omitzero"` // start
	Segment    []sweep.Trial    `json:"segment,omitempty"`   // append and rank
	Removals   int              `json:"removals,omitempty"`  // curate: how many of State.Removals, from the first
	Silent     []int            `json:"silent,omitempty"`    // look
	Ahead      bool             `json:"ahead,omitempty"`     // look: for trial Number, too, which this history has not started
	Again      bool             `json:"again,omitempty"`     // rank: the leaders, after an edit
	Entries    int              `json:"entries,omitempty"`   // save: how many of State.Unsaved, from the first
	State      bool             `json:"state,omitempty"`     // save: with the state
}

// Kind is what a task does.
type Kind string

// The kinds of task.
const (
	KindSuggest Kind = "suggest"
	KindStart   Kind = "start"
	KindAppend  Kind = "append"
	KindRank    Kind = "rank"
	KindCurate  Kind = "curate"
	KindLook    Kind = "look"
	KindSave    Kind = "save"

	// KindTrial is the kind of a blocked trial. It is not a task.
	KindTrial Kind = "trial"
)

func newState(spec *sweep.Spec, now time.Time) *State {
	st := &State{Phase: PhaseRunning, StartedAt: now, LookAt: now.Add(lookEvery), Counts: map[sweep.Status]int{}}
	for _, params := range spec.Points {
		st.request(pointOf(spec, params))
	}
	return st
}

// isFinished reports whether a trial is in the ledger.
func (st *State) isFinished(number int) bool {
	return number < st.Watermark || slices.Contains(st.Ahead, number)
}

// finished is how many trials the ledger has.
func (st *State) finished() int { return st.Watermark + len(st.Ahead) }

func (st *State) markFinished(number int) {
	st.Ahead = append(st.Ahead, number)
	slices.Sort(st.Ahead)
	for len(st.Ahead) > 0 && st.Ahead[0] == st.Watermark {
		st.Ahead = st.Ahead[1:]
		st.Watermark++
	}
}

// running returns the entry of a trial in Running, nil for none.
func (st *State) running(number int) *Running {
	if i := slices.IndexFunc(st.Running, func(r Running) bool { return r.Number == number }); i >= 0 {
		return &st.Running[i]
	}
	return nil
}

// hasArrived reports whether the sweep has received the result of a running trial.
func (st *State) hasArrived(number int) bool {
	same := func(t sweep.Trial) bool { return t.Number == number }
	return slices.ContainsFunc(st.Arrived, same) || st.Main != nil && slices.ContainsFunc(st.Main.Segment, same)
}

// markSilent marks a trial that may have ended without a report, so that the next Look
// checks it at once.
func (st *State) markSilent(number int) {
	if st.running(number) != nil && !st.hasArrived(number) && !slices.Contains(st.Silent, number) {
		st.Silent = append(st.Silent, number)
	}
}

// pending returns the running trials whose parameters are known, for Suggest.
func (st *State) pending() []sweep.Assignment {
	pending := make([]sweep.Assignment, 0, len(st.Running))
	for _, r := range st.Running {
		if r.Params != nil {
			pending = append(pending, r.Assignment)
		}
	}
	return pending
}
