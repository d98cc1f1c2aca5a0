package specfile

import (
	"reflect"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// The defaults that depend on other fields, or belong to a part of the spec that may be
// absent.
const (
	mostWarmup        = 500  // train.warmup_steps, or a tenth of train.steps
	defaultShare      = 0.3  // repeats.share
	defaultEta        = 3    // early_terminate.eta
	defaultMinTrials  = 5    // early_terminate.min_trials
	mostBrackets      = 16   // early_terminate.brackets, where there are more rungs
	defaultChannels   = 3    // dataset.channels
	defaultFactor     = 0.01 // dataset.imbalance.factor
	defaultFactorNone = 1    // the same for profile none

	defaultSecondsToSave = 60 // trainer.seconds_to_save
)

// defaults is a spec with every default that does not depend on another field. Fields
// that a spec must give are empty here. resolve fills in the rest, and defaulttexts_test.go
// describes those in words.
func defaults() sweep.Spec {
	s := sweep.Spec{
		Seed:    1,
		Dataset: sweep.Dataset{Imbalance: sweep.Imbalance{Seed: 1}},
		Model:   sweep.Model{Arch: sweep.ArchUNet},
		Train: sweep.Train{
			Batch:            128,
			LR:               2e-4,
			EMA:              0.999,
			LabelDropout:     0.1,
			LabelDropoutMode: sweep.DropSample,
			Schedule:         sweep.ScheduleLinear,
			Prediction:       sweep.PredictEps,
			Precision:        sweep.PrecisionF32,
			ClipNorm:         1,
			Seed:             1,
			LogEvery:         50,
		},
		Evaluate: sweep.Evaluate{
			SamplesPerClass: 500,
			Guidance:        []float64{0, 0.5, 1, 1.5, 2},
			Sampler:         sweep.SamplerDDIM,
			Seed:            1,
		},
		MaxConcurrentTrials: 1,
		MaxRestarts:         5,
		Resources:           sweep.Resources{Queue: sweep.DefaultQueue, Priority: sweep.PriorityDefault},
		Checkpoints:         sweep.Checkpoints{EverySteps: 1000, SaveSweepBest: 3},
	}
	for _, sampler := range sweep.SamplerList() {
		if sampler.Name == s.Evaluate.Sampler {
			*sampler.Steps(&s.Evaluate) = sampler.DefaultSteps
		}
	}
	return s
}

// programDefaults is defaults for a spec with a trainer.
func programDefaults(dataset bool) sweep.Spec {
	s := defaults()
	s.Model, s.Train = sweep.Model{}, sweep.Train{Seed: s.Train.Seed}
	s.Evaluate = sweep.Evaluate{SamplesPerClass: s.Evaluate.SamplesPerClass}
	if !dataset {
		s.Dataset, s.Evaluate = sweep.Dataset{}, sweep.Evaluate{}
	}
	s.Trainer = &sweep.Trainer{Protocol: sweep.ProtocolJSON, SecondsToSave: defaultSecondsToSave}
	return s
}

// orElse sets a field of the spec, unless the file gives it.
func orElse[T any](c *checker, field *T, value T) {
	if !c.given(field) {
		*field = value
	}
}

// resolve fills in the defaults that depend on other fields.
func (c *checker) resolve() {
	s := c.spec
	if s.HasDataset() {
		c.resolveDataset()
	}
	if s.Trainer == nil {
		c.resolveTraining()
	}
	for i := range s.Metrics {
		if info, ok := sweep.LookupMetric(s.Metrics[i].Name); ok && !s.Reported(s.Metrics[i].Name) {
			orElse(c, &s.Metrics[i].Goal, info.Goal)
		}
	}
	if b := s.Baseline; b != nil {
		if s.Trainer == nil {
			orElse(c, &b.Params, sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0)})
		}
		orElse(c, &b.Seeds, []int64{s.Train.Seed})
	}
	if len(s.From) == 0 {
		s.From = nil
	}
	if len(s.Points) == 0 { // an empty list means none
		s.Points = nil
	}
	if g := s.Generate; g != nil {
		orElse(c, &g.Gates, sweep.ImageGates())
		orElse(c, &g.Attempts, sweep.DefaultAttempts)
	}
	if r := s.Repeats; r != nil {
		orElse(c, &r.Share, defaultShare)
	}
	if e := s.EarlyTerminate; e != nil {
		orElse(c, &e.Eta, defaultEta)
		if e.Type == sweep.StopMedian {
			orElse(c, &e.MinTrials, defaultMinTrials)
		}
		if e.Type == sweep.StopHyperband {
			orElse(c, &e.Brackets, min(len(s.Rungs()), mostBrackets))
		}
	}
	if r := s.Evaluate.Rung; r != nil {
		orElse(c, &r.SamplesPerClass, s.Evaluate.SamplesPerClass)
		orElse(c, &r.Guidance, slices.Clone(s.Evaluate.Guidance))
	}
}

// resolveTraining fills in the defaults of the built-in trainer.
func (c *checker) resolveTraining() {
	s := c.spec
	c.resolveModel()
	orElse(c, &s.Train.WarmupSteps, min(mostWarmup, s.Train.Steps/10))
	for _, sampler := range sweep.SamplerList() {
		steps := 0
		if sampler.Name == s.Evaluate.Sampler {
			steps = sampler.DefaultSteps
		}
		orElse(c, sampler.Steps(&s.Evaluate), steps)
	}
	if c.given(parameter(sweep.ParamGuidance)) {
		orElse(c, &s.Evaluate.Guidance, []float64{})
	}
}

// resolveDataset fills in the defaults that depend on the dataset.
func (c *checker) resolveDataset() {
	d := &c.spec.Dataset
	size, profile := sweep.DefaultSize, sweep.ProfileExp
	if info, _ := sweep.LookupDataset(d.Name); len(info.Sizes) > 0 {
		size = info.Sizes[0]
	}
	if d.Name == sweep.ImageFolder {
		profile = sweep.ProfileNone
		orElse(c, &d.FolderChannels, defaultChannels)
		orElse(c, &d.Background, sweep.DefaultBackground)
	}
	orElse(c, &d.Size, size)
	c.resolveGroups()
	im := &d.Imbalance
	orElse(c, &im.Profile, profile)
	if im.Profile == sweep.ProfileNone {
		orElse(c, &im.Factor, defaultFactorNone)
		return
	}
	orElse(c, &im.Factor, defaultFactor)
	orElse(c, &im.Order, sweep.OrderNatural)
}

// resolveGroups fills in the defaults of dataset.groups. Groups by thirds, the default,
// are left out.
func (c *checker) resolveGroups() {
	d := &c.spec.Dataset
	g := d.Groups
	if g == nil {
		return
	}
	by := sweep.GroupsByThirds
	switch {
	case c.given(&g.Head), c.given(&g.Medium), c.given(&g.Tail):
		by = sweep.GroupsByNames
	case c.given(&g.Many), c.given(&g.Few):
		by = sweep.GroupsByShots
	}
	orElse(c, &g.By, by)
	if g.By == sweep.GroupsByShots {
		orElse(c, &g.Many, sweep.DefaultMany)
		orElse(c, &g.Few, sweep.DefaultFew)
	}
	if reflect.DeepEqual(*g, sweep.Grouping{By: sweep.GroupsByThirds}) {
		d.Groups = nil
	}
}
