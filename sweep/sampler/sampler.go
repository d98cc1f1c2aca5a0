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

// tried returns the configurations that are not suggested again, by Params.Key: those
// of all search trials, whatever their seed and outcome, pending ones too, and those
// that a baseline trial or one of an earlier sweep trains with Train.Seed. Only the race gives one of them a
// further seed.
func tried(r Request) map[string]bool {
	seen := make(map[string]bool, len(r.Ledger)+len(r.Pending))
	add := func(a sweep.Assignment) {
		own := a.Kind != sweep.KindBaseline && a.Number >= 0
		if own || a.Seed == r.Spec.Train.Seed {
			seen[a.Params.Key()] = true
		}
	}
	for _, t := range r.Ledger {
		add(t.Assignment)
	}
	for _, a := range r.Pending {
		add(a)
	}
	return seen
}
