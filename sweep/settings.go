package sweep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings is everything about one trial's training and sampling that a parameter
// can set, resolved and typed: the trial's parameters over the spec's fixed
// fields over the defaults of the closed list. Every number is within the range
// that ParameterList states.
type Settings struct {
	InfoNCE          InfoNCE
	Alignment        Alignment
	CBDM             CBDM
	T2H              T2H
	CORAL            CORAL
	Dispersive       Dispersive
	ResamplingFactor float64   // 0: natural frequencies; otherwise (0, 1], class of rank i drawn with p ∝ f^(i/(C-1))
	LR               float64   // Adam's, after warm-up
	Batch            int       // images a step, at least 2
	EMA              float64   // [0, 1); step k uses min(EMA, (1+k)/(10+k))
	LabelDropout     float64   // [0, 1)
	LabelDropoutMode string    // DropSample | DropBatch
	Schedule         string    // ScheduleLinear | ScheduleCosine
	Prediction       string    // PredictEps | PredictV
	Precision        string    // PrecisionF32 | PrecisionBF16
	WeightDecay      float64   // of kernels, decoupled; 0: off
	ClipNorm         float64   // of the gradient's global norm, > 0
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
	Layer        string  // whose latent: one of Model.Layers
	Negatives    string  // NegativesAll | NegativesOtherClass
}

// Alignment is the conditional-unconditional alignment loss, and how and where it applies.
type Alignment struct {
	Weight       float64 // gamma; 0: off
	Exponent     float64 // p of (t/T)^p
	Window       float64 // [0, 1): no weight where t/T is below
	StopGradient string  // StopNone | StopUncond | StopCond: the side taken as given
}

// CBDM is class-balancing diffusion.
type CBDM struct {
	Weight float64 // tau_c; 0: off
}

// T2H is the long-tailed transfer of the training target.
type T2H struct {
	Weight float64 // [0, 1], its share of the target; 0: off
}

// CORAL is the supervised contrastive loss on a projection of the latent.
type CORAL struct {
	Weight      float64 // 0: off
	Temperature float64 // tau > 0
	Emphasis    float64 // tau_r > 0 of exp((1 - t/T)/tau_r)
}

// Dispersive is the dispersive loss.
type Dispersive struct {
	Weight      float64 // 0: off
	Temperature float64 // tau > 0
}

// The terms of the training loss beside DDPM, by the names of their parameters.
const (
	TermInfoNCE    = "infonce"
	TermAlignment  = "alignment"
	TermCBDM       = "cbdm"
	TermT2H        = "t2h"
	TermCORAL      = "coral"
	TermDispersive = "dispersive"
)

// TermList is the closed list of these terms.
func TermList() []string {
	return []string{TermInfoNCE, TermAlignment, TermCBDM, TermT2H, TermCORAL, TermDispersive}
}

// The words of the fields of Train and Evaluate that are closed lists. Empty means
// the first of each.
const (
	DropSample = "sample"
	DropBatch  = "batch"

	ScheduleLinear = "linear"
	ScheduleCosine = "cosine"

	PredictEps = "eps"
	PredictV   = "v"

	PrecisionF32  = "f32"
	PrecisionBF16 = "bf16"

	SamplerDDIM = "ddim"
	SamplerDDPM = "ddpm"
)

// Steps is how many denoising steps the sampler takes.
func (e Evaluate) Steps() int {
	if e.Sampler == SamplerDDPM {
		return e.DDPMSteps
	}
	return e.DDIMSteps
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

	layers := s.Model.Layers()
	layer := word(ParamInfonceLayer)
	if layer == LayerDefault {
		layer = layers[0]
	}
	if !slices.Contains(layers, layer) {
		return Settings{}, fmt.Errorf("trial %d: %s = %s, want one of %s for this model", a.Number, ParamInfonceLayer, layer, strings.Join(layers, ", "))
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
			Layer:        layer,
			Negatives:    word(ParamInfonceNegatives),
		},
		Alignment: Alignment{
			Weight:       number(ParamAlignmentWeight),
			Exponent:     number(ParamAlignmentExponent),
			Window:       number(ParamAlignmentWindow),
			StopGradient: word(ParamAlignmentStopGradient),
		},
		CBDM: CBDM{Weight: number(ParamCBDMWeight)},
		T2H:  T2H{Weight: number(ParamT2HWeight)},
		CORAL: CORAL{
			Weight:      number(ParamCORALWeight),
			Temperature: number(ParamCORALTemperature),
			Emphasis:    number(ParamCORALEmphasis),
		},
		Dispersive:       Dispersive{Weight: number(ParamDispersiveWeight), Temperature: number(ParamDispersiveTemperature)},
		ResamplingFactor: number(ParamResamplingFactor),
		LR:               fixed(ParamLR, s.Train.LR),
		Batch:            int(fixed(ParamBatch, float64(s.Train.Batch))),
		EMA:              fixed(ParamEMA, s.Train.EMA),
		LabelDropout:     fixed(ParamLabelDropout, s.Train.LabelDropout),
		LabelDropoutMode: s.Train.LabelDropoutMode,
		Schedule:         s.Train.Schedule,
		Prediction:       s.Train.Prediction,
		Precision:        s.Train.Precision,
		WeightDecay:      s.Train.WeightDecay,
		ClipNorm:         s.Train.ClipNorm,
		Guidance:         guidance,
		Steps:            s.Train.Steps,
		Seed:             a.Seed,
		WarmupSteps:      s.Train.WarmupSteps,
		LogEvery:         s.Train.LogEvery,
		EverySteps:       s.Checkpoints.EverySteps,
	}, nil
}
