package sweep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings are the values that one trial trains and samples with: the trial's
// parameters, else the spec's fixed fields, else the defaults of the list of
// parameters. Every number is within the range of its parameter.
type Settings struct {
	Terms            Params    // every parameter of every term of the loss; infonce.layer is one of Model.Layers
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

// Weight is the weight of a term of the loss; 0 means that it is off.
func (s Settings) Weight(term string) float64 { return s.Number(term + ".weight") }

// Number is the value of a parameter of a term that is a number.
func (s Settings) Number(name string) float64 { return s.Terms[name].Float() }

// Word is the value of a parameter of a term that is a word.
func (s Settings) Word(name string) string { return s.Terms[name].String() }

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
	fixed := func(name string, otherwise float64) float64 {
		if v, ok := a.Params[name]; ok {
			return v.Float()
		}
		return otherwise
	}

	terms := Params{}
	for _, t := range lossTerms {
		for _, p := range t.Parameters {
			terms[p.Name] = value(p.Name)
		}
	}
	layers := s.Model.Layers()
	if terms[ParamInfonceLayer] == Word(LayerDefault) {
		terms[ParamInfonceLayer] = Word(layers[0])
	}
	if layer := terms[ParamInfonceLayer].String(); !slices.Contains(layers, layer) {
		return Settings{}, fmt.Errorf("trial %d: %s = %s, want one of %s for this model", a.Number, ParamInfonceLayer, layer, strings.Join(layers, ", "))
	}
	guidance := slices.Clone(s.Evaluate.Guidance)
	if v, ok := a.Params[ParamGuidance]; ok {
		guidance = []float64{v.Float()}
	}
	return Settings{
		Terms:            terms,
		ResamplingFactor: value(ParamResamplingFactor).Float(),
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
