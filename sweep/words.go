package sweep

import "slices"

// The closed lists of words that fields of a spec take. The schema, the checks and the
// reference (docs/spec.md) are made from the functions; the comments of the fields in
// spec.go say what each word means. Parameters, metrics, datasets and distributions have
// separate tables.

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

// Methods lists the search methods.
func Methods() []Method {
	return []Method{MethodGrid, MethodRandom, MethodSobol, MethodTPE, MethodBayes, MethodCMAES, MethodNSGA2}
}

// Learns reports whether the method uses the results of earlier trials. The others
// choose the same configurations whatever the results are.
func (m Method) Learns() bool {
	return m != MethodGrid && m != MethodRandom && m != MethodSobol
}

// Goal is the direction of an objective.
type Goal string

// The goals.
const (
	Minimize Goal = "minimize"
	Maximize Goal = "maximize"
)

// Goals lists the goals.
func Goals() []Goal { return []Goal{Minimize, Maximize} }

// The kinds of early termination.
const (
	StopMedian    = "median"
	StopASHA      = "asha"
	StopHyperband = "hyperband"
)

// StopTypes lists the kinds of early termination.
func StopTypes() []string { return []string{StopMedian, StopASHA, StopHyperband} }

// The profiles of an Imbalance.
const (
	ProfileExp  = "exp"
	ProfileStep = "step"
	ProfileNone = "none"
)

// Profiles lists the profiles of an Imbalance.
func Profiles() []string { return []string{ProfileExp, ProfileStep, ProfileNone} }

// The orders of an Imbalance.
const (
	OrderNatural  = "natural"
	OrderPermuted = "permuted"
)

// Orders lists the orders of an Imbalance.
func Orders() []string { return []string{OrderNatural, OrderPermuted} }

// The ways of Grouping.
const (
	GroupsByThirds = "thirds"
	GroupsByShots  = "shots"
	GroupsByNames  = "names"
)

// GroupWays lists the ways of Grouping.
func GroupWays() []string { return []string{GroupsByThirds, GroupsByShots, GroupsByNames} }

// The architectures of Model.Arch.
const (
	ArchUNet = "unet"
	ArchDiT  = "dit"
)

// Archs lists the architectures.
func Archs() []string { return []string{ArchUNet, ArchDiT} }

// The modes of Train.LabelDropoutMode.
const (
	DropSample = "sample"
	DropBatch  = "batch"
)

// FlipHorizontal is the value of train.flip that mirrors images. none, the default, is stored
// as an empty text.
const (
	FlipNone       = "none"
	FlipHorizontal = "horizontal"
)

// Flips are the values of train.flip.
func Flips() []string { return []string{FlipNone, FlipHorizontal} }

// DropModes lists the modes of label dropout.
func DropModes() []string { return []string{DropSample, DropBatch} }

// The noise schedules of Train.Schedule.
const (
	ScheduleLinear = "linear"
	ScheduleCosine = "cosine"
)

// Schedules lists the noise schedules.
func Schedules() []string { return []string{ScheduleLinear, ScheduleCosine} }

// What Train.Prediction can be.
const (
	PredictEps = "eps"
	PredictV   = "v"
)

// Predictions lists what a net can predict.
func Predictions() []string { return []string{PredictEps, PredictV} }

// The precisions of Train.Precision.
const (
	PrecisionF32  = "f32"
	PrecisionBF16 = "bf16"
)

// Precisions lists the precisions.
func Precisions() []string { return []string{PrecisionF32, PrecisionBF16} }

// The gates of generated images, as Generate.Gates has them.
const (
	GateLabel     = "label"
	GateNearCopy  = "near_copy"
	GateDuplicate = "duplicate"
)

// ImageGates lists the gates of generated images, in the order in which they are shown.
func ImageGates() []string { return []string{GateLabel, GateNearCopy, GateDuplicate} }

// DefaultAttempts is how many images of a class are generated at most for each that is
// asked for.
const DefaultAttempts = 3

// EfficientNetLite0 is a network of Features.Network. EfficientNetLite0Dims is the length of
// its feature vector.
const (
	EfficientNetLite0     = "efficientnet-lite0"
	EfficientNetLite0Dims = 320
)

// FeatureNetworks lists the networks of Features.Network.
func FeatureNetworks() []string { return []string{EfficientNetLite0} }

// The samplers of images, as Evaluate.Sampler has them.
const (
	SamplerDDIM = "ddim"
	SamplerDDPM = "ddpm"
)

// DiffusionSteps is T, the number of steps of the diffusion, and the most that a sampler
// takes.
const DiffusionSteps = 1000

// SamplerInfo is one entry of the closed list of samplers of images. Its step is a
// file of trainer/diffusion.
type SamplerInfo struct {
	Name         string
	DefaultSteps int
	Steps        func(*Evaluate) *int // the field with the number of its steps
}

// samplers is the closed list; the first is the default.
var samplers = []SamplerInfo{
	{SamplerDDIM, 50, func(e *Evaluate) *int { return &e.DDIMSteps }},
	{SamplerDDPM, DiffusionSteps, func(e *Evaluate) *int { return &e.DDPMSteps }},
}

// SamplerList is the closed list of samplers; the first is the default.
func SamplerList() []SamplerInfo { return slices.Clone(samplers) }

// Samplers lists the names of the samplers.
func Samplers() []string {
	var names []string
	for _, s := range samplers {
		names = append(names, s.Name)
	}
	return names
}

// Steps is how many denoising steps the sampler takes.
func (e Evaluate) Steps() int {
	if s, ok := find(samplers, func(s SamplerInfo) bool { return s.Name == e.Sampler }); ok {
		return *s.Steps(&e)
	}
	return 0
}
