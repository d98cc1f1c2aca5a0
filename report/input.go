package report

import (
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// Input is what a page is made from. Only Spec is required.
type Input struct {
	Spec     *sweep.Spec
	SpecYAML string // as submitted; shown verbatim
	Digest   string // of the resolved spec
	Progress Progress
	Trials   []sweep.Trial              // the ledger, in order of completion
	Grids    map[int][]byte             // sample grid PNGs by trial number, all from the same noise
	Curves   map[int][]sweep.CurvePoint // loss curves by trial number
	Floor    map[string]float64         // floor of each metric; nil when unknown
	Version  string                     // of the tailsweep that writes the page
	Now      time.Time                  // when the page is written; left out when zero
}

// Progress is the progress of the sweep when the page is written.
type Progress struct {
	Phase     string    // running, completed, ...
	Message   string    // why it failed or who stopped it; may be empty
	Planned   int       // trials, baseline included; 0 when unknown
	Running   int       // trials without a result yet
	GPUHours  float64   // training slot hours
	StartedAt time.Time // zero when unknown
	EndedAt   time.Time // zero while it runs
}
