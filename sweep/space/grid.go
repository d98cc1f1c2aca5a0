package space

import (
	"maps"
	"math"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// MaxGridPoints is the largest grid that Parse accepts.
const MaxGridPoints = 10_000

// Baselines returns the baseline trials, numbered from 0: one a seed. Each has
// the baseline's parameters, and the constants of the search space; every other
// parameter keeps the value of its field in train or evaluate, or its default.
func Baselines(s *sweep.Spec) []sweep.Assignment {
	if s.Baseline == nil {
		return nil
	}
	params := maps.Clone(s.Baseline.Params)
	for _, p := range Ordered(s) {
		if _, set := params[p.Name]; !set && p.Distribution == sweep.DistConstant && Active(p, params) {
			params[p.Name] = *p.Value
		}
	}
	assignments := make([]sweep.Assignment, len(s.Baseline.Seeds))
	for i, seed := range s.Baseline.Seeds {
		assignments[i] = sweep.Assignment{Number: i, Kind: sweep.KindBaseline, Params: maps.Clone(params), Seed: seed, Reason: sweep.Reason{Sampler: string(sweep.KindBaseline)}}
	}
	return assignments
}

// Grid returns every configuration of the grid once: the product of the parameters'
// GridValues, the last parameter of Ordered changing fastest. Parameters whose
// condition is false are absent, so that configurations which differ only in them are
// one. Configurations that a baseline trial trains with Train.Seed are left out.
func Grid(s *sweep.Spec) []sweep.Params {
	points, _ := GridUpTo(s, math.MaxInt)
	return points
}

// GridUpTo is Grid; ok is false for a grid of more than limit configurations.
func GridUpTo(s *sweep.Spec, limit int) (points []sweep.Params, ok bool) {
	points = []sweep.Params{{}}
	for _, p := range Ordered(s) {
		values := GridValues(p)
		var next []sweep.Params
		for _, point := range points {
			if !Active(p, point) {
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
	for _, b := range Baselines(s) {
		if b.Seed == s.Train.Seed {
			done[b.Params.Key()] = true
		}
	}
	return slices.DeleteFunc(points, func(p sweep.Params) bool { return done[p.Key()] }), true
}
