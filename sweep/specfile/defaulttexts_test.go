package specfile

import (
	"fmt"
	"strconv"

	"github.com/tailsweep/tailsweep/internal/text"
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
	"dataset.channels":                fmt.Sprint(defaultChannels),
	"dataset.background":              sweep.DefaultBackground,
	"dataset.skip_unreadable":         "false",
	"dataset.follow_links":            "false",
	"dataset.size":                    fmt.Sprintf("28; %d for CIFAR and image-folder", sweep.DefaultSize),
	"dataset.imbalance.profile":       sweep.ProfileExp + "; " + sweep.ProfileNone + " for image-folder",
	"dataset.imbalance.factor":        fmt.Sprintf("%v; %v for profile %s", defaultFactor, defaultFactorNone, sweep.ProfileNone),
	"dataset.imbalance.order":         sweep.OrderNatural,
	"dataset.groups":                  "by thirds",
	"dataset.groups.by":               "names where a list is given, shots where a number is, else thirds",
	"dataset.groups.many":             fmt.Sprint(sweep.DefaultMany),
	"dataset.groups.few":              fmt.Sprint(sweep.DefaultFew),
	"dataset.groups.head":             "none",
	"dataset.groups.medium":           "none",
	"dataset.groups.tail":             "none",
	"model.preset":                    "none",
	"model.width":                     fmt.Sprintf("unet %d, dit %d", unetDefaults.Width, ditDefaults.Width),
	"model.depth":                     fmt.Sprintf("unet %d, dit %d", unetDefaults.Depth, ditDefaults.Depth),
	"model.mult":                      text.Numbers(unetDefaults.Mult, len(unetDefaults.Mult)),
	"model.attention":                 "none",
	"model.dropout":                   "0",
	"model.patch":                     fmt.Sprint(ditDefaults.Patch),
	"model.heads":                     fmt.Sprint(ditDefaults.Heads),
	"train.warmup_steps":              fmt.Sprintf("%d, or a tenth of train.steps where that is less", mostWarmup),
	"train.flip":                      "none; horizontal for the preset unet-released",
	"train.weight_decay":              "0",
	"evaluate.features":               "the built-in classifier of fashion-mnist and fashion-mnist-10k",
	"evaluate.features.network":       "none",
	"evaluate.features.path":          "none",
	"evaluate.features.classifier":    "the built-in one, where the dataset has one",
	"evaluate.cas":                    "false",
	"evaluate.rung":                   "as at the end of a trial",
	"metrics[].goal":                  "the metric's own",
	"constraints":                     "none",
	"gates":                           "none",
	"gates.min_label_accuracy":        "none",
	"gates.max_memorised_ratio":       "none",
	"generate":                        "all gates that can be applied",
	"generate.gates":                  "label, near_copy, duplicate",
	"generate.attempts":               fmt.Sprint(sweep.DefaultAttempts),
	"baseline":                        "none",
	"baseline.params":                 "infonce.weight: 0, alignment.weight: 0",
	"baseline.seeds":                  "train.seed",
	"points":                          "none",
	"from":                            "none",
	"from[].identity":                 "the sweep that has the name when the new one starts",
	"repeats":                         "none",
	"repeats.share":                   fmt.Sprint(defaultShare),
	"early_terminate":                 "none",
	"early_terminate.eta":             fmt.Sprint(defaultEta),
	"early_terminate.min_trials":      fmt.Sprint(defaultMinTrials),
	"early_terminate.brackets":        fmt.Sprintf("as many as there are rungs, at most %d", mostBrackets),
	"evaluate.rung.samples_per_class": "evaluate.samples_per_class",
	"evaluate.rung.guidance":          "evaluate.guidance",
	"trainer":                         "the built-in trainer",
	"trainer.files":                   "none",
	"trainer.digests":                 "filled in by `tailsweep run`",
	"trainer.env":                     "none",
	"trainer.pass_env":                "none",
	"trainer.seconds_per_step":        "measured by `tailsweep plan`",
	"budget.run_cap":                  "no limit",
	"budget.gpu_hours":                "no limit",
	"budget.wall_clock":               "no limit",
	"max_trial_time":                  "no limit",
})

var ditDefaults, _ = preset(presetDiT)

// withSamplers adds the numbers of steps of the samplers that are not the default.
func withSamplers(texts map[path]string) map[path]string {
	for _, s := range sweep.SamplerList()[1:] {
		texts[path("evaluate."+s.Name+"_steps")] = strconv.Itoa(s.DefaultSteps)
	}
	return texts
}
