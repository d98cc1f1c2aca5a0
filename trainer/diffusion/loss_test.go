package diffusion

import (
	"maps"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/nets"
)

func TestAlignmentByHand(t *testing.T) {
	// Two pixels a sample; squared differences 1 and 4, 9 and 0, 16 and 16.
	epsC := [][][][]float32{{{{1}, {2}}}, {{{3}, {0}}}, {{{4}, {4}}}}
	eps0 := [][][][]float32{{{{0}, {0}}}, {{{0}, {0}}}, {{{0}, {0}}}}
	steps, kept := []int32{500, 800, 900}, []float32{1, 1, 0}
	for _, c := range []struct {
		cfg  AlignmentConfig
		want float64
	}{
		{AlignmentConfig{Exponent: 1}, (0.5*2.5 + 0.8*4.5) / 3},
		{AlignmentConfig{Exponent: 0}, (2.5 + 4.5) / 3},
		{AlignmentConfig{Exponent: 2}, (0.25*2.5 + 0.64*4.5) / 3},
		{AlignmentConfig{Exponent: 1, Window: 0.7}, 0.8 * 4.5 / 3},
	} {
		got := flat(t, eval(t, func(in []*Node) []*Node {
			return []*Node{Alignment(in[0], in[1], in[2], in[3], c.cfg)}
		}, epsC, eps0, steps, kept)[0])
		require.InEpsilon(t, c.want, got[0], 1e-5, "%+v", c.cfg)
	}
	for side, zero := range map[string][2]bool{sweep.StopNone: {false, false}, sweep.StopCond: {true, false}, sweep.StopUncond: {false, true}} {
		grads := eval(t, func(in []*Node) []*Node {
			return Gradient(Alignment(in[0], in[1], in[2], in[3], AlignmentConfig{Exponent: 1, StopGradient: side}), in[0], in[1])
		}, epsC, eps0, steps, kept)
		for i := range grads {
			require.Equal(t, zero[i], flat(t, grads[i])[0] == 0, "stop_gradient %s, side %d", side, i)
		}
	}
}

// countingNet is a fake: eps = x * eps-table[label], h = x * h-table[label], so a
// gradient shows which pass it came through.
type countingNet struct{ calls *int }

func (n countingNet) Forward(scope *model.Scope, in nets.Input) nets.Output {
	*n.calls++
	x, label := in.X, in.Label
	pick := func(name string) *Node {
		v := scope.GetVariable(name)
		if v == nil {
			v = scope.VariableWithValue(name, [][]float32{{1, 2, 3}, {2, 1, 2}, {1, 3, 1}}) // `[label, pixel]`, label 2 is null
		}
		rows := DotProduct(OneHot(label, 3, dtypes.Float32), v.NodeValue(x.Graph()))
		return Mul(Reshape(x, x.Shape().Dim(0), 3), rows)
	}
	return nets.NewOutput(Reshape(pick("eps"), x.Shape().Dimensions...), map[string]*Node{sweep.LayerBottleneck: pick("h")})
}

// countingLoss is a loss of 2 classes with a countingNet.
func countingLoss(t *testing.T, calls *int, s sweep.Settings) Loss {
	t.Helper()
	return Loss{Net: countingNet{calls}, Schedule: linear(t), Settings: s, Counts: []int{9, 1}, Layer: sweep.LayerBottleneck}
}

// twoSamples is a batch of two samples of two classes, as graphBatch takes it.
var twoSamples = []any{
	[][][][]float32{{{{1}, {2}, {-1}}}, {{{0.5}, {1}, {1}}}},
	[][][][]float32{{{{0.3}, {-1}, {1}}}, {{{1}, {0.2}, {-0.7}}}},
	[]int32{600, 700}, []int32{0, 1}, []float32{1, 1},
}

func graphBatch(in []*Node) Batch {
	return Batch{X0: in[0], Eps: in[1], T: in[2], Label: in[3], Kept: in[4]}
}

// settings are the settings of an eps net with these parameters of terms; the others
// have their defaults.
func settings(t *testing.T, terms sweep.Params) sweep.Settings {
	t.Helper()
	spec := sweep.Spec{Model: sweep.Model{Arch: sweep.ArchUNet}}
	s, err := spec.Settings(sweep.Assignment{Params: terms})
	require.NoError(t, err)
	return s
}

// with returns the parameters of all of these, the later ones first.
func with(all ...sweep.Params) sweep.Params {
	params := sweep.Params{}
	for _, p := range all {
		maps.Copy(params, p)
	}
	return params
}

// The parameters of the two losses in most tests.
var (
	infonceOn   = sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0.5), sweep.ParamInfonceTemperature: sweep.Number(0.5)}
	infonceCond = sweep.Params{sweep.ParamInfoncePass: sweep.Word(sweep.PassCond)}
	alignmentOn = sweep.Params{sweep.ParamAlignmentWeight: sweep.Number(0.5)}
)

// stop is alignment.stop_gradient.
func stop(word string) sweep.Params {
	return sweep.Params{sweep.ParamAlignmentStopGradient: sweep.Word(word)}
}

func TestLossPassesAndGradients(t *testing.T) {
	for name, c := range map[string]struct {
		terms               sweep.Params
		calls               int
		nullEps, nullH, anH bool // which parts of the tables the gradient moves
	}{
		"plain":                   {nil, 1, false, false, false},
		"infonce":                 {infonceOn, 2, false, true, false},
		"infonce of cond":         {with(infonceOn, infonceCond), 1, false, false, true},
		"alignment":               {alignmentOn, 2, true, false, false},
		"alignment, stopped":      {with(alignmentOn, stop(sweep.StopUncond)), 2, false, false, false},
		"both share one pass":     {with(infonceOn, alignmentOn), 2, true, true, false},
		"both, infonce of cond":   {with(infonceOn, infonceCond, alignmentOn), 2, true, false, true},
		"infonce, others stopped": {with(infonceOn, alignmentOn, stop(sweep.StopUncond)), 2, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			table := []float32{1, 2, 3, 2, 1, 2, 1, 3, 1} // `[label, pixel]`, label 2 is null
			calls, _, eps, h := tables(t, table, table, settings(t, c.terms))
			require.Equal(t, c.calls, calls)
			require.NotZero(t, eps[0], "the conditional pass always learns")
			require.Equal(t, c.nullEps, eps[6] != 0)
			require.Equal(t, c.nullH, h[6] != 0)
			require.Equal(t, c.anH, h[0] != 0)
		})
	}
}

// tables are the value of Loss and its gradients at the fake net's tables
// `[label, pixel]`, and how many passes it took.
func tables(t *testing.T, eps, h []float32, s sweep.Settings) (calls int, total float32, gradEps, gradH []float32) {
	t.Helper()
	store := model.NewStore()
	for name, values := range map[string][]float32{"/eps": eps, "/h": h} {
		_, err := store.CreateVariable(name, tensors.FromFlatDataAndDimensions(values, 3, 3))
		require.NoError(t, err)
	}
	exec, err := model.NewExec(testBackend(t), store, func(scope *model.Scope, in []*Node) []*Node {
		terms := countingLoss(t, &calls, s).Build(scope, graphBatch(in))
		g := in[0].Graph()
		return append([]*Node{terms.Total}, Gradient(terms.Total,
			store.GetVariable("/eps").NodeValue(g), store.GetVariable("/h").NodeValue(g))...)
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call(twoSamples...)
	require.NoError(t, err)
	return calls, flat(t, out[0])[0], flat(t, out[1]), flat(t, out[2])
}

// With no stop-gradient the gradient is the slope of the loss in every entry, of
// the conditional rows and of the null row; a stop takes alignment's share out of
// one side and leaves the other's.
func TestLossGradientIsItsSlope(t *testing.T) {
	eps, h := []float32{1, 2, 3, 2, 1, 2, 1, 3, 1}, []float32{1, 2, 3, 2, 1, 2, 1, 3, 1}
	both := func(word string) sweep.Settings { return settings(t, with(infonceOn, alignmentOn, stop(word))) }
	_, _, gradEps, gradH := tables(t, eps, h, both(sweep.StopNone))
	const width = 1.0 / 64 // the loss is a quadratic of eps, so this costs rounding only; h is smooth at this scale
	for name, of := range map[string]struct{ table, grad []float32 }{"eps": {eps, gradEps}, "h": {h, gradH}} {
		for i := range of.table {
			at := of.table[i]
			of.table[i] = at + width
			_, up, _, _ := tables(t, eps, h, both(sweep.StopNone))
			of.table[i] = at - width
			_, down, _, _ := tables(t, eps, h, both(sweep.StopNone))
			of.table[i] = at
			require.InDelta(t, (up-down)/(2*width), of.grad[i], 2e-3, "%s[%d]", name, i)
		}
	}

	_, _, plain, _ := tables(t, eps, h, settings(t, infonceOn))
	_, _, uncond, _ := tables(t, eps, h, both(sweep.StopUncond))
	_, _, cond, _ := tables(t, eps, h, both(sweep.StopCond))
	require.NotEqual(t, plain[:6], gradEps[:6], "alignment moves the conditional side")
	require.NotEqual(t, plain[6:], gradEps[6:], "and the unconditional one")
	require.Equal(t, gradEps[:6], uncond[:6])
	require.Equal(t, plain[6:], uncond[6:])
	require.Equal(t, plain[:6], cond[:6])
	require.Equal(t, gradEps[6:], cond[6:])
}

func TestDroppedLabelsAreNull(t *testing.T) {
	calls := 0
	exec, err := model.NewExec(testBackend(t), model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
		terms := countingLoss(t, &calls, settings(t, nil)).Build(scope, graphBatch(in))
		return Gradient(terms.Total, scope.GetVariable("eps").NodeValue(in[0].Graph()))
	})
	require.NoError(t, err)
	defer exec.Finalize()
	x := [][][][]float32{{{{1}, {2}, {-1}}}, {{{0.5}, {1}, {1}}}}
	out, err := exec.Call1(x, x, []int32{600, 700}, []int32{0, 1}, []float32{0, 1})
	require.NoError(t, err)
	grad := flat(t, out)
	require.Zero(t, grad[0], "label 0 was dropped")
	require.NotZero(t, grad[3], "label 1 was not")
	require.NotZero(t, grad[6], "null stood in for label 0")
}

// With both weights at zero the loss and every gradient equal plain DDPM's, built
// here without Loss, bit for bit.
func TestZeroWeightsArePlainDDPM(t *testing.T) {
	net, err := nets.New(nets.Config{Model: sweep.Model{Arch: sweep.ArchUNet, Width: 8, Depth: 1, Mult: []int{1, 2, 2}}, Size: 8, Channels: 1, Classes: 3, Seed: 1})
	require.NoError(t, err)
	s := linear(t)
	draws := TrainingDraws(5, 0, 4, 64, 0.5, false)
	x0 := make([]float32, 4*64)
	Normals(Random(9, StreamTraining, 0), x0)
	backend := testBackend(t) // a tensor belongs to one
	inputs := []any{
		tensors.FromFlatDataAndDimensions(x0, 4, 8, 8, 1), tensors.FromFlatDataAndDimensions(draws.Eps, 4, 8, 8, 1),
		draws.T, []int32{0, 1, 2, 0}, []float32{1, 0, 1, 0},
	}
	run := func(loss func(scope *model.Scope, in []*Node) *Node) [][]float32 {
		exec, err := model.NewExec(backend, model.NewStore(), func(scope *model.Scope, in []*Node) []*Node {
			total := loss(scope, in)
			return append([]*Node{total}, scope.BuildTrainableVariablesGradientsGraph(total)...)
		})
		require.NoError(t, err)
		defer exec.Finalize()
		out, err := exec.Call(inputs...)
		require.NoError(t, err)
		all := make([][]float32, len(out))
		for i := range out {
			all[i] = flat(t, out[i])
		}
		return all
	}
	plain := run(func(scope *model.Scope, in []*Node) *Node {
		label := Where(ConvertDType(in[4], dtypes.Bool), in[3], AddScalar(ZerosLike(in[3]), 3))
		out := net.Forward(scope, nets.Input{X: s.Corrupt(in[0], in[1], in[2]), T: in[2], Label: label})
		return ReduceAllMean(Square(Sub(out.Prediction, in[1])))
	})
	// Everything but the weights is set, and must not matter.
	zero := settings(t, with(infonceCond, stop(sweep.StopCond), sweep.Params{
		sweep.ParamInfonceExponent: sweep.Number(2), sweep.ParamInfonceWindow: sweep.Number(0.5), sweep.ParamInfonceStopGradient: sweep.Word(sweep.StopNegatives),
		sweep.ParamAlignmentExponent: sweep.Number(2), sweep.ParamAlignmentWindow: sweep.Number(0.5),
	}))
	got := run(func(scope *model.Scope, in []*Node) *Node {
		return Loss{Net: net, Schedule: s, Settings: zero, Counts: []int{3, 2, 1}, Layer: sweep.LayerBottleneck}.Build(scope, graphBatch(in)).Total
	})
	require.Greater(t, len(plain), 50)
	require.Equal(t, plain, got)
}
