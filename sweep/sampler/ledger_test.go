package sampler_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
	"github.com/tailsweep/tailsweep/sweep/sampler/samplertest"
)

// asked returns a spec of a method with every kind of parameter, two metrics and
// two constraints.
func asked(t testing.TB, method sweep.Method, space string) *sweep.Spec {
	spec := samplertest.Specs(method)[space]
	spec.Metrics = append(spec.Metrics, sweep.Objective{Name: "label_accuracy.all", Goal: sweep.Maximize})
	for _, text := range []string{"fid.head <= baseline.fid.head * 1.02", "label_accuracy.all >= 0.5"} {
		c, err := sweep.ParseConstraint(text)
		require.NoError(t, err)
		spec.Constraints = append(spec.Constraints, c)
	}
	return spec
}

// FuzzLedger checks that after any ledger a suggestion is a configuration of the space,
// or the space is exhausted.
func FuzzLedger(f *testing.F) {
	draw, err := sampler.New(sweep.MethodRandom)
	require.NoError(f, err)
	for i, space := range []string{"weights", "wide"} {
		r := sampler.Request{Spec: asked(f, sweep.MethodRandom, space)}
		var trials []sweep.Trial
		for r.Number = range 14 {
			params, _, err := draw.Suggest(r)
			require.NoError(f, err)
			trials = append(trials, sweep.Trial{Assignment: sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Params: params, Seed: 1}})
		}
		for _, ledger := range samplertest.Ledgers(trials) {
			data, err := json.Marshal(ledger)
			require.NoError(f, err)
			for method := range sweep.Methods() {
				f.Add(data, 2*method+i)
			}
		}
	}
	f.Add([]byte(`[{"kind":"baseline","status":"completed","params":{"alignment.weight":1e308,"infonce.pass":3,"who":"me"},"metrics":{"fid.head":-1e308}},
		{"status":"odd","params":null,"number":-7},{"status":"stopped","rungs":[{"step":-1},{"step":9,"metrics":{"fid.tail":1e308,"label_accuracy.all":-1e308}}]}]`), 4)
	f.Fuzz(func(t *testing.T, data []byte, which int) {
		var ledger []sweep.Trial
		if json.Unmarshal(data, &ledger) != nil || len(ledger) > 100 {
			t.Skip()
		}
		methods := sweep.Methods()
		method, space := methods[uint(which)/2%uint(len(methods))], []string{"weights", "wide"}[uint(which)%2]
		spec := asked(t, method, space)
		s, err := sampler.New(method)
		require.NoError(t, err)
		r := sampler.Request{Spec: spec, Ledger: ledger, Number: len(ledger), Index: len(ledger)}
		if n := len(ledger); n > 0 {
			r.Ledger, r.Pending = ledger[:n-1], []sweep.Assignment{ledger[n-1].Assignment}
		}
		params, reason, err := s.Suggest(r)
		if errors.Is(err, sampler.ErrExhausted) {
			return
		}
		require.NoError(t, err)
		require.NoError(t, samplertest.Illegal(spec, params))
		_, err = json.Marshal(reason)
		require.NoError(t, err)
	})
}

// BenchmarkSuggest is a suggestion in ten dimensions after so many results.
func BenchmarkSuggest(b *testing.B) {
	for _, method := range sweep.Methods() {
		for _, n := range []int{100, 1000, 5000} {
			b.Run(fmt.Sprintf("%s/%d", method, n), func(b *testing.B) {
				r := tenDimensions(b, method, n)
				s, err := sampler.New(method)
				require.NoError(b, err)
				for b.Loop() {
					_, _, err := s.Suggest(r)
					require.NoError(b, err)
				}
			})
		}
	}
}

// tenDimensions is a request after n random results; of a grid the points are few.
func tenDimensions(tb testing.TB, method sweep.Method, n int) sampler.Request {
	spec := &sweep.Spec{Method: method, Train: sweep.Train{Seed: 1}, Budget: sweep.Budget{RunCap: 5000},
		Metrics: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}, {Name: "fid.head", Goal: sweep.Minimize}}}
	for k := range 10 {
		p := sweep.Parameter{Name: "p" + string(rune('a'+k)), Distribution: sweep.DistUniform, Min: 0.01, Max: 1, Count: 2}
		switch k % 5 {
		case 3:
			p.Zero = 0.2
		case 4:
			p = sweep.Parameter{Name: p.Name, Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("a"), sweep.Word("b"), sweep.Word("c")}}
		}
		spec.Parameters = append(spec.Parameters, p)
	}
	draw, err := sampler.New(sweep.MethodRandom)
	require.NoError(tb, err)
	r := sampler.Request{Spec: spec}
	for i := range n {
		params, _, err := draw.Suggest(sampler.Request{Spec: spec, Number: i})
		require.NoError(tb, err)
		value := 0.0
		for k, p := range spec.Parameters {
			value += math.Pow(params[p.Name].Float()-float64(k)/10, 2)
		}
		r.Ledger = append(r.Ledger, sweep.Trial{Assignment: sweep.Assignment{Number: i, Params: params, Seed: 1}, Status: sweep.StatusCompleted,
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"fid.tail": value, "fid.head": params["pa"].Float() - value/10}}})
	}
	r.Number, r.Index = n, min(n, 500)
	return r
}
