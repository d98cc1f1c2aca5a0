package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// surveyed is a request over d coordinates with n results of f, and q pending trials.
func surveyed(d, n, q int, constraints int, f func(u []float64) []float64) Request {
	rng := rand.New(rand.NewPCG(uint64(d), uint64(n)))
	spec := &sweep.Spec{Method: sweep.MethodBayes, Seed: 1, Train: sweep.Train{Seed: 1}}
	for k := range d {
		spec.Parameters = append(spec.Parameters, sweep.Parameter{Name: fmt.Sprintf("x%d", k), Distribution: sweep.DistUniform, Max: 1})
	}
	r := Request{Spec: spec}
	for number := range n + q {
		u, params := make([]float64, d), sweep.Params{}
		for k := range u {
			u[k] = rng.Float64()
			params[spec.Parameters[k].Name] = sweep.Number(u[k])
		}
		a := sweep.Assignment{Number: number, Params: params, Seed: 1}
		y := f(u)
		if number == 0 {
			for k := range len(y) - constraints {
				spec.Metrics = append(spec.Metrics, sweep.Objective{Name: fmt.Sprintf("f%d", k), Goal: sweep.Minimize})
			}
			for c := range constraints {
				spec.Constraints = append(spec.Constraints, sweep.Constraint{Metric: fmt.Sprintf("c%d", c), Op: "<="})
			}
		}
		if number >= n {
			r.Pending = append(r.Pending, a)
			continue
		}
		metrics := map[string]float64{}
		for k, o := range spec.Metrics {
			metrics[o.Name] = y[k]
		}
		for c, o := range spec.Constraints {
			metrics[o.Metric] = y[len(spec.Metrics)+c]
		}
		r.Ledger = append(r.Ledger, sweep.Trial{Assignment: a, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: metrics}})
	}
	r.Number, r.Index = n+q, n+q
	return r
}

// The tolerance is that of central differences with step 1e-6 in float64.
func TestAcquisitionGradientEqualsFiniteDifferences(t *testing.T) {
	wave := func(u []float64) float64 { return math.Sin(5*u[0]) + u[1]*u[1] + 0.5*math.Cos(3*u[0]*u[2]) }
	for name, r := range map[string]Request{
		"one objective, pending":  surveyed(3, 20, 3, 0, func(u []float64) []float64 { return []float64{wave(u)} }),
		"constraint":              surveyed(3, 20, 3, 1, func(u []float64) []float64 { return []float64{wave(u), u[0] + u[1] - 0.9} }),
		"two objectives":          surveyed(3, 20, 3, 0, func(u []float64) []float64 { return []float64{wave(u), 1 - u[0] + u[2]*u[2]} }),
		"three, and a constraint": surveyed(3, 20, 2, 1, func(u []float64) []float64 { return []float64{wave(u), 1 - u[0], u[2] - u[1], u[0] - 0.7} }),
		"noise":                   surveyed(3, 25, 2, 0, func(u []float64) []float64 { return []float64{wave(u) + 0.3*math.Sin(1e5*u[1])} }),
	} {
		t.Run(name, func(t *testing.T) {
			s := space.NewCube(r.Spec)
			rng := randomOf(r)
			m, err := newModel(rng, r, s, newTraining(r, s), nil, nil)
			require.NoError(t, err)
			a, _, err := m.acquisition(rng, r, s)
			require.NoError(t, err)
			for range 20 {
				u, gradient := s.Draw(rng), make([]float64, 3)
				value := a.at(u, gradient)
				require.Equal(t, value, a.at(u, nil))
				if value < -50 { // where a constraint is known to be broken, differences lose their digits
					continue
				}
				for k := range u {
					const h = 1e-6
					up, down := append([]float64(nil), u...), append([]float64(nil), u...)
					up[k] += h
					down[k] -= h
					want := (a.at(up, nil) - a.at(down, nil)) / (2 * h)
					require.InDeltaf(t, want, gradient[k], 1e-3*(1+math.Abs(want)), "coordinate %d", k)
				}
			}
		})
	}
}

// As ZDT2's front, this one is flat where f0 is least, and what is known of large x0
// is far from the front: the reference point must not exclude its other end.
func TestNadirIncludesAnExpectedEnd(t *testing.T) {
	r := surveyed(2, 0, 1, 0, func(u []float64) []float64 { return []float64{0, 0} })
	r.Pending, r.Exact = nil, true
	for number, u := range [][]float64{{0, 0.3}, {0.02, 0.3}, {0, 0.35}, {0.05, 0.25}, {0.3, 0.5}, {0.7, 0.55}, {1, 0.7}, {0.5, 0.6}} {
		g := 1 + 9*math.Abs(u[1]-0.3)
		r.Ledger = append(r.Ledger, sweep.Trial{Assignment: sweep.Assignment{Number: number, Params: sweep.Params{"x0": sweep.Number(u[0]), "x1": sweep.Number(u[1])}, Seed: 1},
			Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"f0": u[0], "f1": g - u[0]*u[0]/g}}})
	}
	s := space.NewCube(r.Spec)
	m, err := newModel(randomOf(r), r, s, newTraining(r, s), nil, nil)
	require.NoError(t, err)
	var places []place
	for i, u := range m.x {
		places = append(places, place{u: u, f: []float64{m.objectives[0].To(m.values[i][0]), m.objectives[1].To(m.values[i][1])}})
	}
	reference := m.nadir(s, places, front(places))
	require.Greater(t, m.objectives[0].From(reference[0]), 0.15, "a tenth beyond the front is 0.024")
}
