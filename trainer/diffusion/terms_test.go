package diffusion

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// built runs a loss on two samples with every draw there is, and returns its terms:
// total, DDPM, the samples' DDPM and the rest, by name.
func built(t *testing.T, s sweep.Settings) (calls int, total, ddpm float32, samples []float32, more map[string]float32) {
	t.Helper()
	var names []string
	exec, err := model.NewExec(testBackend(t), model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
		batch := graphBatch(in)
		for _, numbers := range Inputs(s, 0, 2, []int{9, 1}) {
			batch.Inputs = append(batch.Inputs, Const(in[0].Graph(), numbers))
		}
		terms := countingLoss(t, &calls, s).Build(scope, batch)
		nodes := []*Node{terms.Total, terms.DDPM, terms.PerSample}
		for _, term := range terms.More {
			names = append(names, term.Name)
			nodes = append(nodes, term.Value)
		}
		return nodes
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call(twoSamples...)
	require.NoError(t, err)
	more = map[string]float32{}
	for i, name := range names {
		more[name] = flat(t, out[3+i])[0]
	}
	require.Equal(t, TermsOf(s), names)
	return calls, flat(t, out[0])[0], flat(t, out[1])[0], flat(t, out[2]), more
}

// Terms combine: the total is their weighted sum, and passes are shared.
func TestTermsCombine(t *testing.T) {
	both := with(infonceOn, sweep.Params{sweep.ParamAlignmentWeight: sweep.Number(0.25)})
	all := with(both, sweep.Params{
		sweep.ParamCBDMWeight: sweep.Number(2), sweep.ParamDispersiveWeight: sweep.Number(0.75), sweep.ParamT2HWeight: sweep.Number(0.125), sweep.ParamCORALWeight: sweep.Number(3),
	})
	off := func(names ...string) sweep.Params {
		params := sweep.Params{}
		for _, name := range names {
			params[name] = sweep.Number(0)
		}
		return params
	}
	velocity := settings(t, all)
	velocity.Prediction = sweep.PredictV
	for name, c := range map[string]struct {
		settings sweep.Settings
		calls    int
	}{
		"plain":         {settings(t, nil), 1},
		"both":          {settings(t, both), 2},
		"all":           {settings(t, all), 3},
		"no second one": {settings(t, with(all, off(sweep.ParamInfonceWeight, sweep.ParamAlignmentWeight))), 2},
		"conditional":   {settings(t, with(all, infonceCond, off(sweep.ParamAlignmentWeight, sweep.ParamCBDMWeight))), 1},
		"velocity":      {velocity, 3},
	} {
		t.Run(name, func(t *testing.T) {
			calls, total, ddpm, samples, more := built(t, c.settings)
			require.Equal(t, c.calls, calls)
			require.InDelta(t, ddpm, (samples[0]+samples[1])/2, 1e-5)
			require.NotEqual(t, samples[0], samples[1])
			want := float64(ddpm) * (1 - c.settings.Weight(sweep.TermT2H))
			for _, term := range sweep.LossTerms() {
				name, weight := term.Name, c.settings.Weight(term.Name)
				value, on := more[name]
				require.Equal(t, weight > 0, on, name)
				if name != sweep.TermCORAL { // two classes of one sample each
					require.Equal(t, on, value != 0, name)
				}
				want += weight * float64(value)
			}
			require.InEpsilon(t, want, total, 1e-5)
		})
	}
}

// Each term of sweep.LossTerms has its computation, and each computation its entry.
func TestEveryTermIsComputed(t *testing.T) {
	var listed, computed []string
	for _, e := range sweep.LossTerms() {
		listed = append(listed, e.Name)
		require.Equal(t, e.Weight(), e.Parameters[0].Name)
		require.Zero(t, e.Parameters[0].Default, "a term is off by default")
	}
	for _, c := range terms {
		computed = append(computed, c.name)
	}
	require.ElementsMatch(t, listed, computed)
}

// Alignment and CBDM compare noise: of a velocity net's predictions, abar_t times the
// square of their difference.
func TestVelocityIsComparedAsNoise(t *testing.T) {
	s := linear(t)
	xt := [][][][]float32{{{{1}}}, {{{-2}}}}
	a, b := [][][][]float32{{{{3}}}, {{{1}}}}, [][][][]float32{{{{1}}}, {{{4}}}}
	steps := []int32{600, 700}
	got := flat(t, eval(t, func(in []*Node) []*Node {
		x, y := s.toEps(in[1], in[0], in[3], sweep.PredictV), s.toEps(in[2], in[0], in[3], sweep.PredictV)
		return []*Node{Alignment(x, y, in[3], Const(in[0].Graph(), []float32{1, 1}), AlignmentConfig{})}
	}, xt, a, b, steps)[0])
	require.InEpsilon(t, (4*s.AlphaBar[600]+9*s.AlphaBar[700])/2, got[0], 1e-4)
}
