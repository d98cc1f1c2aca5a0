package specfile

import (
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// defaultTexts describes the defaults that are not constants of defaults. The schema
// and the reference, which tests generate, show them.
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
	"points":                          "none",
	"from":                            "none",
	"from[].identity":                 "the sweep that has the name when the new one starts",
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
