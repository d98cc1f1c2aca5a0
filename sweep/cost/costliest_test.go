package cost_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
)

func TestCostliestHasEveryTermThatATrialMayHave(t *testing.T) {
	off, cond := sweep.Number(0), sweep.Word(sweep.PassCond)
	s := sweep.Spec{
		Train: sweep.Train{Seed: 7},
		Parameters: []sweep.Parameter{
			{Name: sweep.ParamInfonceWeight, Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
			{Name: sweep.ParamInfoncePass, Distribution: sweep.DistConstant, Value: &cond},
			{Name: sweep.ParamInfonceNegatives, Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word(sweep.NegativesOtherClass), sweep.Word(sweep.NegativesAll)}},
			{Name: sweep.ParamAlignmentWeight, Distribution: sweep.DistConstant, Value: &off},
			{Name: sweep.ParamCORALWeight, Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Number(0.02), sweep.Number(0)}},
			{Name: sweep.ParamDispersiveWeight, Distribution: sweep.DistNormal, Mu: 1, Sigma: 0.1, Max: 2},
			{Name: sweep.ParamBatch, Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Number(32), sweep.Number(64)}},
			{Name: sweep.ParamLR, Distribution: sweep.DistLogUniform, Min: 1e-5, Max: 1},
		},
		Baseline: &sweep.Baseline{Params: sweep.Params{sweep.ParamCBDMWeight: sweep.Number(1), sweep.ParamT2HWeight: sweep.Number(0)}},
	}
	require.Equal(t, sweep.Assignment{Kind: sweep.KindSearch, Seed: 7, Params: sweep.Params{
		sweep.ParamInfonceWeight: sweep.Number(0.1), sweep.ParamInfoncePass: sweep.Word(sweep.PassCond), sweep.ParamCORALWeight: sweep.Number(0.02),
		sweep.ParamDispersiveWeight: sweep.Number(0.1), sweep.ParamCBDMWeight: sweep.Number(0.1), sweep.ParamBatch: sweep.Number(64),
	}}, cost.Costliest(&s))
}
