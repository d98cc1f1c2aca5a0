package specfile

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// defaults is a spec with every default that does not depend on another field. Fields
// that a spec must give are empty here. resolve fills in the rest: see defaultTexts.
func defaults() sweep.Spec {
	return sweep.Spec{
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
			DDIMSteps:       50,
			Seed:            1,
		},
		MaxConcurrentTrials: 1,
		MaxRestarts:         5,
		Resources:           sweep.Resources{Queue: sweep.DefaultQueue},
		Checkpoints:         sweep.Checkpoints{EverySteps: 1000, SaveSweepBest: 3},
	}
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
	c.resolveModel()
	c.resolveDataset()
	orElse(c, &s.Train.WarmupSteps, min(500, s.Train.Steps/10))
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
	for i := range s.Metrics {
		if info, ok := sweep.LookupMetric(s.Metrics[i].Name); ok {
			orElse(c, &s.Metrics[i].Goal, info.Goal)
		}
	}
	if b := s.Baseline; b != nil {
		orElse(c, &b.Params, sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0)})
		orElse(c, &b.Seeds, []int64{s.Train.Seed})
	}
	if r := s.Repeats; r != nil {
		orElse(c, &r.Share, 0.3)
	}
	if e := s.EarlyTerminate; e != nil {
		orElse(c, &e.Eta, 3)
		if e.Type == sweep.StopMedian {
			orElse(c, &e.MinTrials, 5)
		}
		if e.Type == sweep.StopHyperband {
			orElse(c, &e.Brackets, min(len(s.Rungs()), 16))
		}
	}
	if r := s.Evaluate.Rung; r != nil {
		orElse(c, &r.SamplesPerClass, s.Evaluate.SamplesPerClass)
		orElse(c, &r.Guidance, slices.Clone(s.Evaluate.Guidance))
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
		orElse(c, &d.FolderChannels, 3)
		orElse(c, &d.Background, "white")
	}
	orElse(c, &d.Size, size)
	c.resolveGroups()
	im := &d.Imbalance
	orElse(c, &im.Profile, profile)
	if im.Profile == sweep.ProfileNone {
		orElse(c, &im.Factor, 1)
		return
	}
	orElse(c, &im.Factor, 0.01)
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

// defaultTexts describes the defaults that are not constants of defaults. The schema
// and the reference show them.
var defaultTexts = withSamplers(map[path]string{
	"description":                     "none",
	"dataset.path":                    "where `tailsweep data pull` puts the files",
	"dataset.split":                   "none: all images of the folder",
	"dataset.reference":               "all images of the folder, or of the split file",
	"dataset.classes":                 "none",
	"dataset.channels":                "3",
	"dataset.background":              "white",
	"dataset.size":                    "28; 32 for CIFAR and image-folder",
	"dataset.imbalance.profile":       "exp; none for image-folder",
	"dataset.imbalance.factor":        "0.01; 1 for profile none",
	"dataset.imbalance.order":         "natural",
	"dataset.groups":                  "by thirds",
	"dataset.groups.by":               "names where a list is given, shots where a number is, else thirds",
	"dataset.groups.many":             "100",
	"dataset.groups.few":              "20",
	"dataset.groups.head":             "none",
	"dataset.groups.medium":           "none",
	"dataset.groups.tail":             "none",
	"model.preset":                    "none",
	"model.width":                     "unet 32, dit 128",
	"model.depth":                     "unet 2, dit 4",
	"model.mult":                      "1, 2, 2",
	"model.attention":                 "none",
	"model.dropout":                   "0",
	"model.patch":                     "4",
	"model.heads":                     "4",
	"train.warmup_steps":              "500, or a tenth of train.steps where that is less",
	"train.weight_decay":              "0",
	"evaluate.features":               "the built-in classifier of fashion-mnist and fashion-mnist-10k",
	"evaluate.features.classifier":    "the built-in one, where the dataset has one",
	"evaluate.cas":                    "false",
	"evaluate.rung":                   "as at the end of a trial",
	"metrics[].goal":                  "the metric's own",
	"constraints":                     "none",
	"gates":                           "none",
	"gates.min_label_accuracy":        "none",
	"gates.max_memorised_ratio":       "none",
	"baseline":                        "none",
	"baseline.params":                 "infonce.weight: 0, alignment.weight: 0",
	"baseline.seeds":                  "train.seed",
	"repeats":                         "none",
	"repeats.share":                   "0.3",
	"early_terminate":                 "none",
	"early_terminate.eta":             "3",
	"early_terminate.min_trials":      "5",
	"early_terminate.brackets":        "as many as there are rungs, at most 16",
	"evaluate.rung.samples_per_class": "evaluate.samples_per_class",
	"evaluate.rung.guidance":          "evaluate.guidance",
	"budget.run_cap":                  "no limit",
	"budget.gpu_hours":                "no limit",
	"budget.wall_clock":               "no limit",
	"max_trial_time":                  "no limit",
})

// withSamplers adds the numbers of steps of the samplers that are not the default.
func withSamplers(texts map[path]string) map[path]string {
	for _, s := range sweep.SamplerList()[1:] {
		texts[path("evaluate."+s.Name+"_steps")] = strconv.Itoa(s.DefaultSteps)
	}
	return texts
}
