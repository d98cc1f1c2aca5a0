package sweep

import (
	"slices"
	"strings"
	"time"
)

// APIVersion is the only value of a spec's apiVersion that this version reads.
const APIVersion = "tailsweep/v1"

// Method names a search method.
type Method string

// The search methods.
const (
	MethodGrid   Method = "grid"
	MethodRandom Method = "random"
	MethodSobol  Method = "sobol"
	MethodTPE    Method = "tpe"
	MethodBayes  Method = "bayes"
	MethodCMAES  Method = "cmaes"
	MethodNSGA2  Method = "nsga2"
)

// Methods lists the search methods of this version.
func Methods() []Method {
	return []Method{MethodGrid, MethodRandom, MethodSobol, MethodTPE, MethodBayes, MethodCMAES, MethodNSGA2}
}

// Spec is a whole sweep as its author asked for it, with every default filled
// in. Its JSON form is what travels through Temporal and what Digest hashes; its
// YAML form is what people write. The types of this file are where the YAML's
// fields, ranges and words are decided: their tags and comments become
// schema.json (go test ./sweep/specfile -run Schema -regen), which Parse checks against
// and editors complete from. Defaults are in defaults.go.
type Spec struct {
	// The version of this format.
	APIVersion string `json:"apiVersion" jsonschema:"required,enum=tailsweep/v1"`
	// Part of ids, keys and labels: a letter, then a-z, 0-9 and -, 63 at most, - not last.
	Name string `json:"name" jsonschema:"required,pattern=^[a-z]([-a-z0-9]*[a-z0-9])?$,maxLength=63"`
	// Shown by describe, the report and the Temporal UI.
	Description string `json:"description,omitempty" jsonschema:"maxLength=1000"`
	// How the search proceeds: every point of a grid, random points, points spread evenly (sobol), Bayesian optimisation by Parzen estimators (tpe) or by a Gaussian process (bayes), or evolution of one objective (cmaes) or several (nsga2).
	Method Method `json:"method" jsonschema:"required,enum=grid,enum=random,enum=sobol,enum=tpe,enum=bayes,enum=cmaes,enum=nsga2"`
	// Seed of the search; trials train with train.seed.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// What to train on.
	Dataset Dataset `json:"dataset" jsonschema:"required"`
	// The denoiser's architecture.
	Model Model `json:"model"`
	// What is fixed for every trial.
	Train Train `json:"train" jsonschema:"required"`
	// How a finished trial is judged.
	Evaluate Evaluate `json:"evaluate"`
	// The search space: a mapping from a parameter's name to its values.
	Parameters Space `json:"parameters" jsonschema:"required"`
	// What to optimise. The first orders `best`.
	Metrics []Objective `json:"metrics" jsonschema:"required,minItems=1,maxItems=8"`
	// What a result must satisfy: METRIC <= BOUND or METRIC >= BOUND, where BOUND is a number or baseline.METRIC * NUMBER + NUMBER.
	Constraints []Constraint `json:"constraints,omitempty" jsonschema:"maxItems=8,uniqueItems=true"`
	// What a trial must reach, else it is never the best.
	Gates *Gates `json:"gates,omitempty"`
	// Trials that run first, with fixed parameters, for comparison.
	Baseline *Baseline `json:"baseline,omitempty"`
	// Further train seeds for the points whose comparison is undecided.
	Repeats *Repeats `json:"repeats,omitempty"`
	// What ends a trial before its last step.
	EarlyTerminate *EarlyTerminate `json:"early_terminate,omitempty"`
	// What ends the search; a grid ends by itself.
	Budget Budget `json:"budget"`
	// Trials that run at the same time at most.
	MaxConcurrentTrials int `json:"max_concurrent_trials" jsonschema:"minimum=1,maximum=1000"`
	// Further attempts that a trial gets after its first.
	MaxRestarts int `json:"max_restarts" jsonschema:"minimum=0,maximum=100"`
	// Time that a trial may take to train, from the moment its training first starts: time that it waits for a worker again or for a verdict, and evaluations at rungs count, the final evaluation does not. A trial beyond it is saved and ends as stopped. Default: no limit.
	MaxTrialTime Duration `json:"max_trial_time,omitempty"`
	// Where trials train.
	Resources Resources `json:"resources"`
	// What is saved and what is kept.
	Checkpoints Checkpoints `json:"checkpoints"`
}

// Dataset says what to train on.
type Dataset struct {
	// fashion-mnist-10k is built in. fashion-mnist, cifar-10 and cifar-100 come from their publishers, image-folder is a folder of pictures of your own.
	Name string `json:"name" jsonschema:"required,enum=fashion-mnist-10k,enum=fashion-mnist,enum=cifar-10,enum=cifar-100,enum=image-folder"`
	// Where the files are: a folder on the worker's machine (of CIFAR also the archive itself), or an s3:// or https:// URL that each worker downloads once. Default: where `tailsweep data pull` puts them, and what it pulls. Required for image-folder: one folder a class, numbered in the order of their names.
	Path string `json:"path,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only: text file whose lines "relative/image.jpg label" say which images of path to train on and their classes, counted from 0. In path, unless absolute.
	SplitFile string `json:"split,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only: balanced real images of the same classes, which generated ones are compared with: a folder or URL as path, or a split file (.txt) of path. Default: all images of the folder, or of the split file.
	Reference string `json:"reference,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only, and required there: number of classes.
	FolderClasses int `json:"classes,omitempty" jsonschema:"minimum=2,maximum=10000"`
	// image-folder only: 3 for RGB, 1 for grey. Default 3.
	FolderChannels int `json:"channels,omitempty" jsonschema:"enum=1,enum=3"`
	// image-folder only: what shows through transparent pixels: white, black or "#rrggbb". Default white.
	Background string `json:"background,omitempty" jsonschema:"pattern=^(white|black|#[0-9a-fA-F]{6})$"`
	// Side of the square images in pixels. Fashion-MNIST: 28 as published, 16 padded to 32 and averaged 2x2. CIFAR: 32 as published, 16 averaged 2x2. image-folder: 8 to 64, the middle of each image, scaled. Default 28, for CIFAR and image-folder 32.
	Size int `json:"size" jsonschema:"minimum=8,maximum=64"`
	// The long-tailed split.
	Imbalance Imbalance `json:"imbalance"`
	// Which classes are head, medium and tail. Default thirds by the number of training images.
	Groups *Grouping `json:"groups,omitempty"`
}

// Grouping says which classes are head, medium and tail: see Dataset.ClassGroups.
type Grouping struct {
	// thirds: thirds of the classes by their number of training images; shots: by that number itself; names: as the lists say, and medium where none does. Default: names where a list is given, shots where a number is, else thirds.
	By string `json:"by" jsonschema:"enum=thirds,enum=shots,enum=names"`
	// by shots: classes with more training images are head. Default 100.
	Many int `json:"many,omitempty" jsonschema:"minimum=1,maximum=100000000"`
	// by shots: classes with fewer training images are tail. Default 20.
	Few int `json:"few,omitempty" jsonschema:"minimum=1,maximum=100000000"`
	// by names: the classes of the head, each by its name or its number from 0, as text.
	Head []string `json:"head,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
	// by names: the classes of the middle; those that no list names are there, too.
	Medium []string `json:"medium,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
	// by names: the classes of the tail.
	Tail []string `json:"tail,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
}

// Imbalance is the long-tailed split: see Counts. Of an image folder, n_max is the
// number of images of its smallest class.
type Imbalance struct {
	// exp: class sizes fall exponentially; step: half of the classes are small; none: all images. Default exp, for image-folder none.
	Profile string `json:"profile" jsonschema:"enum=exp,enum=step,enum=none"`
	// Smallest class over largest.
	Factor float64 `json:"factor" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// Which classes are large: natural, the first ones; permuted, by a permutation that seed decides. Default natural.
	Order string `json:"order,omitempty" jsonschema:"enum=natural,enum=permuted"`
	// Seed of the shuffle within each class, which decides the images that are kept, and of a permuted order.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
}

// Model is the denoiser's architecture. A field that is left out and has no default
// here takes the preset's, else the architecture's.
type Model struct {
	// A named configuration, which fills in the fields that are not given (docs/losses.md lists them). unet-released is the U-Net of arXiv 2507.09052's released code.
	Preset string `json:"preset,omitempty" jsonschema:"enum=unet-released,enum=unet-small-28,enum=unet-small-32,enum=dit-s2,enum=dit-small"`
	// A U-Net or a diffusion transformer.
	Arch string `json:"arch" jsonschema:"enum=unet,enum=dit"`
	// Channels of the first level (unet) or of a token (dit, a multiple of 4).
	Width int `json:"width" jsonschema:"minimum=8,maximum=1024"`
	// Residual blocks a level (unet) or transformer blocks (dit).
	Depth int `json:"depth" jsonschema:"minimum=1,maximum=48"`
	// unet only: each level's channels as a multiple of width; every level after the first halves the image. Default 1, 2, 2.
	Mult []int `json:"mult,omitempty" jsonschema:"minItems=1,maxItems=4,minimum=1,maximum=8"`
	// unet only: levels with attention after each residual block, 0 the full size; the middle always has it. Default none.
	Attention []int `json:"attention,omitempty" jsonschema:"maxItems=4,uniqueItems=true,minimum=0,maximum=3"`
	// unet only: dropout inside each residual block, in training. Default 0.
	Dropout float64 `json:"dropout,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// dit only: side of a patch in pixels, divides dataset.size.
	Patch int `json:"patch,omitempty" jsonschema:"minimum=1,maximum=64"`
	// dit only: attention heads, divides width.
	Heads int `json:"heads,omitempty" jsonschema:"minimum=1,maximum=64"`
}

// Train holds what is fixed for every trial; a parameter of the same name replaces it in one.
type Train struct {
	// Training steps of a trial.
	Steps int `json:"steps" jsonschema:"required,minimum=1,maximum=10000000"`
	// Images in a step.
	Batch int `json:"batch" jsonschema:"minimum=2,maximum=65536"`
	// Adam's learning rate after warm-up.
	LR float64 `json:"lr" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// Steps over which the learning rate rises from 0. Default 500, or a tenth of steps where that is less.
	WarmupSteps int `json:"warmup_steps" jsonschema:"minimum=0,maximum=10000000"`
	// Decay of the moving average of the weights; step k uses min(ema, (1+k)/(10+k)).
	EMA float64 `json:"ema" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// Probability that a sample trains with the null label.
	LabelDropout float64 `json:"label_dropout" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// Whether each sample's label is dropped by itself, or all of a batch's together, as in the released U-Net. Default sample.
	LabelDropoutMode string `json:"label_dropout_mode,omitempty" jsonschema:"enum=sample,enum=batch"`
	// Noise schedule: linear, beta from 1e-4 to 0.02 (arXiv 2006.11239), or cosine (arXiv 2102.09672). Default linear.
	Schedule string `json:"schedule,omitempty" jsonschema:"enum=linear,enum=cosine"`
	// What the net predicts: the noise (eps) or the velocity (v, arXiv 2202.00512). Default eps.
	Prediction string `json:"prediction,omitempty" jsonschema:"enum=eps,enum=v"`
	// What the net's matrix products and convolutions compute in: f32, or bf16 from float32 weights, for GPUs (backends xla:cuda and xla:cpu). Norms, softmax, losses and the optimizer stay in float32. Default f32.
	Precision string `json:"precision,omitempty" jsonschema:"enum=f32,enum=bf16"`
	// Decoupled weight decay of kernels (AdamW, arXiv 1711.05101): each step takes lr * weight_decay of a weight away. Default 0, which is Adam.
	WeightDecay float64 `json:"weight_decay,omitempty" jsonschema:"minimum=0,maximum=1"`
	// The gradient's global norm is clipped to this. Default 1.
	ClipNorm float64 `json:"clip_norm,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1000000"`
	// Seed of initial weights, data order and noise: the same for every trial, so that trials are paired.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// Steps that a point of the loss curve averages over.
	LogEvery int `json:"log_every" jsonschema:"minimum=1,maximum=1000000"`
}

// Evaluate says how a finished trial is judged.
type Evaluate struct {
	// Images sampled of each class. With several guidance scales as many others at each, to choose by.
	SamplesPerClass int `json:"samples_per_class" jsonschema:"minimum=1,maximum=50000"`
	// Guidance scales w tried, eps_c + w (eps_c - eps_0). The best by the first metric is chosen on one half of the real images and on samples of its own, and reported on the other half and other samples.
	Guidance []float64 `json:"guidance" jsonschema:"minItems=1,maxItems=16,uniqueItems=true,minimum=0,maximum=20"`
	// How pictures are drawn: ddim without noise (arXiv 2010.02502), or ddpm, ancestral sampling (arXiv 2006.11239). Default ddim.
	Sampler string `json:"sampler,omitempty" jsonschema:"enum=ddim,enum=ddpm"`
	// Denoising steps of sampler ddim, and only there.
	DDIMSteps int `json:"ddim_steps" jsonschema:"minimum=1,maximum=1000"`
	// Denoising steps of sampler ddpm, and only there. Default 1000.
	DDPMSteps int `json:"ddpm_steps,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Seed of the sampling noise, the same for every trial.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// The networks that images are looked at with; default: a built-in classifier, where the dataset has one.
	Features *Features `json:"features,omitempty"`
	// Measure cas.*, which trains a classifier at the end of each trial. A metric or constraint that names cas does so, too.
	CAS bool `json:"cas,omitempty"`
	// How a trial is judged at a rung of early_terminate; default: as at its end.
	Rung *RungEvaluate `json:"rung,omitempty"`
}

// Features are files of networks, on the worker's machine. Their digests are kept
// with the results.
type Features struct {
	// A classifier that `tailsweep features train` made, or Inception-v3 as safetensors with pytorch-fid's names (docs/evaluation.md).
	Path string `json:"path" jsonschema:"required,minLength=1,maxLength=4096"`
	// A classifier for label_accuracy, where path is no classifier. Default: the built-in one, where the dataset has one.
	Classifier string `json:"classifier,omitempty" jsonschema:"minLength=1,maxLength=4096"`
}

// Gates are bounds on a trial's quality, over all classes.
type Gates struct {
	// label_accuracy.all at least.
	MinLabelAccuracy *float64 `json:"min_label_accuracy,omitempty" jsonschema:"minimum=0,maximum=1"`
	// memorised_ratio.all at most.
	MaxMemorisedRatio *float64 `json:"max_memorised_ratio,omitempty" jsonschema:"minimum=0,maximum=1"`
}

// RungEvaluate is a cheaper judgement, for the rungs of early_terminate.
type RungEvaluate struct {
	// Images sampled of each class. Default as at the end.
	SamplesPerClass int `json:"samples_per_class" jsonschema:"minimum=1,maximum=50000"`
	// Guidance scales tried. Default as at the end.
	Guidance []float64 `json:"guidance" jsonschema:"minItems=1,maxItems=16,uniqueItems=true,minimum=0,maximum=20"`
}

// Goal is the direction of an objective.
type Goal string

// The two goals.
const (
	Minimize Goal = "minimize"
	Maximize Goal = "maximize"
)

// Objective is one metric that the sweep optimises.
type Objective struct {
	// The metric.
	Name string `json:"name" jsonschema:"required"`
	// Which way is better; each metric knows, so it can be left out.
	Goal Goal `json:"goal" jsonschema:"enum=minimize,enum=maximize"`
}

// Baseline is run first, once a seed, with Params instead of searched ones.
type Baseline struct {
	// Parameter values of the baseline; every other parameter stays at its fixed field or default.
	Params Params `json:"params"`
	// One baseline trial for each of these train seeds.
	Seeds []int64 `json:"seeds" jsonschema:"minItems=1,maxItems=100,uniqueItems=true,minimum=0,maximum=9007199254740991"`
}

// Repeats lets points be trained again with other seeds, where that decides which
// is better: see package sampler.
type Repeats struct {
	// Train seeds of a point's second, third, ... trial; the first has train.seed. The same for every point, so that repeats are paired.
	Seeds []int64 `json:"seeds" jsonschema:"required,minItems=1,maxItems=100,uniqueItems=true,minimum=0,maximum=9007199254740991"`
	// Share of the search trials that may be repeats at most. Default 0.3.
	Share float64 `json:"share" jsonschema:"exclusiveMinimum=0,maximum=0.9"`
}

// The kinds of early termination.
const (
	StopMedian    = "median"
	StopASHA      = "asha"
	StopHyperband = "hyperband"
)

// EarlyTerminate ends trials at rungs, steps of training at which they are
// judged: min_iter, min_iter eta, min_iter eta^2, ... below train.steps.
type EarlyTerminate struct {
	// median: worse than the median of the others; asha: not among the best 1/eta; hyperband: asha with several first rungs.
	Type string `json:"type" jsonschema:"required,enum=median,enum=asha,enum=hyperband"`
	// Training steps at the first rung, a multiple of checkpoints.every_steps.
	MinIter int `json:"min_iter" jsonschema:"required,minimum=1,maximum=10000000"`
	// Steps grow and trials shrink by this factor from rung to rung. Default 3.
	Eta int `json:"eta" jsonschema:"minimum=2,maximum=16"`
	// median only: results at a rung before a trial is judged there. Default 5.
	MinTrials int `json:"min_trials" jsonschema:"minimum=1,maximum=1000"`
	// hyperband only: first rungs that trials are spread over. Default as many as there are rungs.
	Brackets int `json:"brackets" jsonschema:"minimum=1,maximum=16"`
}

// Budget ends the search; zero means no such limit (grid ends by itself).
type Budget struct {
	// Search trials at most; baseline trials do not count.
	RunCap int `json:"run_cap,omitempty" jsonschema:"minimum=1,maximum=100000"`
	// Hours of training slots at most, baseline included.
	GPUHours float64 `json:"gpu_hours,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1000000"`
	// Time since the sweep began, such as 12h or 1h30m, after which no new trial starts. Trials that run by then finish: max_trial_time bounds them.
	WallClock Duration `json:"wall_clock,omitempty"`
}

// Duration is a time.Duration written "12h30m" in YAML and JSON.
type Duration time.Duration

// Resources says where trials train.
type Resources struct {
	// Temporal task queue of the training workers: letters, digits, - . and _.
	Queue string `json:"queue" jsonschema:"pattern=^[A-Za-z0-9][-._A-Za-z0-9]*$,maxLength=100"`
}

// Checkpoints says what is saved and what is kept.
type Checkpoints struct {
	// Training steps between checkpoints; the last step always makes one.
	EverySteps int `json:"every_steps" jsonschema:"minimum=1,maximum=10000000"`
	// Trials, best first, whose final checkpoint is kept; with constraints or repeats, which may change the order later, as many more are.
	SaveSweepBest int `json:"save_sweep_best" jsonschema:"minimum=1,maximum=100"`
}

// RanksAlone reports whether Rank needs nothing but the trials that it puts in
// order: there are neither constraints nor repeats, for which the rest of the
// ledger matters. Then it is ByMetrics.
func (s *Spec) RanksAlone() bool { return len(s.Constraints) == 0 && s.Repeats == nil }

// KeptCheckpoints is how many trials' final checkpoints a sweep keeps, best first:
// checkpoints.save_sweep_best, and as many spares where further seeds of a setting,
// or of the baseline, may change the order of trials that have long completed.
func (s *Spec) KeptCheckpoints() int {
	if s.RanksAlone() {
		return s.Checkpoints.SaveSweepBest
	}
	return 2 * s.Checkpoints.SaveSweepBest
}

// Rungs returns the steps of training at which trials are judged before their end,
// ascending: min_iter eta^k for k = 0, 1, ... while below train.steps. All are
// multiples of min_iter, hence of checkpoints.every_steps. It returns nil without
// early_terminate.
func (s *Spec) Rungs() []int {
	e := s.EarlyTerminate
	if e == nil || e.MinIter < 1 || e.Eta < 2 {
		return nil
	}
	var rungs []int
	for step := e.MinIter; step < s.Train.Steps; step *= e.Eta {
		rungs = append(rungs, step)
	}
	return rungs
}

// DefaultQueue is the task queue of trainings where a spec names none.
const DefaultQueue = "gpu"

// Draws is how many images an evaluation samples of each class: with several
// guidance scales there are further ones at each, to choose by.
func (e Evaluate) Draws() int {
	if len(e.Guidance) > 1 {
		return e.SamplesPerClass * (len(e.Guidance) + 1)
	}
	return e.SamplesPerClass // a searched guidance is one scale
}

// MeasuresCAS reports whether an evaluation trains a classifier for cas.*.
func (s *Spec) MeasuresCAS() bool {
	return s.Evaluate.CAS || slices.ContainsFunc(s.NamedMetrics(), func(name string) bool {
		return strings.HasPrefix(name, FamilyCAS+".")
	})
}

// AtRung returns the spec as a rung's evaluation sees it: with evaluate.rung in
// the place of evaluate's own fields, where it is given.
func (s *Spec) AtRung() Spec {
	at := *s
	at.Evaluate.CAS = false // a training, which only a metric of the spec needs at a rung
	if r := s.Evaluate.Rung; r != nil {
		at.Evaluate.SamplesPerClass = r.SamplesPerClass
		if len(r.Guidance) > 0 {
			at.Evaluate.Guidance = slices.Clone(r.Guidance)
		}
	}
	return at
}
