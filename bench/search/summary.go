package main

import (
	"math"
	"slices"
)

// summary has the medians by problem and engine; NaN where an engine has no run.
type summary struct {
	problems []string
	engines  []engine
	results  []result
	medians  [][]float64
	runs     [][]int // behind each median
}

func summarise(problems []string, engines []engine, results []result) summary {
	s := summary{problems: problems, engines: engines, results: results}
	for _, p := range problems {
		row, runs := make([]float64, len(engines)), make([]int, len(engines))
		for j, e := range engines {
			list := finals(results, p, e.Name)
			row[j], runs[j] = median(list), len(list)
		}
		s.medians, s.runs = append(s.medians, row), append(s.runs, runs)
	}
	return s
}

// index is an engine's column, -1 where it does not take part.
func (s summary) index(name string) int {
	return slices.IndexFunc(s.engines, func(e engine) bool { return e.Name == name })
}

// best reports whether engine j has the lowest median of problem i.
func (s summary) best(i, j int) bool {
	median := s.medians[i][j]
	return !math.IsNaN(median) && !slices.ContainsFunc(s.medians[i], func(m float64) bool { return m < median })
}

// mean is the geometric mean of engine j over the problems on which it and engine also
// have enough runs.
func (s summary) mean(j, also, enough int) float64 {
	total, n := 0.0, 0.0
	for i := range s.problems {
		if j >= 0 && also >= 0 && s.runs[i][j] >= enough && s.runs[i][also] >= enough {
			total += math.Log(math.Max(s.medians[i][j], floor))
			n++
		}
	}
	return math.Exp(total / n)
}

// won is the number of problems on which engine j has the lowest median; ties are
// shared.
func (s summary) won(j int) float64 {
	total := 0.0
	for i := range s.problems {
		if !s.best(i, j) {
			continue
		}
		ties := 0.0
		for k := range s.engines {
			if s.best(i, k) {
				ties++
			}
		}
		total += 1 / ties
	}
	return total
}

// duel counts the problems on which a's median is below b's, of those on which both
// have enough runs. Two exact zeros, where both have found the optimum, count for a.
func (s summary) duel(a, b string, enough int) (wins, of int) {
	i, j := s.index(a), s.index(b)
	if i < 0 || j < 0 {
		return 0, 0
	}
	for k, row := range s.medians {
		if s.runs[k][i] < enough || s.runs[k][j] < enough {
			continue
		}
		of++
		if row[i] < row[j] || row[i] == 0 && row[j] == 0 {
			wins++
		}
	}
	return wins, of
}

// pairs is the share of pairs of runs with equal problem and seed that a wins against
// b.
func (s summary) pairs(a, b string) float64 {
	pair := func(r result) key { return key{Problem: r.Problem, Seed: r.Seed} }
	theirs := make(map[key]float64)
	for _, r := range s.results {
		if r.Engine == b {
			theirs[pair(r)] = r.final()
		}
	}
	wins, n := 0.0, 0.0
	for _, r := range s.results {
		other, has := theirs[pair(r)]
		if r.Engine != a || a == b || !has {
			continue
		}
		n++
		switch {
		case r.final() < other:
			wins++
		case r.final() == other:
			wins += 0.5
		}
	}
	return wins / n
}

// millis is the median time of a suggestion of engine j.
func (s summary) millis(j int) float64 {
	var list []float64
	for _, r := range s.results {
		if r.Engine == s.engines[j].Name {
			list = append(list, r.AskMillis)
		}
	}
	return median(list)
}
