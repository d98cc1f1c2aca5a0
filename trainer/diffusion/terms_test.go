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
func built(t *testing.T, settings sweep.Settings) (calls int, total, ddpm float32, samples []float32, more map[string]float32) {
	t.Helper()
	var names []string
	exec, err := model.NewExec(testBackend(t), model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
		batch := graphBatch(in)
		batch.Other, batch.Uniform = in[5], in[6]
		terms := countingLoss(t, &calls, settings).Build(scope, batch)
		nodes := []*Node{terms.Total, terms.DDPM, terms.PerSample}
		for _, term := range terms.More {
			names = append(names, term.Name)
			nodes = append(nodes, term.Value)
		}
		return nodes
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call(
		[][][][]float32{{{{1}, {2}, {-1}}}, {{{0.5}, {1}, {1}}}},
		[][][][]float32{{{{0.3}, {-1}, {1}}}, {{{1}, {0.2}, {-0.7}}}},
		[]int32{600, 700}, []int32{0, 1}, []float32{1, 1}, []int32{1, 0}, []float32{0.1, 0.9})
	require.NoError(t, err)
	more = map[string]float32{}
	for i, name := range names {
		more[name] = flat(t, out[3+i])[0]
	}
	require.Equal(t, TermsOf(settings), names)
	return calls, flat(t, out[0])[0], flat(t, out[1])[0], flat(t, out[2]), more
}

// Terms combine: the total is their weighted sum, and passes are shared.
func TestTermsCombine(t *testing.T) {
	infonce := sweep.InfoNCE{Weight: 0.5, Temperature: 0.5, Exponent: 1, Pass: sweep.PassUncond}
	alignment := sweep.Alignment{Weight: 0.25, Exponent: 1}
	with := func(change func(s *sweep.Settings)) sweep.Settings {
		s := settingsOf(infonce, alignment)
		change(&s)
		return s
	}
	all := with(func(s *sweep.Settings) {
		s.CBDM.Weight, s.Dispersive, s.T2H.Weight = 2, sweep.Dispersive{Weight: 0.75, Temperature: 0.5}, 0.125
		s.CORAL = sweep.CORAL{Weight: 3, Temperature: 0.1, Emphasis: 0.3}
	})
	for name, c := range map[string]struct {
		settings sweep.Settings
		calls    int
	}{
		"plain":         {settingsOf(sweep.InfoNCE{}, sweep.Alignment{}), 1},
		"both":          {with(func(*sweep.Settings) {}), 2},
		"all":           {all, 3},
		"no second one": {with(func(s *sweep.Settings) { *s = all; s.InfoNCE.Weight, s.Alignment.Weight = 0, 0 }), 2},
		"conditional": {with(func(s *sweep.Settings) {
			*s = all
			s.InfoNCE.Pass, s.Alignment.Weight, s.CBDM.Weight = sweep.PassCond, 0, 0
		}), 1},
		"velocity": {with(func(s *sweep.Settings) { *s = all; s.Prediction = sweep.PredictV }), 3},
	} {
		t.Run(name, func(t *testing.T) {
			calls, total, ddpm, samples, more := built(t, c.settings)
			require.Equal(t, c.calls, calls)
			require.InDelta(t, ddpm, (samples[0]+samples[1])/2, 1e-5)
			require.NotEqual(t, samples[0], samples[1])
			w := c.settings
			want := float64(ddpm) * (1 - w.T2H.Weight)
			for name, weight := range map[string]float64{
				sweep.TermT2H: w.T2H.Weight, sweep.TermInfoNCE: w.InfoNCE.Weight, sweep.TermAlignment: w.Alignment.Weight,
				sweep.TermCBDM: w.CBDM.Weight, sweep.TermCORAL: w.CORAL.Weight, sweep.TermDispersive: w.Dispersive.Weight,
			} {
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
	require.ElementsMatch(t, sweep.TermList(), TermsOf(all))
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
		return []*Node{Alignment(x, y, in[3], Const(in[0].Graph(), []float32{1, 1}), sweep.Alignment{})}
	}, xt, a, b, steps)[0])
	require.InEpsilon(t, (4*s.AlphaBar[600]+9*s.AlphaBar[700])/2, got[0], 1e-4)
}
