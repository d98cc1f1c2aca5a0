package sweep

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Settings are the values that one trial trains and samples with: the trial's
// parameters, else the fields of train and evaluate, else the defaults of the list of
// parameters. Every number is within the range of its parameter.
type Settings struct {
	Train                      // the spec's, with the trial's parameters and seed
	Terms            Params    // every parameter of every term of the loss; infonce.layer is one of Model.Layers
	ResamplingFactor float64   // 0: natural frequencies; otherwise (0, 1], class of rank i drawn with p ∝ f^(i/(C-1))
	Guidance         []float64 // scales to evaluate at; 1 where guidance is searched and the trial has no value for it
	EverySteps       int       // steps from checkpoint to checkpoint; the last step always makes one
}

// Weight is the weight of a term of the loss; 0 means that it is off.
func (s Settings) Weight(term string) float64 { return s.Number(term + ".weight") }

// Number is the value of a parameter of a term that is a number.
func (s Settings) Number(name string) float64 { return s.Terms[name].Float() }

// Word is the value of a parameter of a term that is a word.
func (s Settings) Word(name string) string { return s.Terms[name].String() }

// Settings resolves the settings of one trial; of one that a program trains it has only the
// steps and the seed. An assignment that names an
// unknown parameter or gives one an illegal value is an error that says which.
func (s *Spec) Settings(a Assignment) (Settings, error) {
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		info, ok := s.Parameter(name)
		if !ok {
			return Settings{}, fmt.Errorf("trial %d: unknown parameter %q", a.Number, name)
		}
		if v := a.Params[name]; !info.Accepts(v) {
			return Settings{}, fmt.Errorf("trial %d: %s = %s, want %s", a.Number, name, v, info.Legal())
		}
	}
	train := s.Train
	train.Seed = a.Seed
	if s.Trainer != nil {
		return Settings{Train: train, EverySteps: s.Checkpoints.EverySteps}, nil
	}
	value := func(name string) Value {
		if v, ok := a.Params[name]; ok {
			return v
		}
		v, _ := s.FixedValue(name)
		return v
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
	train.LR, train.Batch, train.EMA = value(ParamLR).Float(), int(value(ParamBatch).Float()), value(ParamEMA).Float()
	train.LabelDropout = value(ParamLabelDropout).Float()
	guidance := slices.Clone(s.Evaluate.Guidance)
	if _, own := a.Params[ParamGuidance]; own || len(guidance) == 0 {
		guidance = []float64{value(ParamGuidance).Float()}
	}
	return Settings{
		Train: train, Terms: terms, ResamplingFactor: value(ParamResamplingFactor).Float(), Guidance: guidance,
		EverySteps: s.Checkpoints.EverySteps,
	}, nil
}

// FixedValue returns the value that a parameter has in a trial that does not set it: that
// of its field in train or evaluate, or its default. ok is false for an unknown parameter, and
// for guidance where the spec has several scales, and for the parameters of a program.
func (s *Spec) FixedValue(name string) (v Value, ok bool) {
	if s.Trainer != nil {
		return Value{}, false
	}
	switch name {
	case ParamLR:
		return Number(s.Train.LR), true
	case ParamBatch:
		return Number(float64(s.Train.Batch)), true
	case ParamEMA:
		return Number(s.Train.EMA), true
	case ParamLabelDropout:
		return Number(s.Train.LabelDropout), true
	case ParamGuidance:
		switch len(s.Evaluate.Guidance) {
		case 0: // it is searched
			return Number(1), true
		case 1:
			return Number(s.Evaluate.Guidance[0]), true
		}
		return Value{}, false
	}
	info, ok := LookupParameter(name)
	if name == ParamInfonceLayer && ok {
		return Word(s.Model.Layers()[0]), true
	}
	return info.Default, ok
}
