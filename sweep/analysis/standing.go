package analysis

import "github.com/tailsweep/tailsweep/sweep"

// Standing is what a trial counts as in a ranking: its own values or, where the spec asks
// for repeats, the means over the seeds of its configuration.
type Standing struct {
	Values map[string]float64 `json:"values,omitempty"`
	Seeds  int                `json:"seeds,omitempty"` // that Values are the means over; 1 for the trial's own values
}

// Standings returns the standing of each trial that takes part in a ranking by a metric
// ("" means the spec's first), by number.
func Standings(spec *sweep.Spec, trials []sweep.Trial, metric string) map[int]Standing {
	objectives := ordering(spec, metric)
	standings := map[int]Standing{}
	if spec.Repeats == nil {
		for _, t := range ranking(trials, objectives[0].Name) {
			standings[t.Number] = Standing{spec.Values(t), 1}
		}
		return standings
	}
	for _, p := range group(spec, trials, objectives) {
		s := Standing{map[string]float64{}, len(p.Trials)}
		for _, t := range p.Trials {
			for name := range spec.Values(t) {
				if _, known := s.Values[name]; !known {
					s.Values[name], _ = meanOf(p.Trials, name)
				}
			}
		}
		for _, t := range p.Trials {
			standings[t.Number] = s
		}
	}
	return standings
}
