package sweep

import (
	"fmt"
	"maps"
	"slices"
)

// Settings is everything about one trial's training and sampling that a parameter
// can set, resolved and typed: the trial's parameters over the spec's fixed
// fields over the defaults of the closed list. Every number is within the range
// that ParameterList states.
type Settings struct {
	InfoNCE          InfoNCE
	Alignment        Alignment
	ResamplingFactor float64   // 0: natural frequencies; otherwise (0, 1], class of rank i drawn with p ∝ f^(i/(C-1))
	LR               float64   // Adam's, after warm-up
	Batch            int       // images a step, at least 2
	EMA              float64   // [0, 1); step k uses min(EMA, (1+k)/(10+k))
	LabelDropout     float64   // [0, 1), per sample
	Guidance         []float64 // scales to evaluate at; none where guidance is searched and a has no value for it
	Steps            int
	Seed             int64 // of initial weights, data order, noise and label drop
	WarmupSteps      int   // linear from 0
	LogEvery         int   // steps a point of the curve
	EverySteps       int   // steps a checkpoint; the last step makes one whatever it is
}

// InfoNCE is the contrastive loss with negatives only, and how and where it applies.
type InfoNCE struct {
	Weight       float64 // alpha; 0: off
	Temperature  float64 // tau > 0
	Exponent     float64 // p of (t/T)^p
	Window       float64 // [0, 1): no weight where t/T is below
	Pass         string  // PassUncond | PassCond: whose latent
	StopGradient string  // StopNone | StopNegatives
}

// Alignment is the conditional-unconditional alignment loss, and how and where it applies.
type Alignment struct {
	Weight       float64 // gamma; 0: off
	Exponent     float64 // p of (t/T)^p
	Window       float64 // [0, 1): no weight where t/T is below
	StopGradient string  // StopNone | StopUncond | StopCond: the side taken as given
}

// Settings resolves the settings of one trial. An assignment that names an
// unknown parameter or gives one an illegal value is an error that says which.
func (s *Spec) Settings(a Assignment) (Settings, error) {
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		info, ok := LookupParameter(name)
		if !ok {
			return Settings{}, fmt.Errorf("trial %d: unknown parameter %q", a.Number, name)
		}
		if v := a.Params[name]; !info.Accepts(v) {
			return Settings{}, fmt.Errorf("trial %d: %s = %s, want %s", a.Number, name, v, info.Legal())
		}
	}
	value := func(name string) Value {
		if v, ok := a.Params[name]; ok {
			return v
		}
		info, _ := LookupParameter(name)
		return info.Default
	}
	number := func(name string) float64 { return value(name).Float() }
	word := func(name string) string { return value(name).String() }
	fixed := func(name string, otherwise float64) float64 {
		if v, ok := a.Params[name]; ok {
			return v.Float()
		}
		return otherwise
	}

	guidance := slices.Clone(s.Evaluate.Guidance)
	if v, ok := a.Params[ParamGuidance]; ok {
		guidance = []float64{v.Float()}
	}
	return Settings{
		InfoNCE: InfoNCE{
			Weight:       number(ParamInfonceWeight),
			Temperature:  number(ParamInfonceTemperature),
			Exponent:     number(ParamInfonceExponent),
			Window:       number(ParamInfonceWindow),
			Pass:         word(ParamInfoncePass),
			StopGradient: word(ParamInfonceStopGradient),
		},
		Alignment: Alignment{
			Weight:       number(ParamAlignmentWeight),
			Exponent:     number(ParamAlignmentExponent),
			Window:       number(ParamAlignmentWindow),
			StopGradient: word(ParamAlignmentStopGradient),
		},
		ResamplingFactor: number(ParamResamplingFactor),
		LR:               fixed(ParamLR, s.Train.LR),
		Batch:            int(fixed(ParamBatch, float64(s.Train.Batch))),
		EMA:              fixed(ParamEMA, s.Train.EMA),
		LabelDropout:     fixed(ParamLabelDropout, s.Train.LabelDropout),
		Guidance:         guidance,
		Steps:            s.Train.Steps,
		Seed:             a.Seed,
		WarmupSteps:      s.Train.WarmupSteps,
		LogEvery:         s.Train.LogEvery,
		EverySteps:       s.Checkpoints.EverySteps,
	}, nil
}
