package sweep

import (
	"maps"
	"math"
	"slices"
)

// MaxGridPoints is the largest grid that Parse accepts.
const MaxGridPoints = 10_000

// Baselines returns the baseline trials, numbered from 0: one a seed. Each has
// the baseline's parameters, and the constants of the search space; every other
// parameter stays at the spec's fixed field or its default.
func (s *Spec) Baselines() []Assignment {
	if s.Baseline == nil {
		return nil
	}
	params := maps.Clone(s.Baseline.Params)
	if params == nil {
		params = Params{}
	}
	for _, p := range s.Ordered() {
		if _, set := params[p.Name]; !set && p.Distribution == DistConstant && p.Active(params) {
			params[p.Name] = *p.Value
		}
	}
	assignments := make([]Assignment, len(s.Baseline.Seeds))
	for i, seed := range s.Baseline.Seeds {
		assignments[i] = Assignment{Number: i, Kind: KindBaseline, Params: maps.Clone(params), Seed: seed, Reason: Reason{Sampler: string(KindBaseline)}}
	}
	return assignments
}

// Planned is how many trials the sweep will have, baseline included; 0 when only
// hours or the wall clock end it.
func (s *Spec) Planned() int {
	search := s.Budget.RunCap
	if s.Method == MethodGrid {
		if points := len(s.Grid()); search == 0 || points < search {
			search = points
		}
	}
	if search == 0 {
		return 0
	}
	if s.Baseline == nil {
		return search
	}
	return search + len(s.Baseline.Seeds)
}

// Grid returns every point of the grid once: the product of the parameters'
// GridValues, the last parameter of Ordered changing fastest. Parameters whose
// condition is false are absent, so that points which differ only in them are
// one. Points that a baseline trial trains with Train.Seed are left out.
func (s *Spec) Grid() []Params {
	points, _ := s.GridUpTo(math.MaxInt)
	return points
}

// GridUpTo is Grid, given up (ok = false) beyond limit points.
func (s *Spec) GridUpTo(limit int) (points []Params, ok bool) {
	points = []Params{{}}
	for _, p := range s.Ordered() {
		values := p.GridValues()
		var next []Params
		for _, point := range points {
			if !p.Active(point) {
				next = append(next, point)
				continue
			}
			for _, v := range values {
				extended := maps.Clone(point)
				extended[p.Name] = v
				next = append(next, extended)
			}
			if len(next) > limit {
				return nil, false
			}
		}
		points = next
	}
	done := make(map[string]bool)
	for _, b := range s.Baselines() {
		if b.Seed == s.Train.Seed {
			done[b.Params.Key()] = true
		}
	}
	return slices.DeleteFunc(points, func(p Params) bool { return done[p.Key()] }), true
}

// Key is the canonical text of params, their JSON: equal exactly for equal params.
func (p Params) Key() string {
	text := []byte{'{'}
	for i, name := range slices.Sorted(maps.Keys(p)) {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(appendQuoted(text, name), ':')
		text = p[name].appendJSON(text)
	}
	return string(append(text, '}'))
}
