package report

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// Input is what a page is made from. Only Spec is required.
type Input struct {
	Spec     *sweep.Spec
	SpecYAML string // as submitted; shown verbatim
	Digest   string // of the resolved spec
	Progress conduct.Progress
	Trials   []sweep.Trial              // the ledger, in order of completion
	Grids    map[int][]byte             // sample grid PNGs of the trials that Shown returns, by number, all from the same noise
	Curves   map[int][]sweep.CurvePoint // their loss curves
	Damaged  []int                      // trials whose stored loss curve is damaged
	Floor    sweep.Evaluation           // whose floor is shown; zero when unknown
	Version  string                     // of the tailsweep that writes the page
	Now      time.Time                  // when the page is written; left out when zero
}
