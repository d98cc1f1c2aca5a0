package sampler

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/stream"
)

// ErrExhausted says that every configuration of the space has been tried or is
// pending.
var ErrExhausted = errors.New("sampler: every configuration of the search space has been tried")

// Request is everything that a suggestion depends on, except the version of tailsweep.
type Request struct {
	Spec    *sweep.Spec
	Ledger  []sweep.Trial      // finished trials, baseline among them, in order of completion
	Pending []sweep.Assignment // started and not in Ledger, by number
	Number  int                // of the new trial; with Spec.Seed it seeds the random stream
	Prior   []Source           // earlier sweeps
	Index   int                // of the new search trial, from 0, without the requested ones; Next does not count repeats, so that a method gets the position in a grid or a sequence
	Edited  bool               // the spec has changed since the first trials: see fit
	Exact   bool               // equal parameters and seeds always give equal results, and seeds do not matter

	batch *shared // of the suggestions of one batch; nil for a single one
}

// Sampler chooses the next trial's parameters. Suggest must not change the request,
// must not keep state between calls, and must give the same answer to the same request
// in any process. Implementations are safe for concurrent use.
type Sampler interface {
	// Suggest returns new parameters for trial Request.Number and the reason for
	// them. It returns ErrExhausted when every configuration has been tried.
	Suggest(Request) (sweep.Params, sweep.Reason, error)
}

// methods has a row for each search method: a new method needs its file and a row here.
var methods = map[sweep.Method]Sampler{
	sweep.MethodGrid:   grid{},
	sweep.MethodRandom: random{},
	sweep.MethodSobol:  sobol{},
	sweep.MethodTPE:    tpe{},
	sweep.MethodBayes:  bayes{},
	sweep.MethodCMAES:  cmaes{},
	sweep.MethodNSGA2:  nsga2{},
}

// New returns the sampler of a method.
func New(method sweep.Method) (Sampler, error) {
	if s, known := methods[method]; known {
		return s, nil
	}
	return nil, fmt.Errorf("unknown method %q (valid: %s)", text.Clip(string(method), 60), text.List(sweep.Methods(), len(methods)))
}

// randomOf is the random stream of one trial, a function of the sweep's seed and the
// trial's number.
func randomOf(r Request) *rand.Rand {
	return stream.Named("tailsweep/sampler/" + strconv.FormatInt(r.Spec.Seed, 10) + "/" + strconv.Itoa(r.Number))
}

// shared is what the suggestions of one batch have in common: functions of the request
// without Pending, Number and Index. A field is nil before its first use.
type shared struct {
	tried   keys // of the ledger
	learned *learned
}

// keys is a set of configurations, by Params.Key.
type keys map[string]bool

// add adds a configuration that is not suggested again: that of a search trial, whatever
// its seed and outcome, and one that a baseline trial or a trial of an earlier sweep trains
// with Train.Seed. Only the race gives one of them a further seed.
func (k keys) add(a sweep.Assignment, spec *sweep.Spec) {
	own := a.Kind != sweep.KindBaseline && a.Number >= 0
	if own || a.Seed == spec.Train.Seed {
		k[a.Params.Key()] = true
	}
}

// tried are the configurations that are not suggested again.
type tried struct{ finished, pending keys }

func newTried(r Request) tried {
	pending := make(keys, len(r.Pending))
	for _, a := range r.Pending {
		pending.add(a, r.Spec)
	}
	if r.batch != nil && r.batch.tried != nil {
		return tried{r.batch.tried, pending}
	}
	finished := make(keys, len(r.Ledger))
	for _, t := range r.Ledger {
		finished.add(t.Assignment, r.Spec)
	}
	if r.batch != nil {
		r.batch.tried = finished
	}
	return tried{finished, pending}
}

func (t tried) has(params sweep.Params) bool {
	key := params.Key()
	return t.finished[key] || t.pending[key]
}
