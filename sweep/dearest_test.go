package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDearestHasEveryTermThatATrialMayHave(t *testing.T) {
	off, cond := Number(0), Word(PassCond)
	s := Spec{
		Train: Train{Seed: 7},
		Parameters: []Parameter{
			{Name: ParamInfonceWeight, Distribution: DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2},
			{Name: ParamInfoncePass, Distribution: DistConstant, Value: &cond},
			{Name: ParamInfonceNegatives, Distribution: DistCategorical, Values: []Value{Word(NegativesOtherClass), Word(NegativesAll)}},
			{Name: ParamAlignmentWeight, Distribution: DistConstant, Value: &off},
			{Name: ParamCORALWeight, Distribution: DistCategorical, Values: []Value{Number(0.02), Number(0)}},
			{Name: ParamDispersiveWeight, Distribution: DistNormal, Mu: 1, Sigma: 0.1, Max: 2},
			{Name: ParamBatch, Distribution: DistOrdinal, Values: []Value{Number(32), Number(64)}},
			{Name: ParamLR, Distribution: DistLogUniform, Min: 1e-5, Max: 1},
		},
		Baseline: &Baseline{Params: Params{ParamCBDMWeight: Number(1), ParamT2HWeight: Number(0)}},
	}
	require.Equal(t, Assignment{Kind: KindSearch, Seed: 7, Params: Params{
		ParamInfonceWeight: Number(0.1), ParamInfoncePass: Word(PassCond), ParamCORALWeight: Number(0.02),
		ParamDispersiveWeight: Number(0.1), ParamCBDMWeight: Number(0.1), ParamBatch: Number(64),
	}}, s.Dearest())
}
