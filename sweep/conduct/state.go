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

	Next      int       `json:"next"`     // number of the next trial to start
	Segments  int       `json:"segments"` // of the ledger, accounted for
	Running   []Running `json:"running"`  // by number
	Exhausted bool      `json:"exhausted,omitempty"`
	WaitAt    *int      `json:"wait_at,omitempty"` // number of segments at which the search asked to wait for a result
	Asked     bool      `json:"asked,omitempty"`   // Temporal was asked to cancel the workflow

	// The trials that users asked for. Requests counts them, Requested those of them that
	// have started, and Retried the retries among these, which no budget counts.
	Queue     []sweep.Assignment `json:"queue,omitempty"` // not started, without numbers
	Requests  int                `json:"requests,omitempty"`
	Requested int                `json:"requested,omitempty"`
	Retried   int                `json:"retried,omitempty"`
	Pinned    []int              `json:"pinned,omitempty"` // trials whose checkpoints are kept, ascending

	// The finished trials: all with a number below Watermark, and those in Ahead.
	Watermark int   `json:"watermark"`
	Ahead     []int `json:"ahead,omitempty"`

	Arrived  []sweep.Trial `json:"arrived,omitempty"`  // results of running trials that no segment has, in order of arrival
	Suspects []int         `json:"suspects,omitempty"` // trials that may have ended without a report
	Sought   bool          `json:"sought,omitempty"`   // a Look has found no trial from Next on that the run before a reset started
	LookAt   time.Time     `json:"look_at"`            // when all running trials are looked at next

	LastID   int      `json:"last_id"`            // of a try
	Main     *Task    `json:"main,omitempty"`     // suggest, append or rank: one at a time
	Looking  *Task    `json:"looking,omitempty"`  // beside Main
	Curating *Task    `json:"curating,omitempty"` // beside Main
	Saving   *Task    `json:"saving,omitempty"`   // beside Main
	Blocked  []Block  `json:"blocked,omitempty"`  // actions that keep failing, one of a kind
	Removals []string `json:"removals,omitempty"` // keys of checkpoints that are no longer kept, until they are removed
	Rerank   bool     `json:"rerank,omitempty"`   // an edit may have changed the order of the leaders
	Stale    bool     `json:"stale,omitempty"`    // the pointer to the best trials must be moved

	Counts   map[sweep.Status]int  `json:"counts"`
	Leaders  []sweep.Trial         `json:"leaders,omitempty"` // best first, without reasons, spares last; their checkpoints are kept
	Gated    []sweep.Trial         `json:"gated,omitempty"`   // best first; failed a gate, and their checkpoints are kept in places that no leader takes
	SlotTime time.Duration         `json:"slot_time"`         // that finished trials held training slots, failed attempts included
	Streak   Streak                `json:"streak"`
	Rungs    []stopping.RungResult `json:"rungs,omitempty"`   // of search trials, in order of arrival
	Fault    string                `json:"fault,omitempty"`   // why the sweep ends as failed
	Closed   bool                  `json:"closed,omitempty"`  // End was issued
	Broken   bool                  `json:"broken,omitempty"`  // the ledger cannot go on: the sweep ends without waiting for results
	Message  string                `json:"message,omitempty"` // who stopped it, and why
	Audit    []Entry               `json:"audit,omitempty"`   // the last ones, without specs
	Entries  int                   `json:"entries,omitempty"` // made so far
	Unsaved  []Entry               `json:"unsaved,omitempty"` // entries that the store does not have yet
}

// Running is a started trial that is not in the ledger yet.
type Running struct {
	sweep.Assignment
	StartedAt time.Time     `json:"started_at"`
	Rungs     []int         `json:"rungs,omitempty"`   // of the spec that it started with
	Verdict   *RungVerdict  `json:"verdict,omitempty"` // the last one
	Earlier   []RungVerdict `json:"earlier,omitempty"` // the ones before, by step

	Blocked    *Block `json:"blocked,omitempty"`    // why it makes no progress
	Starting   *Task  `json:"starting,omitempty"`   // its start, until it is confirmed
	Cancel     Asked  `json:"cancel,omitempty"`     // whether it was asked to cancel
	Unanswered []int  `json:"unanswered,omitempty"` // steps whose verdict is not confirmed as delivered
}

// Asked says how far a request is.
type Asked string

// The states of a request; "" is not made.
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

// running is the entry of a trial in Running, nil for none.
func (st *State) running(number int) *Running {
	if i := slices.IndexFunc(st.Running, func(r Running) bool { return r.Number == number }); i >= 0 {
		return &st.Running[i]
	}
	return nil
}

// hasArrived reports whether the result of a running trial is here.
func (st *State) hasArrived(number int) bool {
	same := func(t sweep.Trial) bool { return t.Number == number }
	return slices.ContainsFunc(st.Arrived, same) || st.Main != nil && slices.ContainsFunc(st.Main.Segment, same)
}

// suspect notes a trial that may have ended without a report, so that it is looked
// for at once.
func (st *State) suspect(number int) {
	if st.running(number) != nil && !st.hasArrived(number) && !slices.Contains(st.Suspects, number) {
		st.Suspects = append(st.Suspects, number)
	}
}

// pending are the running trials as Suggest wants them, those whose parameters are
// known.
func (st *State) pending() []sweep.Assignment {
	pending := make([]sweep.Assignment, 0, len(st.Running))
	for _, r := range st.Running {
		if r.Params != nil {
			pending = append(pending, r.Assignment)
		}
	}
	return pending
}
