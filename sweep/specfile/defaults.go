package specfile

import (
	"reflect"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// defaults is a spec with every default that does not depend on another field.
// Fields that a spec must give are zero here. resolve fills in the rest:
//
//	model.width, depth          unet 32 and 2, dit 128 and 4
//	model.patch, heads          dit: 4 and 4
//	model.*                     a preset's, where one is named
//	evaluate.ddpm_steps         1000 for sampler ddpm
//	train.warmup_steps          500, or a tenth of train.steps where that is less
//	dataset.size                28, CIFAR and image-folder 32
//	dataset.background          white, for image-folder
//	dataset.imbalance.profile   exp, image-folder none
//	dataset.groups.by           names where a list is given, shots where a number is, else thirds
//	dataset.groups.many, few    100 and 20 by shots
//	dataset.imbalance.factor    exp and step 0.01, none 1
//	evaluate.guidance           none where the parameter guidance is searched
//	metrics[].goal              the metric's own direction
//	baseline.params             {infonce.weight: 0, alignment.weight: 0}
//	baseline.seeds              train.seed
//	repeats.share               0.3
//	early_terminate.eta         3
//	early_terminate.min_trials  5 for median
//	early_terminate.brackets    as many as there are rungs, 16 at most, for hyperband
//	evaluate.rung.*             as evaluate's, where evaluate.rung is given
func defaults() sweep.Spec {
	return sweep.Spec{
		Seed:    1,
		Dataset: sweep.Dataset{Imbalance: sweep.Imbalance{Seed: 1}},
		Model:   sweep.Model{Arch: sweep.ArchUNet},
		Train: sweep.Train{
			Batch:        128,
			LR:           2e-4,
			EMA:          0.999,
			LabelDropout: 0.1,
			Seed:         1,
			LogEvery:     50,
		},
		Evaluate: sweep.Evaluate{
			SamplesPerClass: 500,
			Guidance:        []float64{0, 0.5, 1, 1.5, 2},
			DDIMSteps:       50,
			Seed:            1,
		},
		MaxConcurrentTrials: 1,
		MaxRestarts:         5,
		Resources:           sweep.Resources{Queue: sweep.DefaultQueue},
		Checkpoints:         sweep.Checkpoints{EverySteps: 1000, SaveSweepBest: 3},
	}
}

// resolve fills in the defaults that depend on other fields. given reports
// whether the spec's author wrote a field, by its path.
func resolve(s *sweep.Spec, given func(path string) bool) {
	resolveModel(s, given)
	if s.Evaluate.Sampler == sweep.SamplerDDPM {
		orElse(&s.Evaluate.DDPMSteps, 1000, given("evaluate.ddpm_steps"))
	}
	forgetDefaults(s)
	orElse(&s.Train.WarmupSteps, min(500, s.Train.Steps/10), given("train.warmup_steps"))

	resolveDataset(&s.Dataset, given)
	if !given("evaluate.guidance") && given("parameters."+sweep.ParamGuidance) {
		s.Evaluate.Guidance = []float64{}
	}
	for i, o := range s.Metrics {
		if info, ok := sweep.LookupMetric(o.Name); ok && o.Goal == "" {
			s.Metrics[i].Goal = info.Goal
		}
	}
	if s.Baseline != nil {
		if !given("baseline.params") {
			s.Baseline.Params = sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0)}
		}
		if !given("baseline.seeds") {
			s.Baseline.Seeds = []int64{s.Train.Seed}
		}
	}
	resolveRungs(s, given)
}

// resolveDataset fills in the defaults that depend on the dataset.
func resolveDataset(d *sweep.Dataset, given func(path string) bool) {
	size, profile, factor := sweep.DefaultSize, sweep.ProfileExp, 0.01
	if info, _ := sweep.LookupDataset(d.Name); len(info.Sizes) > 0 {
		size = info.Sizes[0]
	}
	if d.Name == sweep.ImageFolder {
		profile = sweep.ProfileNone
		orElse(&d.Background, "white", given("dataset.background"))
		orElse(&d.FolderChannels, 3, given("dataset.channels"))
	}
	resolveGroups(d, given)
	orElse(&d.Size, size, given("dataset.size"))
	orElse(&d.Imbalance.Profile, profile, given("dataset.imbalance.profile"))
	if d.Imbalance.Profile == sweep.ProfileNone {
		factor = 1
	}
	orElse(&d.Imbalance.Factor, factor, given("dataset.imbalance.factor"))
	if d.Imbalance.Order == sweep.OrderNatural {
		d.Imbalance.Order = "" // the same spec, the same digest
	}
}

// resolveGroups fills in the defaults of dataset.groups. Thirds are left out: the same
// spec, the same digest.
func resolveGroups(d *sweep.Dataset, given func(path string) bool) {
	if d.Groups == nil {
		return
	}
	by := sweep.GroupsByThirds
	switch {
	case given("dataset.groups.head"), given("dataset.groups.medium"), given("dataset.groups.tail"):
		by = sweep.GroupsByNames
	case given("dataset.groups.many"), given("dataset.groups.few"):
		by = sweep.GroupsByShots
	}
	orElse(&d.Groups.By, by, given("dataset.groups.by"))
	if d.Groups.By == sweep.GroupsByShots {
		orElse(&d.Groups.Many, sweep.DefaultMany, given("dataset.groups.many"))
		orElse(&d.Groups.Few, sweep.DefaultFew, given("dataset.groups.few"))
	}
	if reflect.DeepEqual(*d.Groups, sweep.Grouping{By: sweep.GroupsByThirds}) {
		d.Groups = nil
	}
}

// resolveRungs fills in the defaults of repeats and of what happens at rungs.
func resolveRungs(s *sweep.Spec, given func(path string) bool) {
	if s.Repeats != nil {
		orElse(&s.Repeats.Share, 0.3, given("repeats.share"))
	}
	if e := s.EarlyTerminate; e != nil {
		orElse(&e.Eta, 3, given("early_terminate.eta"))
		if e.Type == sweep.StopMedian {
			orElse(&e.MinTrials, 5, given("early_terminate.min_trials"))
		}
		if e.Type == sweep.StopHyperband {
			orElse(&e.Brackets, min(len(s.Rungs()), 16), given("early_terminate.brackets"))
		}
	}
	if r := s.Evaluate.Rung; r != nil {
		orElse(&r.SamplesPerClass, s.Evaluate.SamplesPerClass, given("evaluate.rung.samples_per_class"))
		orElse(&r.Guidance, slices.Clone(s.Evaluate.Guidance), given("evaluate.rung.guidance"))
	}
}

// forgetDefaults empties the fields whose empty value means their default, so that a
// spec which states a default equals one that leaves it out. These fields came
// later than others: a spec written before them has to stay what it was.
func forgetDefaults(s *sweep.Spec) {
	for field, otherwise := range map[*string]string{
		&s.Train.LabelDropoutMode: sweep.DropSample,
		&s.Train.Schedule:         sweep.ScheduleLinear,
		&s.Train.Prediction:       sweep.PredictEps,
		&s.Train.Precision:        sweep.PrecisionF32,
		&s.Evaluate.Sampler:       sweep.SamplerDDIM,
	} {
		if *field == otherwise {
			*field = ""
		}
	}
	if s.Train.ClipNorm == sweep.DefaultClipNorm {
		s.Train.ClipNorm = 0
	}
}

func orElse[T any](field *T, value T, given bool) {
	if !given {
		*field = value
	}
}
