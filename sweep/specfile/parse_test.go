package specfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/cost"
	"github.com/tailsweep/tailsweep/sweep/space"
	"github.com/tailsweep/tailsweep/sweep/spectest"
)

func mustParse(t *testing.T, text string) *sweep.Spec {
	t.Helper()
	spec, err := Parse("spec.yaml", []byte(text))
	require.NoError(t, err)
	return spec
}

// parsed parses a spec with one more parameter, and returns it.
func parsed(t *testing.T, name, fields string) sweep.Parameter {
	t.Helper()
	spec := mustParse(t, spectest.With("parameters: {infonce.weight: {min: 0.0, max: 1.0}, "+name+": "+fields+"}"))
	for _, p := range spec.Parameters {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no %s", name)
	return sweep.Parameter{}
}

func TestParseFillsInDefaults(t *testing.T) {
	spec := mustParse(t, spectest.Base)
	require.Equal(t, sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01, Order: sweep.OrderNatural, Seed: 1}}, spec.Dataset)
	require.Equal(t, sweep.Model{Arch: sweep.ArchUNet, Width: 32, Depth: 2, Mult: []int{1, 2, 2}}, spec.Model)
	require.Equal(t, sweep.Train{Steps: 600, Batch: 128, LR: 2e-4, WarmupSteps: 60, EMA: 0.999, LabelDropout: 0.1, LabelDropoutMode: sweep.DropSample,
		Schedule: sweep.ScheduleLinear, Prediction: sweep.PredictEps, Precision: sweep.PrecisionF32, ClipNorm: 1, Seed: 1, LogEvery: 50}, spec.Train)
	require.Equal(t, []float64{0, 0.5, 1, 1.5, 2}, spec.Evaluate.Guidance)
	require.Equal(t, sweep.Minimize, spec.Metrics[0].Goal)
	require.Nil(t, spec.Baseline)
	require.Equal(t, sweep.DefaultQueue, spec.Resources.Queue)

	dit := mustParse(t, spectest.With("model: {arch: dit}", "baseline: {}", "metrics: [{name: label_accuracy.all}]", "train: {steps: 600, seed: 9}"))
	require.Equal(t, sweep.Model{Arch: sweep.ArchDiT, Width: 128, Depth: 4, Patch: 4, Heads: 4}, dit.Model)
	require.Equal(t, sweep.Maximize, dit.Metrics[0].Goal)
	require.Equal(t, &sweep.Baseline{Params: sweep.Params{sweep.ParamInfonceWeight: sweep.Number(0), sweep.ParamAlignmentWeight: sweep.Number(0)}, Seeds: []int64{9}}, dit.Baseline)

	mustParse(t, spectest.With("evaluate: {samples_per_class: 32}", "metrics: [{name: fid.medium}]")) // 4 x 32 = 128: just enough

	require.Equal(t, sweep.Dataset{Name: sweep.CIFAR10, Size: 32, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01, Order: sweep.OrderNatural, Seed: 1}},
		mustParse(t, spectest.With("dataset: {name: cifar-10, imbalance: {order: natural}}", "evaluate: {samples_per_class: 100, features: {path: /f}}")).Dataset)
	require.Equal(t, sweep.Dataset{Name: sweep.ImageFolder, Path: "s3://b/k", FolderClasses: 7, FolderChannels: 3, Background: "white", Size: 32, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1, Seed: 1}},
		mustParse(t, spectest.With("dataset: {name: image-folder, path: s3://b/k, classes: 7}", "evaluate: {samples_per_class: 100, features: {path: /f}}")).Dataset)

	groups := func(text string) *sweep.Grouping {
		return mustParse(t, spectest.With("dataset: {name: fashion-mnist-10k, groups: "+text+"}", "metrics: [{name: label_accuracy.all}]")).Dataset.Groups
	}
	require.Nil(t, groups("{by: thirds}"), "the default is left out")
	require.Equal(t, &sweep.Grouping{By: sweep.GroupsByShots, Many: 100, Few: 20}, groups("{by: shots}"))
	require.Equal(t, &sweep.Grouping{By: sweep.GroupsByShots, Many: 300, Few: 20}, groups("{many: 300}"))
	require.Equal(t, &sweep.Grouping{By: sweep.GroupsByNames, Head: []string{"bag"}, Tail: []string{"ankle boot", "0"}}, groups(`{head: [bag], tail: [ankle boot, "0"]}`))
	mustParse(t, spectest.With("metrics: [{name: fid.class.猫}]", "dataset: {name: image-folder, path: /d, classes: 9}", "evaluate: {samples_per_class: 200, features: {path: /f}}", "constraints: [fid.class.кошка <= 3]"))

	none := mustParse(t, spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: none}}"))
	require.Equal(t, 1.0, none.Dataset.Imbalance.Factor)
}

// W&B's inference, and the numbers of YAML 1.2's core schema.
func TestParseResolvesDistributions(t *testing.T) {
	for _, c := range []struct {
		fields string
		want   sweep.Parameter
	}{
		{"{value: 1e-3}", sweep.Parameter{Distribution: sweep.DistConstant, Value: number(1e-3)}},
		{"{values: [1e-3, 2, .5]}", sweep.Parameter{Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Number(1e-3), sweep.Number(2), sweep.Number(.5)}}},
		{"{min: 0, max: 3}", sweep.Parameter{Distribution: sweep.DistUniform, Max: 3}},
		{"{min: 0.0, max: 3.0}", sweep.Parameter{Distribution: sweep.DistUniform, Max: 3}},
		{"{min: 0, max: 3.0}", sweep.Parameter{Distribution: sweep.DistUniform, Max: 3}},
		{"{min: 1e-3, max: 1e1}", sweep.Parameter{Distribution: sweep.DistUniform, Min: 1e-3, Max: 10}},
		{"{min: 0.1, max: 0.5, q: 0.1}", sweep.Parameter{Distribution: sweep.DistQUniform, Min: 0.1, Max: 0.5, Q: 0.1}},
		{"{distribution: uniform, min: 0, max: 3}", sweep.Parameter{Distribution: sweep.DistUniform, Max: 3}},
		{"{distribution: log_uniform_values, min: 1e-3, max: 3, zero: 0.2, count: 4}", sweep.Parameter{Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 3, Zero: 0.2, Count: 4}},
		{"{min: 0x1, max: 0o17}", sweep.Parameter{Distribution: sweep.DistUniform, Min: 1, Max: 15}},
		{"{min: 007, max: +9}", sweep.Parameter{Distribution: sweep.DistUniform, Min: 7, Max: 9}},
		{`{min: 0.0, max: 1.0, when: "infonce.weight > 1e-2"}`, sweep.Parameter{Distribution: sweep.DistUniform, Max: 1, When: &sweep.Condition{Param: sweep.ParamInfonceWeight, Op: ">", Value: sweep.Number(0.01)}}},
	} {
		t.Run(c.fields, func(t *testing.T) {
			c.want.Name = sweep.ParamAlignmentWeight
			require.Equal(t, c.want, parsed(t, sweep.ParamAlignmentWeight, c.fields))
		})
	}
}

// A parameter is an integer or a real number by nature, however its bounds are written.
func TestBoundsAreNumbers(t *testing.T) {
	for _, fields := range []string{"{min: 0, max: 1}", "{min: 0.0, max: 1}", "{min: 0, max: 1.0}", "{min: 0e0, max: 1e0}"} {
		require.Equal(t, sweep.Parameter{Name: sweep.ParamAlignmentWeight, Distribution: sweep.DistUniform, Max: 1}, parsed(t, sweep.ParamAlignmentWeight, fields))
	}
	for _, fields := range []string{"{min: 8, max: 64}", "{min: 8.0, max: 64.0}", "{min: 8, max: 6.4e1}"} {
		require.Equal(t, sweep.Parameter{Name: sweep.ParamBatch, Distribution: sweep.DistIntUniform, Min: 8, Max: 64}, parsed(t, sweep.ParamBatch, fields))
	}
	require.Equal(t, sweep.Parameter{Name: sweep.ParamAlignmentExponent, Distribution: sweep.DistIntUniform, Max: 3},
		parsed(t, sweep.ParamAlignmentExponent, "{distribution: int_uniform, min: 0, max: 3}"))
}

// A byte order mark, which some editors write, is not part of the text.
func TestParseSkipsAByteOrderMark(t *testing.T) {
	require.Equal(t, mustParse(t, spectest.Base), mustParse(t, "\ufeff"+spectest.Base))
	_, err := Parse("s.yaml", []byte("\ufeff"+spectest.With("apiVersion: tailsweep/v2")))
	require.ErrorContains(t, err, "s.yaml:1:13: apiVersion: ")
}

func number(f float64) *sweep.Value {
	v := sweep.Number(f)
	return &v
}

func TestParseReportsFaults(t *testing.T) {
	params := func(text string) string { return spectest.With("parameters: " + text) }
	const looked = "evaluate: {samples_per_class: 100, features: {path: /f}}"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "1:1: the file has no spec in it (valid: a mapping that begins with apiVersion: tailsweep/v1)"},
		{"a list", "- a\n", "1:1: not a spec (valid: a mapping that begins with apiVersion: tailsweep/v1)"},
		{"tab", "name: a\n\tb: 1\n", "2:1: YAML is indented with spaces, and this is a tab"},
		{"two documents", spectest.Base + "---\na: 1\n", "a second document begins here (valid: one document in a file)"},
		{"version", spectest.With("apiVersion: tailsweep/v2"), `1:13: apiVersion: unknown value, did you mean "tailsweep/v1"? (tailsweep/v2; valid: tailsweep/v1)`},
		{"missing", strings.Replace(spectest.Base, "method: random\n", "", 1), "1:1: method: is missing (valid: grid, random, sobol, tpe, bayes, cmaes, nsga2)"},
		{"missing inside", spectest.With("train: {batch: 4}"), "6:1: train.steps: is missing (valid: an integer in [1, 10000000])"},
		{"nothing", spectest.With("train:"), "6:1: train: not a mapping (nothing; valid: a mapping of batch, "},
		{"quoted number", spectest.With(`train: {steps: "600"}`), "6:16: train.steps: not an integer: it is in quotes (600; valid:"},
		{"fraction", spectest.With("train: {steps: 1.5}"), "6:16: train.steps: not an integer (1.5;"},
		{"grouped digits", spectest.With("train: {steps: 1_000}"), "6:16: train.steps: not an integer (1_000;"},
		{"infinity", spectest.With("train: {steps: 1, lr: .inf}"), "train.lr: not a number (.inf; valid: a number in (0, 1])"},
		{"too large a number", spectest.With("train: {steps: 1, lr: 1e999}"), "train.lr: not a number (1e999;"},
		{"number for text", spectest.With("name: 7"), "2:7: name: not text: it needs quotes (7;"},
		{"control characters", spectest.With(`name: "a\e[31m\n"`), `name: not well formed ("a\x1b[31m\n"; valid:`},
		{"tag", spectest.With("name: !!str base"), "2:7: name: tags are not supported (!!str;"},
		{"merge key", spectest.With("model: {<<: {arch: unet}}"), "5:9: model: merge keys are not part of YAML 1.2 (<<;"},
		{"no such anchor", spectest.With("model: *m"), "5:8: model: no anchor of this name comes before (*m)"},
		{"planned field", spectest.Base + "checkpoints: {save_trial_best: 1}\n", "checkpoints.save_trial_best: not supported by this version"},
		{"nothing to look with", spectest.With("dataset: {name: cifar-10}"), "7:1: evaluate: there is no built-in classifier for cifar-10 (valid: evaluate.features.network: efficientnet-lite0, or evaluate.features.path, a file that"},
		{"nothing in features", spectest.With("evaluate: {samples_per_class: 100, features: {classifier: /c}}"), "7:36: evaluate.features: has neither a network nor a path (valid: one of the two)"},
		{"two networks", spectest.With("dataset: {name: cifar-10}", "evaluate: {samples_per_class: 500, features: {network: efficientnet-lite0, path: /f}}"), "evaluate.features.path: network is given, too (/f; valid: one of the two)"},
		{"another network", spectest.With("dataset: {name: cifar-10}", "evaluate: {samples_per_class: 500, features: {network: resnet}}"), "evaluate.features.network: unknown value (resnet; valid: efficientnet-lite0)"},
		{"network of colours", spectest.With("evaluate: {samples_per_class: 500, features: {network: efficientnet-lite0}}"), "evaluate.features.network: takes RGB images, and these are grey (efficientnet-lite0; valid: path, a file that"},
		{"few samples for a network", spectest.With("dataset: {name: cifar-10}", "evaluate: {samples_per_class: 200, features: {network: efficientnet-lite0}}"), "FID on 320 features needs at least 640 of each (200; valid: at least 214, or the metric kid.tail)"},
		{"yes", spectest.With("evaluate: {samples_per_class: 100, cas: yes}"), "7:41: evaluate.cas: not true or false (yes; valid: true, false)"},
		{"quoted bool", spectest.With(`evaluate: {samples_per_class: 100, cas: "true"}`), "evaluate.cas: not true or false: it is in quotes (true; valid: true, false)"},
		{"bool for a number", spectest.With("train: {steps: true}"), "train.steps: not an integer (true;"},
		{"gate", spectest.Base + "gates: {min_label_accuracy: 80}\n", "gates.min_label_accuracy: out of range (80; valid: a number in [0, 1])"},
		{"class without a name", spectest.With("metrics: [{name: fid.class.}]"), "9:18: metrics[0].name: unknown metric (fid.class.; valid: {fid, kid, precision, recall,"},
		{"FID of few of a class", spectest.With("metrics: [{name: fid.class.bag}]", "evaluate: {samples_per_class: 100}"), "too few images for fid.class.bag: 100 samples and 500 real images of class bag; FID on 64 features needs at least 128 of each (100; valid: at least 128)"},
		{"planned distribution", params("{lr: {distribution: beta}}"), "distribution: not supported by this version (beta;"},

		{"path not wanted", spectest.With("dataset: {name: fashion-mnist-10k, path: /data}"), "dataset.path: fashion-mnist-10k is built in and has no path (/data;"},
		{"unknown dataset", spectest.With("dataset: {name: cifar}"), "4:17: dataset.name: unknown value (cifar; valid: fashion-mnist-10k, fashion-mnist, cifar-10, cifar-100, image-folder)"},
		{"size of another dataset", spectest.With("dataset: {name: cifar-10, size: 28}", looked), "dataset.size: cifar-10 is not available in this size (28; valid: 32, 16)"},
		{"size too large", spectest.With("dataset: {name: image-folder, path: /data, classes: 9, size: 257}", looked), "dataset.size: out of range (257; valid: an integer in [8, 256])"},
		{"folder without path", spectest.With("dataset: {name: image-folder, classes: 9}", looked), "4:1: dataset: image-folder needs dataset.path"},
		{"folder without classes", spectest.With("dataset: {name: image-folder, path: /data}", looked), "dataset: image-folder needs dataset.classes"},
		{"folder's field", spectest.With("dataset: {name: cifar-10, split: train.txt}", looked), "dataset.split: is only for name: image-folder, but dataset.name is cifar-10 (train.txt;"},
		{"URL with a secret", spectest.With("dataset: {name: cifar-10, path: 'https://me:secret@host/cifar'}", looked), "dataset.path: has a user, a query or a fragment"},
		{"URL of another kind", spectest.With("dataset: {name: image-folder, classes: 9, path: 'ftp://host/x'}", looked), "dataset.path: ftp:// is not supported (ftp://host/x;"},
		{"plain HTTP", spectest.With("dataset: {name: image-folder, classes: 9, path: /data, reference: 'http://host/x'}", looked), "dataset.reference: http:// is not supported"},
		{"no order", spectest.With("dataset: {name: cifar-10, imbalance: {profile: none, order: permuted}}", looked), "dataset.imbalance.order: profile none has no order (permuted;"},
		{"cas of all images", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: none}}", "metrics: [{name: cas.all}]"), "metrics[0].name: needs held-out real images, but all images of group all, 10 classes, are trained on (cas.all; valid: "},
		{"cas of a step's head", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: step}}", "metrics: [{name: cas.tail}]", "constraints: [cas.head >= 0.5]"), "constraints[0]: needs held-out real images, but all images of group head, 5 classes, are trained on (cas.head;"},
		{"cas of a folder", spectest.With("dataset: {name: image-folder, path: /d, classes: 9}", "metrics: [{name: loss}]", "evaluate: {samples_per_class: 100, cas: true, features: {path: /f}}"), "evaluate.cas: needs held-out real images"},
		{"cas of a size", spectest.With("dataset: {name: image-folder, path: /d, classes: 9, size: 24, imbalance: {profile: exp}}", "metrics: [{name: cas.all}]", looked), "dataset.size: cas.all trains a classifier, which does not take images of this size (24; valid: 8, 16, 28, 32, 64, 128, 256)"},
		{"diversity of one", spectest.With("evaluate: {samples_per_class: 1}", "metrics: [{name: diversity.tail}]"), "evaluate.samples_per_class: diversity.tail compares two samples of a class (1; valid: at least 2)"},
		{"density of one", spectest.With("evaluate: {samples_per_class: 1}", "metrics: [{name: density.tail}]"), "evaluate.samples_per_class: too few samples for density.tail: density needs 10 of a class (1; valid: at least 10)"},
		{"no such class", spectest.With("metrics: [{name: fid.class.cat}]", "evaluate: {samples_per_class: 200}"), "metrics[0].name: names a class that the dataset does not have (fid.class.cat; valid: fid.class.t-shirt, fid.class.trouser,"},
		{"guidance chosen by too few", spectest.With("evaluate: {samples_per_class: 10, guidance: [0, 1]}", "metrics: [{name: cas.all}]"), "evaluate.samples_per_class: too few images for fid.all: 100 samples"},
		{"empty group by shots", spectest.With("dataset: {name: fashion-mnist-10k, groups: {many: 5000}}", "metrics: [{name: fid.tail}, {name: kid.head}]"), "metrics[1].name: dataset.groups leaves this group without a class (kid.head; valid: the groups all, medium, tail)"},
		{"empty group by names", spectest.With("dataset: {name: image-folder, path: /d, classes: 9, groups: {tail: [cat]}}", "metrics: [{name: kid.head}]", looked), "metrics[0].name: dataset.groups leaves this group without a class (kid.head;"},
		{"bounds of groups", spectest.With("dataset: {name: fashion-mnist-10k, groups: {few: 200}}"), "dataset.groups.few: is greater than dataset.groups.many = 100, so a class could be both head and tail (200; valid: at most 100)"},
		{"groups of two kinds", spectest.With("dataset: {name: fashion-mnist-10k, groups: {few: 20, tail: [bag]}}"), "dataset.groups.few: is only for by: shots, but dataset.groups.by is names (20; valid: by: shots)"},
		{"groups of no class", spectest.With("dataset: {name: fashion-mnist-10k, groups: {tail: [cat]}}"), "dataset.groups.tail[0]: is not a class of the dataset (cat; valid: a class's name or number: t-shirt,"},
		{"groups of no name", spectest.With("dataset: {name: fashion-mnist-10k, groups: {by: names}}"), "dataset.groups: names no class"},
		{"background", spectest.With("dataset: {name: image-folder, path: /d, classes: 9, background: grey}", looked), "dataset.background: not well formed (grey;"},
		{"background of a published set", spectest.With("dataset: {name: cifar-10, background: black}", looked), "dataset.background: is only for name: image-folder"},
		{"two classes have no medium", spectest.With("dataset: {name: image-folder, path: /data, classes: 2}", "metrics: [{name: kid.medium}]", looked), "metrics[0].name: 2 classes have no such group (kid.medium; valid: the groups all, head, tail)"},
		{"empty class", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {factor: 1e-4}}"), "dataset.imbalance.factor: leaves the smallest class without images (0.0001; valid: at least 0.001)"},
		{"factor of none", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: none, factor: 0.1}}"), "profile none has no factor (0.1;"},
		{"patch of a unet", spectest.With("model: {arch: unet, patch: 4}"), "model.patch: is only for arch: dit, but model.arch is unet"},
		{"dropout of a dit", spectest.With("model: {arch: dit, dropout: 0.1}"), "model.dropout: is only for arch: unet, but model.arch is dit"},
		{"preset of the other arch", spectest.With("model: {preset: dit-s2, arch: unet}"), "model.arch: is not that of model.preset = dit-s2 (unet; valid: dit)"},
		{"unknown preset", spectest.With("model: {preset: unet-smal-28}"), `model.preset: unknown value, did you mean "unet-small-28"?`},
		{"levels", spectest.With("model: {preset: unet-released}"), "5:1: model: has 4 levels, but dataset.size = 28 is not a multiple of 8 (valid: fewer levels, or a multiple of 8 for dataset.size)"},
		{"attention level", spectest.With("model: {arch: unet, attention: [1, 3]}"), "model.attention[1]: is not a level of this unet, which has 3 (3; valid: 0 to 2)"},
		{"layer", params("{infonce.layer: {values: [bottleneck, quarter]}}"), "parameters.infonce.layer: is not a latent of this model (quarter; valid: bottleneck, down0, down1, down2, up0, up1, up2, default)"},
		{"layer of the baseline", spectest.With("baseline: {params: {infonce.layer: last}}"), "infonce.layer = last, want one of bottleneck, down0,"},
		{"steps of the other sampler", spectest.With("evaluate: {ddpm_steps: 100}"), "evaluate.ddpm_steps: is only for sampler: ddpm, but evaluate.sampler is ddim (100;"},
		{"steps of the other sampler, set", spectest.With("evaluate: {sampler: ddpm, ddim_steps: 20}"), "evaluate.ddim_steps: is only for sampler: ddim, but evaluate.sampler is ddpm (20; valid: sampler: ddim)"},
		{"heads", spectest.With("model: {arch: dit, width: 64, heads: 5}"), "model.heads: does not divide model.width = 64 (5; valid: 1, 2, 4, 8, 16, 32, 64)"},
		{"width of a dit", spectest.With("model: {arch: dit, width: 66, heads: 2}"), "model.width: dit needs a multiple of 4 (66;"},
		{"too many at a time", spectest.With("max_concurrent_trials: 924", "parameters: {alignment.exponent: {min: 0.1, max: 0.2}, alignment.weight: {min: 0.1, max: 0.2}, alignment.window: {min: 0.1, max: 0.2}, cbdm.weight: {min: 0.1, max: 0.2}, infonce.exponent: {min: 0.1, max: 0.2}, infonce.temperature: {min: 0.1, max: 0.2}, infonce.weight: {min: 0.1, max: 0.2}, infonce.window: {min: 0.1, max: 0.2}, label_dropout: {min: 0.1, max: 0.2}, resampling.factor: {min: 0.1, max: 0.2}, t2h.weight: {min: 0.1, max: 0.2}, lr: {min: 0.1, max: 0.2}, ema: {min: 0.1, max: 0.2}}"), "max_concurrent_trials: is too much with 13 parameters, whose values the state of the sweep has for every running trial (924; valid: at most 923)"},
		{"warm-up", spectest.With("train: {steps: 10, warmup_steps: 11}"), "train.warmup_steps: is longer than the training (11; valid: at most train.steps = 10)"},
		{"few samples", spectest.With("evaluate: {samples_per_class: 42}"), "evaluate.samples_per_class: too few images for fid.tail: 126 samples and 1500 real images of group tail, 3 classes (its rarest class has 500 real images); FID on 64 features needs at least 128 of each (42; valid: at least 43, or the metric kid.tail)"},
		{"few samples for any features", spectest.With("evaluate: {samples_per_class: 42, features: {path: /f}}"), "too few images for fid.tail: 126 samples"},
		{"too few samples by one class", spectest.With("evaluate: {samples_per_class: 31}", "metrics: [{name: fid.medium}]"), "too few images for fid.medium: 124 samples and 2000 real images of group medium, 4 classes"},
		{"no such group", spectest.With("dataset: {name: fashion-mnist-10k, imbalance: {profile: step}}", "metrics: [{name: fid.medium}]"), "metrics[0].name: profile step has no such group (fid.medium;"},
		{"wrong goal", spectest.With("metrics: [{name: fid.tail, goal: maximize}]"), "metrics[0].goal: is the wrong direction for fid.tail (maximize; valid: minimize)"},
		{"metric twice", spectest.With("metrics: [{name: loss}, {name: loss}]"), "9:32: metrics[1].name: listed twice (loss;"},
		{"guidance twice", spectest.With("evaluate: {guidance: [1, 1.0]}"), "7:26: evaluate.guidance[1]: listed twice (1.0;"},
		{"guidance in two places", spectest.With("evaluate: {guidance: [1]}", "parameters: {guidance: {min: 0.0, max: 2.0}}"), "evaluate.guidance: guidance is also a parameter"},
		{"baseline without guidance", spectest.With("baseline: {}", "parameters: {guidance: {min: 0.0, max: 2.0}}"), "baseline: guidance is searched, so the baseline needs a value (valid: baseline.params.guidance)"},
		{"conditional guidance", params(`{lr: {values: [0.1, 0.2]}, guidance: {values: [1, 2], when: "lr > 0.1"}}`), "parameters.guidance.when: guidance cannot be conditional"},
		{"baseline out of range", spectest.With("baseline: {params: {infonce.weight: -1}}"), "baseline.params.infonce.weight: out of range (-1; valid: a number in [0, 100])"},
		{"wall clock", spectest.With("budget: {wall_clock: 90min}"), "budget.wall_clock: not well formed (90min;"},
		{"no trial time", spectest.With("max_trial_time: 0s"), "max_trial_time: is not a positive time (0s;"},
		{"no wall clock", spectest.With("budget: {wall_clock: 0s}"), "budget.wall_clock: is not a positive time (0s;"},

		{"no end", strings.Replace(spectest.Base, "budget: {run_cap: 4}\n", "", 1), "budget: method random never ends by itself (valid: run_cap, gpu_hours or wall_clock)"},
		{"nothing to search", params("{lr: {value: 0.1}}"), "parameters: there is nothing to search"},
		{"no parameters", params("{}"), "parameters: has no entries"},
		{"a bare value", params("{lr: 0.1}"), "8:18: parameters.lr: not a mapping (0.1; valid: a mapping of count, distribution,"},
		{"unknown parameter", params("{alignment.wieght: {value: 0.1}}"), `parameters.alignment.wieght: unknown field, did you mean "alignment.weight"?`},
		{"no values", params("{lr: {}}"), "8:14: parameters.lr: has no values (valid: value, values, min and max, or a distribution)"},
		{"min alone", params("{lr: {distribution: uniform, min: 0.1}}"), "parameters.lr: distribution uniform needs max"},
		{"values and min", params("{lr: {values: [0.1], min: 0.1}}"), "parameters.lr.min: does not go with distribution categorical (valid: values)"},
		{"min above max", params("{lr: {min: 0.2, max: 0.1}}"), "parameters.lr.max: is not above min (0.1; valid: more than 0.2,"},
		{"value twice", params("{lr: {values: [0.1, 0.1]}}"), "8:33: parameters.lr.values[1]: listed twice (0.1;"},
		{"log of zero", params("{infonce.weight: {distribution: log_uniform_values, min: 0, max: 1}}"), "log_uniform_values needs min > 0"},
		{"zero within", params("{infonce.weight: {min: 0.0, max: 1.0, zero: 0.1}}"), "zero needs min > 0"},
		{"zero of no zero", params("{infonce.temperature: {min: 0.1, max: 1.0, zero: 0.1}}"), "infonce.temperature cannot be 0 (0.1; valid: a number in (0, 10])"},
		{"certain zero", params("{infonce.weight: {min: 0.1, max: 1.0, zero: 1}}"), "zero: out of range (1; valid: a number in [0, 1))"},
		{"fractions of a batch", params("{batch: {min: 2.0, max: 9.5}}"), "parameters.batch.min: int_uniform takes integers (2.0 to 9.5;"},
		{"uniform batch", params("{batch: {distribution: uniform, min: 2, max: 9}}"), "parameters.batch: batch takes integers (uniform;"},
		{"int_uniform", params("{lr: {distribution: int_uniform, min: 0.1, max: 1}}"), "int_uniform takes integers (0.1 to 1;"},
		{"coarse q", params("{lr: {min: 0.1, max: 0.2, q: 0.3}}"), "parameters.lr.q: is larger than the range (0.3;"},
		{"fine q", params("{lr: {min: 0.1, max: 1.0, q: 1e-9}}"), "parameters.lr.q: too many steps (1e-9;"},
		{"condition on nothing", params(`{lr: {min: 0.1, max: 0.2, when: "batch > 3"}}`), "parameters.lr.when: batch is not in parameters (batch > 3;"},
		{"condition that is never true", params(`{lr: {min: 0.1, max: 0.2, when: "infonce.pass == unc"}, infonce.pass: {values: [cond, uncond]}}`), "infonce.pass is never unc"},
		{"circle", params(`{lr: {min: 0.1, max: 0.2, when: "ema > 0"}, ema: {min: 0.1, max: 0.2, when: "lr > 0"}}`), "parameters.ema.when: conditions form a cycle (lr > 0;"},
		{"circle of one", params(`{lr: {min: 0.1, max: 0.2, when: "lr > 0"}}`), "conditions form a cycle"},

		{"endless grid", spectest.With("method: grid"), "parameters.infonce.weight: a grid needs to know which values to take (uniform; valid: values, or count)"},
		{"huge grid", spectest.With("method: grid", "parameters: {batch: {min: 2, max: 200}, infonce.weight: {min: 0.0, max: 1.0, count: 200}}"), "parameters: the grid is too large (valid: at most 10000 configurations)"},
		{"empty grid", spectest.With("method: grid", "parameters: {infonce.weight: {value: 0}}", "baseline: {params: {infonce.weight: 0}}"), "the baseline has every configuration of the grid already"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, oneFault(t, c.text), c.want)
		})
	}
}

// oneFault returns the text of the only fault of a spec, one line that begins with the file.
func oneFault(t *testing.T, spec string) string {
	t.Helper()
	_, err := Parse("s.yaml", []byte(spec))
	var faults Faults
	require.True(t, errors.As(err, &faults), "%v", err)
	require.Lenf(t, faults, 1, "%v", err)
	require.True(t, strings.HasPrefix(err.Error(), "s.yaml:"), "%v", err)
	require.NotContains(t, err.Error(), "\n")
	return err.Error()
}

// One fault does not hide another, unless that follows from it.
func TestParseReportsAllFaultsAtOnce(t *testing.T) {
	_, err := Parse("s.yaml", []byte(spectest.With(
		"dataset: {name: image-folder, path: 'ftp://host/x', classes: 9, size: 257, imbalance: {profile: exp, factor: 2}}",
		"model: {arch: unet, patch: 4, mult: [1, 2], attention: [2]}",
		"train: {steps: 10, warmup_steps: 11}",
		"evaluate: {samples_per_class: 5, ddpm_steps: 9, seed: -1}",
		"parameters: {lr: {}}",
		"metrics: [{name: fid.class.a}, {name: loss, goal: maximize}]",
		"constraints: [fid.all <= x]",
		"budget: {}")))
	for _, want := range []string{
		"dataset.path: ftp:// is not supported", "dataset.size: out of range", "dataset.imbalance.factor: out of range",
		"model.patch: is only for arch: dit", "model.attention[0]: is not a level of this unet", "train.warmup_steps: is longer",
		"evaluate: there is no built-in classifier", "evaluate.ddpm_steps: is only for sampler: ddpm", "evaluate.seed: out of range",
		"parameters.lr: has no values", "metrics[1].goal: is the wrong direction", "constraints[0]: ", "budget: method random never ends",
	} {
		require.ErrorContains(t, err, want)
	}
	var faults Faults
	require.ErrorAs(t, err, &faults)
	require.Len(t, faults, 13)

	_, err = Parse("s.yaml", []byte(spectest.With("constraints: [fid.all <= x, kid.all <= 1, fid.nil <= 1, kid.all <= 1]", "metrics: [{name: fod.tail}, {name: fid.tail, goal: maximize}]")))
	require.ErrorAs(t, err, &faults)
	var fields []string
	for _, fault := range faults {
		fields = append(fields, fault.Field)
	}
	require.ElementsMatch(t, []string{"metrics[0].name", "metrics[1].goal", "constraints[0]", "constraints[2]", "constraints[3]"}, fields, "a broken item leaves the indices of the others")

	_, err = Parse("s.yaml", []byte(spectest.With("dataset: {name: cifar-10}", "evaluate: {samples_per_class: 5}")))
	require.ErrorContains(t, err, "evaluate: there is no built-in classifier for cifar-10")
	require.ErrorContains(t, err, "evaluate.samples_per_class: too few images for fid.tail: 15 samples")
}

// Draft returns the valid fields and the faults.
func TestDraft(t *testing.T) {
	spec, faults := Draft("s.yaml", []byte(spectest.With("dataset: {name: cifar-10, size: 16}", "train: {steps: -1}")))
	require.Equal(t, sweep.Dataset{Name: sweep.CIFAR10, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01, Order: sweep.OrderNatural, Seed: 1}}, spec.Dataset)
	require.Len(t, faults, 2)
	require.Empty(t, faults.Of("dataset"))
	require.Len(t, faults.Of("train"), 1)
	_, faults = Draft("s.yaml", []byte(spectest.With("dataset: {name: cifar-10, size: 17}")))
	require.Len(t, faults.Of("dataset"), 1)
	spec, faults = Draft("s.yaml", []byte("- no spec"))
	require.Nil(t, spec)
	require.Len(t, faults.Of("dataset"), 1, "a fault of the whole file")
}

func TestLocated(t *testing.T) {
	for field, want := range map[string][2]int{
		"dataset.name": {4, 17}, "evaluate.features.path": {7, 1}, "metrics[0].name": {9, 18}, "gates": {1, 1},
	} {
		fault := Located("s.yaml", []byte(spectest.Base), sweep.FieldError{Field: field, Message: "wrong"})
		require.Equal(t, fmt.Sprintf("s.yaml:%d:%d: %s: wrong", want[0], want[1], field), fault.Error())
	}
	require.Equal(t, 1, Located("s.yaml", []byte("- a"), sweep.FieldError{Field: "name"}).Line)
}

func TestParseHasLimits(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i, i, i, i, i, i)
	}
	mappings := "a0: &a0 {x: 1, y: 2}\n"
	for i := range 14 {
		mappings += fmt.Sprintf("a%d: &a%d {x: *a%d, y: *a%d}\n", i+1, i+1, i, i)
	}
	for name, c := range map[string]struct{ text, want string }{
		"size":     {"# " + strings.Repeat("x", maxFileBytes), "65538 bytes"},
		"brackets": {"a: " + strings.Repeat("[", 30000), "brackets are nested too deep"},
		"depth":    {strings.Repeat("- ", 2000) + "1", "nested too deep"},
		"aliases":  {bomb, "too many values"},
		"mappings": {mappings, "nested too deep"},
		"utf-8":    {"name: \xff", "not UTF-8"},
	} {
		_, err := Parse("s.yaml", []byte(c.text))
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestParseFollowsAliases(t *testing.T) {
	spec := mustParse(t, spectest.With("parameters: {infonce.weight: &w {min: 0.0, max: 1.0}, alignment.weight: *w}"))
	require.Equal(t, 1.0, spec.Parameters[0].Max)
	require.Equal(t, spec.Parameters[0].Max, spec.Parameters[1].Max)
}

// A spec is the same after JSON, and its digest does not depend on the layout of the YAML.
func TestDigest(t *testing.T) {
	spec := mustParse(t, spectest.Base)
	data, err := json.Marshal(spec)
	require.NoError(t, err)
	var read sweep.Spec
	require.NoError(t, json.Unmarshal(data, &read))
	require.Equal(t, spec.Digest(), read.Digest())
	require.Equal(t, *spec, read)

	lines := strings.SplitAfter(strings.TrimSuffix(spectest.Base, "\n"), "\n")
	for i := range lines {
		turned := append(append([]string{}, lines[i:]...), lines[:i]...)
		text := strings.Join(turned, "")
		if !strings.HasSuffix(turned[len(lines)-1-i], "\n") {
			text = strings.Replace(text, turned[len(lines)-1-i], turned[len(lines)-1-i]+"\n", 1)
		}
		require.Equal(t, spec.Digest(), mustParse(t, text).Digest())
	}
	require.NotEqual(t, spec.Digest(), mustParse(t, spectest.With("seed: 2")).Digest())
	require.Equal(t, spec.Digest(), mustParse(t, spectest.With("seed: 1", "train: {steps: 6e2, batch: 0x80}")).Digest())
}

func FuzzParse(f *testing.F) {
	f.Add(spectest.Base)
	f.Add(spectest.With("model: {arch: dit, width: 64}", "baseline: {seeds: [1, 2]}", `parameters: {lr: {min: 1e-3, max: 1.0, q: 0.1, when: "ema > 0"}, ema: {values: [0.1, .2]}}`))
	f.Add(spectest.Searched)
	f.Add(spectest.With("method: nsga2", "parameters: {lr: {distribution: log_normal, mu: -7, sigma: 1, zero: 0.1}, infonce.weight: {distribution: normal, mu: 1, sigma: 0.2}}", "early_terminate: {type: median, min_iter: 1}", "checkpoints: {every_steps: 1}"))
	f.Add(spectest.With("parameters: {lr: {values: [0.1, .2]}, ema: {min: 0, max: 0.5, q: 0.1, when: \"lr > 0.1\"}}", "points: [{lr: 0.1}, {lr: 0.2, ema: 0.3}]", "baseline: {}"))
	f.Add("a: [b, {c: &x d}]\ne: *x\n")
	f.Add("? a\n: b\n")
	f.Add("/\n---\n/\n")
	f.Add("a: |\n  b\n c: >-\n")
	for _, m := range sweep.Methods() {
		text, err := Init("fuzz", m)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := Parse("f.yaml", []byte(text))
		if err != nil {
			var faults Faults
			require.True(t, errors.As(err, &faults))
			require.NotEmpty(t, faults)
			for i, fault := range faults {
				require.Positive(t, fault.Line)
				require.Positive(t, fault.Column)
				require.NotContains(t, fault.Error(), "\n")
				require.NotContains(t, fault.Message, "cannot be read", "schema.json and the types disagree")
				if i > 0 {
					require.LessOrEqual(t, faults[i-1].Line, fault.Line)
				}
			}
			return
		}
		data, err := json.Marshal(spec)
		require.NoError(t, err)
		var read sweep.Spec
		require.NoError(t, json.Unmarshal(data, &read))
		require.Equal(t, spec.Digest(), read.Digest())
		sameWritten(t, spec)
		for _, a := range space.Baselines(spec) {
			_, err := spec.Settings(a)
			require.NoError(t, err)
		}
		for _, point := range spec.Points {
			require.NoError(t, space.CheckPoint(spec, point))
			_, err := spec.Settings(sweep.Assignment{Params: point})
			require.NoError(t, err)
			fitted, ok, same := space.NewFitter(spec).Fit(sweep.Assignment{Kind: sweep.KindSearch, Params: point})
			require.True(t, ok && same, "%v is not %v", point, fitted)
		}
		for _, p := range spec.Parameters {
			info, _ := sweep.LookupParameter(p.Name)
			values := space.GridValues(p)
			for _, v := range values[:min(len(values), 100)] {
				require.NoError(t, space.Legal(p, v))
				require.Truef(t, info.Accepts(v), "%s = %s", p.Name, v)
			}
		}
		require.NotPanics(t, func() {
			cost.TrialCount(spec)
			cost.Of(spec, cost.Speed{ModelParameters: 1, StepsPerSecond: 1, SamplesPerSecond: 1})
		})
	})
}

// A field that is true or false keeps its value through Parse and JSON.
func TestParseReadsBools(t *testing.T) {
	for text, want := range map[string]bool{"true": true, "false": false, "TRUE": true, "False": false} {
		spec := mustParse(t, spectest.With("evaluate: {samples_per_class: 100, cas: "+text+"}"))
		require.Equal(t, want, spec.Evaluate.CAS, text)
		data, err := json.Marshal(spec)
		require.NoError(t, err)
		var back sweep.Spec
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, *spec, back)
		plain := mustParse(t, spectest.Base)
		require.Equal(t, want, spec.Digest() != plain.Digest(), "false is the default")
	}
}

// Each field of the schema can be set: the types take a value that the field's schema
// allows. Other tests check which fields go together.
func TestEveryFieldCanBeSet(t *testing.T) {
	fields := 0
	var walk func(s *jsonschema.Schema, p path, wrap func(value string) string)
	walk = func(s *jsonschema.Schema, p path, wrap func(value string) string) {
		s = target(s)
		switch kindOf(s) {
		case "object":
			for name, field := range s.Properties {
				walk(field, p.field(name), func(value string) string { return wrap("{" + name + ": " + value + "}") })
			}
			return
		case "array":
			walk(s.Items2020, p.item(0), func(value string) string { return wrap("[" + value + "]") })
			return
		}
		fields++
		text := wrap(sample(t, p, s))
		d := readDocument("spec.yaml", []byte(text))
		require.Empty(t, d.faults, text)
		d.validate()
		c := &checker{document: d}
		require.True(t, c.given(p) && c.valid(p), "%s: %v", text, d.faults)
		_, err := Parse("spec.yaml", []byte(text))
		require.NotContains(t, fmt.Sprint(err), "cannot be read", text)
	}
	walk(compiled(), "", func(value string) string { return value })
	require.Greater(t, fields, 300)
}

// sample is a value of a scalar's schema, as YAML.
func sample(t *testing.T, p path, s *jsonschema.Schema) string {
	t.Helper()
	switch {
	case s.Enum != nil:
		last, err := json.Marshal(s.Enum.Values[len(s.Enum.Values)-1])
		require.NoError(t, err)
		return string(last)
	case s.AnyOf != nil:
		return sweep.MetricLoss
	case s.Format != nil:
		return map[string]string{formatCondition: "lr > 0", formatConstraint: "loss <= 1"}[s.Format.Name]
	case kindOf(s) == "boolean":
		return "true"
	case s.Minimum != nil:
		return s.Minimum.FloatString(3)
	case kindOf(s) == "number":
		return "0.05"
	}
	for _, text := range []string{"abc", "1h", "white"} {
		if s.Pattern == nil || s.Pattern.MatchString(text) {
			return text
		}
	}
	t.Fatalf("%s: no sample of %+v", p, s)
	return ""
}

// A long value is shortened between characters.
func TestFaultsShortenAtACharacter(t *testing.T) {
	for shift := range 4 {
		text := strings.Repeat("x", shift) + strings.Repeat("é世", 40)
		_, err := Parse("s.yaml", []byte(spectest.With("model: {arch: "+text+"}")))
		require.NotContains(t, err.Error(), `\x`, "half a character")
		require.Contains(t, err.Error(), "...; valid: unet, dit)")
	}
}
