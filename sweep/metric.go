package sweep

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// MetricInfo describes one entry of the closed list of metrics.
type MetricInfo struct {
	Name  string `json:"name"`
	Goal  Goal   `json:"goal"`            // which way is better
	Unit  string `json:"unit,omitempty"`  // ratio, seconds, ...; "" for a number without one
	Group string `json:"group,omitempty"` // GroupAll, GroupHead, ...; "" for a metric of the trial
	About string `json:"about"`           // one sentence
}

// The names of the metrics that have no group.
const (
	MetricLoss           = "loss"
	MetricStepsPerSecond = "steps_per_second"
)

// The families of metrics. Each family has a metric for each group: "fid.tail".
const (
	FamilyFID            = "fid"
	FamilyKID            = "kid"
	FamilyPrecision      = "precision"
	FamilyRecall         = "recall"
	FamilyDensity        = "density"
	FamilyCoverage       = "coverage"
	FamilyDiversity      = "diversity"
	FamilyLabelAccuracy  = "label_accuracy"
	FamilyMemorisedRatio = "memorised_ratio"
	FamilyCAS            = "cas"
)

// FIDClass comes before the name of a class: "fid.class.bag" is the FID of one.
const FIDClass = FamilyFID + ".class."

// ClassMetrics returns the name of each class's FID, in class order: FIDClass and the
// class's name, in which everything but letters and digits of any script, '-' and
// '_' becomes '_'. Equal names get the number of their class appended, so that each
// is unique: those of classes 0, "a b", and 1, "a_b", end in a_b-0 and a_b-1.
func ClassMetrics(classes []string) []string {
	names, times := make([]string, len(classes)), map[string]int{}
	for i, class := range classes {
		names[i] = FIDClass + metricWord(class)
		times[names[i]]++
	}
	for numbered := true; numbered; { // a numbered name may be that of another class
		numbered = false
		for i, name := range names {
			if times[name] < 2 {
				continue
			}
			numbered = true
			names[i] = name + "-" + strconv.Itoa(i)
			times[names[i]]++
		}
	}
	return names
}

// metricWord makes a class's name a part of a metric's. The name is normalised, since
// file systems store accents in two ways.
func metricWord(class string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '-' {
			return r
		}
		return '_'
	}, norm.NFC.String(class))
}

// FeatureDims is the length of the built-in classifier's feature vector. A FID needs at
// least twice as many samples as its features have dimensions, since the covariance of
// fewer is too uncertain.
const FeatureDims = 64

// MetricFamily is one entry of the closed list of families. A family has one metric for
// each group, such as "fid.tail". Its computation is a file of trainer/evaluate.
type MetricFamily struct {
	Name  string
	Goal  Goal   // which way is better
	Unit  string // ratio, ...; "" for a number without one
	About string // one sentence, without the group at its end
	// needs returns why evidence is not enough to measure the family, or nil. It is nil
	// where nothing is needed.
	needs func(evidence) *FieldError
	class least // what a class needs to take part in the metric of a group
}

// least is a number of real images and of samples of one class.
type least struct{ real, samples int }

// The classes that take part. Real images are halved for the floor and for a list of
// guidance scales, and the same classes take part in each half: with two images, which
// make a pair, or with 2 x Neighbours, among which as many are neighbours as are not.
var (
	pairs      = least{real: 4, samples: 2}
	neighbours = least{real: 4 * Neighbours, samples: 2 * Neighbours}
)

// families is the closed list, in the order in which metrics are shown.
var families = []MetricFamily{
	{FamilyFID, Minimize, "", "Fréchet distance between the features of samples and of real images, each class with the same weight, over ", evidence.forFID, least{real: pairs.real}},
	{FamilyKID, Minimize, "", "Kernel distance between the features of samples and of real images, each class with the same weight, over ", evidence.takesPart, pairs},
	{FamilyPrecision, Maximize, "ratio", "Share of samples that are closer to some real image of their class than its 3rd nearest other is, over ", evidence.takesPart, neighbours},
	{FamilyRecall, Maximize, "ratio", "Share of real images that are closer to some sample of their class than its 3rd nearest other is, over ", evidence.takesPart, neighbours},
	{FamilyDensity, Maximize, "", "Mean number of real images of a sample's class whose ball of 5 nearest neighbours contains it, divided by 5, over ", evidence.takesPart, neighbours},
	{FamilyCoverage, Maximize, "ratio", "Share of real images that have a sample of their class among their 5 nearest neighbours, over ", evidence.takesPart, neighbours},
	{FamilyDiversity, Maximize, "", "Mean feature distance of two samples of a class, over ", evidence.forDiversity, least{}},
	{FamilyLabelAccuracy, Maximize, "ratio", "Share of samples that a classifier assigns to the class they were sampled for, over ", evidence.forLabelAccuracy, least{}},
	{FamilyMemorisedRatio, Minimize, "ratio", "Share of samples whose distance to the nearest training image is less than a third of that to the second nearest, over ", nil, least{}},
	{FamilyCAS, Maximize, "ratio", "Accuracy, on real images that were not trained on, of a classifier trained on training images and samples, over ", evidence.forCAS, least{}},
}

// MetricFamilies is the closed list of families, in the order in which metrics are
// shown.
func MetricFamilies() []MetricFamily { return slices.Clone(families) }

// MetricList is the closed list of metrics, in the order in which they are shown.
func MetricList() []MetricInfo {
	var list []MetricInfo
	groups := []struct{ name, about string }{
		{GroupAll, "all classes"},
		{GroupHead, "the head classes, the most frequent third unless dataset.groups says otherwise"},
		{GroupMedium, "the medium classes"},
		{GroupTail, "the tail classes, the rarest third unless dataset.groups says otherwise"},
	}
	for _, family := range families {
		for _, g := range groups {
			list = append(list, MetricInfo{Name: family.Name + "." + g.name, Goal: family.Goal, Unit: family.Unit, Group: g.name, About: family.About + g.about + "."})
		}
	}
	return append(list,
		MetricInfo{Name: MetricLoss, Goal: Minimize, About: "Mean training loss over the last tenth of the curve."},
		MetricInfo{Name: MetricStepsPerSecond, Goal: Maximize, Unit: "steps per second", About: "Training steps over the seconds spent in training, restarts included."},
	)
}

// MetricWords writes the closed list in short.
func MetricWords() string {
	var names []string
	for _, family := range families {
		names = append(names, family.Name)
	}
	return "{" + strings.Join(names, ", ") + "}.{all, head, medium, tail}, " + FIDClass + "CLASS, " + MetricLoss + ", " + MetricStepsPerSecond
}

// LookupMetric finds a metric of the closed list, or a class's FID. It does not check
// that the dataset has the class.
func LookupMetric(name string) (MetricInfo, bool) {
	if m, ok := find(MetricList(), func(m MetricInfo) bool { return m.Name == name }); ok {
		return m, true
	}
	if class, ok := strings.CutPrefix(name, FIDClass); ok && class != "" && metricWord(class) == class {
		return MetricInfo{Name: name, Goal: Minimize, About: "Fréchet distance between the features of samples and of real images of one class."}, true
	}
	return MetricInfo{}, false
}

// MetricNames returns the names of metrics in the order in which they are shown: that
// of MetricList, then the others, of classes and of programs, by name.
func MetricNames(metrics map[string]float64) []string {
	var names []string
	for _, m := range MetricList() {
		if _, ok := metrics[m.Name]; ok {
			names = append(names, m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Evaluated reports whether a metric comes from an evaluation, not from training.
func Evaluated(name string) bool {
	_, known := LookupMetric(name)
	return known && name != MetricLoss && name != MetricStepsPerSecond
}

// Metric returns the trial's value of a metric, and whether it has one: only a completed
// trial does, and the value is finite.
func (t Trial) Metric(name string) (float64, bool) {
	if t.Status != StatusCompleted {
		return 0, false
	}
	value, ok := t.Metrics[name]
	if !ok {
		switch {
		case name == MetricLoss && t.LossLast != nil:
			value, ok = *t.LossLast, true
		case name == MetricStepsPerSecond && t.TrainTime > 0:
			value, ok = float64(t.Steps)/t.TrainTime, true
		}
	}
	if !ok || !IsFinite(value) {
		return 0, false
	}
	return value, true
}
