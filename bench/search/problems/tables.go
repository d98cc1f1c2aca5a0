package problems

import (
	"embed"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// tables are cross-validated losses of scikit-learn models over grids of their
// hyper-parameters, made by bench/search/tables.py.
//
//go:embed tables/*.json
var tableFiles embed.FS

// table is a function known on a grid.
type table struct {
	Name   string      `json:"name"`
	Axes   []tableAxis `json:"axes"`
	Values []float64   `json:"values"` // the last axis fastest
}

// tableAxis has either values, ascending, or choices.
type tableAxis struct {
	Name    string    `json:"name"`
	Values  []float64 `json:"values"`
	Log     bool      `json:"log"`
	Int     bool      `json:"int"`
	Choices []string  `json:"choices"`
}

// tables are problems whose values between the points of a grid are interpolated,
// linearly in each number or its logarithm, so that the optimum is a point of the grid
// and exactly known. Categories are not interpolated.
func tables() []Problem {
	entries, _ := tableFiles.ReadDir("tables") // embedded files can always be read
	var list []Problem
	for _, entry := range entries {
		data, _ := tableFiles.ReadFile("tables/" + entry.Name())
		var t table
		if err := json.Unmarshal(data, &t); err != nil {
			panic("problems: table " + entry.Name() + ": " + err.Error())
		}
		list = append(list, t.problem())
	}
	return list
}

func (t table) problem() Problem {
	p := Problem{Name: t.Name, Objectives: 1, Best: slices.Min(t.Values), Eval: func(params sweep.Params) ([]float64, []float64) {
		return []float64{t.at(params, 0, 0)}, nil
	}}
	for _, a := range t.Axes {
		p.Space = append(p.Space, a.parameter())
	}
	slices.SortFunc(p.Space, func(a, b sweep.Parameter) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func (a tableAxis) parameter() sweep.Parameter {
	q := sweep.Parameter{Name: a.Name}
	if len(a.Choices) > 0 {
		q.Distribution = sweep.DistCategorical
		for _, c := range a.Choices {
			q.Values = append(q.Values, sweep.Word(c))
		}
		return q
	}
	q.Min, q.Max = a.Values[0], a.Values[len(a.Values)-1]
	switch {
	case a.Int && a.Log:
		q.Distribution, q.Q = sweep.DistQLogUniform, 1
	case a.Int:
		q.Distribution = sweep.DistIntUniform
	case a.Log:
		q.Distribution = sweep.DistLogUniform
	default:
		q.Distribution = sweep.DistUniform
	}
	return q
}

// at interpolates along axis k and those after it, in the row that the axes before it
// have chosen.
func (t table) at(params sweep.Params, k, row int) float64 {
	if k == len(t.Axes) {
		return t.Values[row]
	}
	a := t.Axes[k]
	v := params[a.Name]
	if len(a.Choices) > 0 {
		return t.at(params, k+1, row*len(a.Choices)+slices.Index(a.Choices, v.String()))
	}
	n := len(a.Values)
	x := math.Min(math.Max(v.Float(), a.Values[0]), a.Values[n-1])
	i, _ := slices.BinarySearch(a.Values, x)
	i = max(i, 1)
	low, high := a.Values[i-1], a.Values[i]
	share := (x - low) / (high - low)
	if a.Log {
		share = math.Log(x/low) / math.Log(high/low)
	}
	below, above := t.at(params, k+1, row*n+i-1), t.at(params, k+1, row*n+i)
	return below + share*(above-below)
}
