package sweep

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
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

// GridValues returns the points that a grid takes of p, ascending for numbers:
// every value of a constant, a categorical or an integer range (Count of it, when
// set), every step of q_uniform, otherwise Count points from Min to Max, ends
// included, equally spaced (in the logarithm for log_uniform_values). An exact
// zero (Zero > 0) comes first. It is nil for a range that has no Count.
func (p Parameter) GridValues() []Value {
	switch p.Distribution {
	case DistConstant:
		return []Value{*p.Value}
	case DistCategorical:
		return slices.Clone(p.Values)
	}
	var values []Value
	if p.Zero > 0 {
		values = append(values, Number(0))
	}
	count := p.Count
	if count == 0 {
		switch p.Distribution {
		case DistIntUniform:
			count = int(p.Max-p.Min) + 1
		case DistQUniform:
			count = p.Steps() + 1
		default:
			return nil
		}
	}
	for i := range count {
		values = append(values, Number(p.gridPoint(i, count)))
	}
	return slices.Compact(values)
}

// gridPoint is point i of count; the ends are exact.
func (p Parameter) gridPoint(i, count int) float64 {
	switch {
	case i == 0:
		return p.Min
	case i == count-1 && p.Distribution != DistQUniform:
		return p.Max
	}
	at := float64(i) / float64(count-1)
	switch p.Distribution {
	case DistLogUniform:
		// Twelve digits, so that 0.01 from 0.001 to 1 is written 0.01.
		return roundDigits(math.Exp(math.Log(p.Min)+at*(math.Log(p.Max)-math.Log(p.Min))), 12)
	case DistIntUniform:
		return p.Min + math.Round(at*(p.Max-p.Min))
	case DistQUniform:
		return p.Step(int(math.Round(at * float64(p.Steps()))))
	}
	return roundDigits(p.Min+at*(p.Max-p.Min), 12)
}

// Steps is how many steps of Q fit between Min and Max, for q_uniform.
func (p Parameter) Steps() int { return int(math.Floor((p.Max-p.Min)/p.Q + 1e-9)) }

// Step is value k of q_uniform, Min + k Q, freed from rounding beyond the 12th digit.
func (p Parameter) Step(k int) float64 { return roundDigits(p.Min+float64(k)*p.Q, 12) }

// roundDigits keeps n significant decimal digits of f.
func roundDigits(f float64, n int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', n, 64), 64)
	if err != nil {
		return f
	}
	return rounded
}

// Key is the canonical text of params: equal exactly for equal params.
func (p Params) Key() string {
	data, err := json.Marshal(p)
	if err != nil {
		panic("sweep: parameters that cannot be written: " + err.Error()) // Value's constructors let nothing such through
	}
	return string(data)
}
