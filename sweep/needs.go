package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
)

// The fields that say how many samples are drawn.
const (
	fieldSamples     = "evaluate.samples_per_class"
	fieldRungSamples = "evaluate.rung.samples_per_class"
)

// The fields that name networks.
const (
	FieldNetwork    = "evaluate.features.network"
	FieldFeatures   = "evaluate.features.path"
	FieldClassifier = "evaluate.features.classifier"
)

// Unmeasurable returns why trials with this assignment could not be evaluated as the
// spec asks, at their end or at a rung: a fault for each metric that, by f, cannot be
// measured.
func (s *Spec) Unmeasurable(f Facts, a Assignment) []FieldError {
	var faults []FieldError
	check := func(at Spec, rung bool) {
		scales := len(at.Evaluate.Guidance) // 0 with samples of a program
		if _, own := a.Params[ParamGuidance]; own {
			scales = 1
		}
		measured := at.RequiredMetrics()
		if evaluated := slices.ContainsFunc(at.Metrics, func(o Objective) bool { return Evaluated(o.Name) }); evaluated && scales > 1 {
			if name := at.GuidanceObjective().Name; !slices.ContainsFunc(measured, func(m RequiredMetric) bool { return m.Metric == name }) {
				measured = append(measured, RequiredMetric{name, "evaluate.guidance"})
			}
		}
		for _, m := range measured {
			fault := at.unmeasurable(m, f, scales, rung)
			if fault != nil && rung && s.Evaluate.Rung != nil && fault.Field == fieldSamples {
				fault.Field = fieldRungSamples
			}
			if fault != nil && !slices.Contains(faults, *fault) {
				faults = append(faults, *fault)
			}
		}
	}
	check(*s, false)
	if s.EarlyTerminate != nil {
		check(s.AtRung(), true)
	}
	return faults
}

// unmeasurable returns why one metric cannot be measured, or nil.
func (s *Spec) unmeasurable(m RequiredMetric, f Facts, scales int, rung bool) *FieldError {
	if m.Metric == MetricLoss && rung {
		return s.noLossYet()
	}
	if !s.Measured(m.Metric) {
		return nil
	}
	name, group, _ := strings.Cut(m.Metric, ".")
	family, ok := find(families, func(f MetricFamily) bool { return f.Name == name })
	if !ok || family.needs == nil {
		return nil
	}
	class, single := strings.CutPrefix(m.Metric, FIDClass)
	var classes []int
	switch {
	case single && f.Classes == nil:
		classes = []int{0}
	case single:
		metrics := ClassMetrics(f.Classes)
		at := slices.Index(metrics, m.Metric)
		if at < 0 {
			return &FieldError{Field: m.Field, Value: m.Metric, Message: "names a class that the dataset does not have", Valid: text.List(metrics, shownClasses)}
		}
		classes, class = []int{at}, f.Classes[at]
	case f.Groups != nil:
		if classes = f.Groups.Classes(group); len(classes) == 0 {
			return s.emptyGroup(m, *f.Groups)
		}
	case group == GroupAll:
		classes = indices(s.Dataset.Classes())
	default:
		return nil // which classes are in the group is not known
	}
	e := evidence{
		RequiredMetric: m, spec: s, group: "class " + class, classes: len(classes), taking: len(classes), least: family.class,
		dims: f.Dims, classifier: f.Classifier, scales: scales,
	}
	if !single {
		e.group = fmt.Sprintf("group %s, %s", group, english.Plural(e.classes, "class", "classes"))
	}
	if f.Real != nil {
		e.most = slices.Max(pick(f.Real, classes))
		if !single {
			classes = slices.DeleteFunc(slices.Clone(classes), func(c int) bool { return f.Real[c] < family.class.real })
		}
		e.taking, e.parts = len(classes), partsOf(f.Real, classes, scales)
	}
	e.allTrained = f.HeldOut != nil && !slices.ContainsFunc(classes, func(c int) bool { return f.HeldOut[c] > 0 })
	return family.needs(e)
}

func (s *Spec) emptyGroup(m RequiredMetric, g ClassGroups) *FieldError {
	valid := []string{GroupAll}
	for _, group := range GroupList() {
		if len(g.Classes(group)) > 0 {
			valid = append(valid, group)
		}
	}
	why := english.Plural(s.Dataset.Classes(), "class has", "classes have") + " no such group"
	switch {
	case s.Dataset.Groups != nil:
		why = "dataset.groups leaves this group without a class"
	case s.Dataset.Imbalance.Profile == ProfileStep:
		why = "profile step has no such group"
	}
	return &FieldError{Field: m.Field, Value: m.Metric, Message: why, Valid: "the groups " + strings.Join(valid, ", ")}
}

// partsOf counts the real images of each class in each part that samples are compared
// with: one part of all images, or two halves, since a guidance scale is chosen on one
// half and reported on the other. Images are in class order; even ones are in the first
// half, odd ones in the second.
func partsOf(real, classes []int, scales int) [][]int {
	step := 1
	if scales > 1 {
		step = 2
	}
	parts := make([][]int, step)
	for first := range step {
		upTo := func(n int) int { return (n - first + step - 1) / step }
		for _, class := range classes {
			before := 0
			for _, n := range real[:class] {
				before += n
			}
			parts[first] = append(parts[first], upTo(before+real[class])-upTo(before))
		}
	}
	return parts
}

// evidence describes the images that one metric would be measured on.
type evidence struct {
	RequiredMetric
	spec       *Spec  // as it is at the end, or at a rung
	group      string // "group tail, 3 classes"
	classes    int
	taking     int     // of classes, those that take part
	most       int     // real images of the largest class
	parts      [][]int // of real images, by class that takes part; nil: not known
	least      least   // what a class needs to take part
	allTrained bool    // no real image of the classes is held out
	dims       int
	classifier Known
	scales     int
}

// Neighbours is the largest number of neighbours that precision, recall (3), density
// and coverage (5) look at.
const Neighbours = 5

func (e evidence) forFID() *FieldError {
	if !strings.HasPrefix(e.Metric, FIDClass) {
		if f := e.takesPart(); f != nil {
			return f
		}
	}
	return e.enough(2*e.dims, fmt.Sprintf("FID on %d features", e.dims))
}

// takesPart returns a fault where no class of the group has enough samples or real images.
func (e evidence) takesPart() *FieldError {
	family, _, _ := strings.Cut(e.Metric, ".")
	if n := e.spec.Evaluate.SamplesPerClass; n < e.least.samples {
		return &FieldError{
			Field: fieldSamples, Value: fmt.Sprint(n), Message: fmt.Sprintf("too few samples for %s: %s needs %d of a class", e.Metric, family, e.least.samples),
			Valid: fmt.Sprintf("at least %d", e.least.samples),
		}
	}
	if e.taking > 0 {
		return nil
	}
	f := &FieldError{
		Field: e.realField(),
		Message: fmt.Sprintf("too few real images for %s: a class takes part in %s with at least %d real images, and the largest class of %s, has %d",
			e.Metric, family, e.least.real, e.group, e.most),
		Valid: "more real images, or a group with a larger class",
	}
	return f
}

// realField is the field that the real images come from.
func (e evidence) realField() string {
	switch d := e.spec.Dataset; {
	case d.Reference != "":
		return "dataset.reference"
	case d.Path != "":
		return "dataset.path"
	}
	return e.Field
}

// TakesPart reports whether a class with so many real images, of which some metrics look at
// one half, and so many samples takes part in a family's metric of a group.
func TakesPart(family string, real, samples int) bool {
	f, _ := find(families, func(f MetricFamily) bool { return f.Name == family })
	return real >= f.class.real && samples >= f.class.samples
}

// LeftOut is classes that take no part in the group metrics of some families, since they
// have too few real images.
type LeftOut struct {
	Families []string `json:"families"` // names of families, "precision"
	Least    int      `json:"least"`    // real images that a class needs
	Classes  []string `json:"classes"`  // names
}

// String says which classes take no part in what.
func (l LeftOut) String() string {
	return fmt.Sprintf("%s without %s: fewer than %d real images", strings.Join(l.Families, ", "), text.List(l.Classes, shownClasses), l.Least)
}

// LeftOutClasses returns which classes take no part in which families, by their numbers of
// real images.
func LeftOutClasses(classes []string, real []int) []LeftOut {
	var all []LeftOut
	for _, family := range families {
		at := slices.IndexFunc(all, func(l LeftOut) bool { return l.Least == family.class.real })
		if at >= 0 {
			all[at].Families = append(all[at].Families, family.Name)
			continue
		}
		left := LeftOut{Families: []string{family.Name}, Least: family.class.real}
		for class, n := range real {
			if n < family.class.real {
				left.Classes = append(left.Classes, classes[class])
			}
		}
		if len(left.Classes) > 0 {
			all = append(all, left)
		}
	}
	return all
}

// effective is the number of images that as many images count as when each class has the
// same weight: C^2 / sum_c 1/n_c, their number where the classes have equally many.
func effective(counts []int) float64 {
	var inverse float64
	for _, n := range counts {
		inverse += 1 / float64(n)
	}
	if inverse == 0 {
		return 0
	}
	return float64(len(counts)*len(counts)) / inverse
}

// enough returns a fault where the samples or the effective real images are fewer than
// need.
func (e evidence) enough(need int, metric string) *FieldError {
	const rounding = 1e-9 // of effective
	samples, real, count := e.spec.Evaluate.SamplesPerClass*e.taking, float64(need), -1
	var part []int
	if e.parts != nil {
		part = slices.MinFunc(e.parts, func(a, b []int) int { return cmp.Compare(effective(a), effective(b)) })
		real, count = effective(part), sum(part)
	}
	if samples >= need && real >= float64(need)*(1-rounding) {
		return nil
	}
	if samples >= need && count >= need {
		metric = fmt.Sprintf("with the same weight for each class they count as %.0f, and %s", math.Floor(real), metric)
	}
	if count > 0 && real < float64(need)*(1-rounding) {
		count = min(count, need-1)
	}
	return e.tooFew(samples, count, sum(part), part, need, (need+e.taking-1)/max(1, e.taking), metric)
}

// tooFew returns the fault of a metric that needs a number of samples and as many real
// images. real is -1 if it is not known, and below need where they do not suffice; part has
// the all real images by class.
func (e evidence) tooFew(samples, real, all int, part []int, need, perClass int, metric string) *FieldError {
	f := &FieldError{Field: e.Field}
	valid := []string{"more real images"}
	switch {
	case samples < need:
		f.Field, f.Value = fieldSamples, fmt.Sprint(e.spec.Evaluate.SamplesPerClass)
		valid = []string{fmt.Sprintf("at least %d", perClass)}
		if real >= 0 && real < need {
			valid[0] += " and more real images"
		}
	case e.realField() != e.Field:
		f.Field = e.realField()
	default:
		valid = []string{"a group of more classes"}
	}
	halved := ""
	if e.scales > 1 && real >= 0 && real < need {
		halved = fmt.Sprintf(", since a list of %d guidance scales halves them", e.scales)
		valid = append(valid, "one scale in evaluate.guidance")
	}
	family, group, _ := strings.Cut(e.Metric, ".")
	if family == FamilyFID && !strings.HasPrefix(e.Metric, FIDClass) {
		valid = append(valid, "the metric "+FamilyKID+"."+group)
	}
	f.Message = fmt.Sprintf("too few images for %s: %d samples", e.Metric, samples)
	if real >= 0 {
		f.Message += fmt.Sprintf(" and %d real images", all)
	}
	f.Message += " of " + e.group
	if len(part) > 1 {
		f.Message += fmt.Sprintf(" (its rarest class has %d real images%s)", slices.Min(part), halved)
	} else {
		f.Message += halved
	}
	f.Message += fmt.Sprintf("; %s needs at least %d", metric, need)
	if real >= 0 {
		f.Message += " of each"
	}
	f.Valid = strings.Join(valid, ", or ")
	return f
}

func (e evidence) forDiversity() *FieldError {
	if n := e.spec.Evaluate.SamplesPerClass; n < 2 {
		return &FieldError{Field: fieldSamples, Value: fmt.Sprint(n), Message: e.Metric + " compares two samples of a class", Valid: "at least 2"}
	}
	return nil
}

func (e evidence) forLabelAccuracy() *FieldError {
	if e.classifier == No {
		return &FieldError{Field: FieldClassifier, Message: "is missing, and " + e.Metric + " needs a classifier", Valid: "a file that `tailsweep features train` made"}
	}
	return nil
}

// forCAS requires held-out images: the classifier is trained on the training images and
// tested on the other real ones.
func (e evidence) forCAS() *FieldError {
	if size := e.spec.Dataset.Size; !ClassifierTakes(size) {
		return &FieldError{Field: "dataset.size", Value: fmt.Sprint(size), Message: e.Metric + " trains a classifier, which does not take images of this size", Valid: ClassifierSizes()}
	}
	if !e.allTrained {
		return nil
	}
	return &FieldError{
		Field: e.Field, Value: e.Metric,
		Message: fmt.Sprintf("needs held-out real images, but all images of %s, are trained on", e.group),
		Valid:   "a metric that needs none, or an imbalance that leaves images out, or for an image-folder a dataset.reference of other images",
	}
}

// noLossYet returns a fault where the loss curve, whose first point comes after
// train.log_every steps, has no point at the first rung.
func (s *Spec) noLossYet() *FieldError {
	every, first := s.Train.LogEvery, s.EarlyTerminate.MinIter
	if every <= first {
		return nil
	}
	return &FieldError{
		Field: "train.log_every", Value: fmt.Sprint(every),
		Message: fmt.Sprintf("%s has no point yet at the first rung, early_terminate.min_iter = %d", MetricLoss, first),
		Valid:   fmt.Sprintf("at most %d", first),
	}
}

// pick returns the numbers at these indices.
func pick(numbers, indices []int) []int {
	out := make([]int, len(indices))
	for i, at := range indices {
		out[i] = numbers[at]
	}
	return out
}

func sum(numbers []int) (all int) {
	for _, n := range numbers {
		all += n
	}
	return all
}
