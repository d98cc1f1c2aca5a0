package sweep

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
)

// Imprecise is a metric that the evaluation of a spec measures less precisely than the
// effect that the spec looks for.
type Imprecise struct {
	Metric string  `json:"metric"`
	Field  string  `json:"field"`  // of the spec, that looks for the effect
	Effect float64 `json:"effect"` // as a share of the metric's value
	Within float64 `json:"within"` // expected interval of a difference of two trials, on each side at 95 %, likewise
	// SamplesPerClass would make Within as small as Effect; 0 where no number does, with
	// these real images. RealPerClass is then the real images of each class that would, with
	// as many samples.
	SamplesPerClass int `json:"samples_per_class,omitempty"`
	RealPerClass    int `json:"real_per_class,omitempty"`
}

// String says what is too imprecise, and what would help.
func (p Imprecise) String() string {
	help := fmt.Sprintf("%s: %d would do", fieldSamples, p.SamplesPerClass)
	if p.SamplesPerClass == 0 {
		help = fmt.Sprintf("%s of each class and as many samples would do, or further seeds of the baseline", english.Plural(p.RealPerClass, "real image", ""))
	}
	return fmt.Sprintf("%s looks for a difference of %.2g %% in %s; that of two trials is uncertain by about ±%.2g %%; %s", p.Field, 100*p.Effect, p.Metric, 100*p.Within, help)
}

// publishedEffect is the effect that a sweep looks for in an objective: the losses improved
// the FID of a published model from 5.93 to 5.56 (arXiv 2507.09052, as quoted elsewhere).
const publishedEffect = 0.06

// imprecision is the relative standard error of a family times the root of the number of
// images, as far as it can be known beforehand. That of a share of one half is 1, of
// a larger one less. Those of FID and KID depend on how the samples differ: measured on
// Fashion-MNIST's classifier, with 50 to 400 samples and 100 to 400 real images of each
// class that were blurred, darkened or noisy, FID had 0.5 to 1.7 and KID 0.5 to 3.1
// (docs/evaluation.md).
var imprecision = map[string]float64{
	FamilyFID: 1, FamilyKID: 2, FamilyPrecision: 1, FamilyRecall: 1, FamilyCoverage: 1, FamilyLabelAccuracy: 1,
}

// Imprecisions returns the metrics whose interval is expected to be wider than the effect
// that s looks for: in a constraint relative to the baseline's value of the same metric what
// it allows, in an objective publishedEffect, the smaller one of a metric in both. With N images the interval of a difference of
// two trials is
//
//	1.96 sqrt(2) c / sqrt(N),  1/N = 1/samples + 1/real
//
// of the value, c of imprecision, and real the effective number of real images. Where the
// baseline or a configuration has several seeds, differences are on the same real images
// (analysis.Limits), and samples alone count.
func (s *Spec) Imprecisions(f Facts) []Imprecise {
	var found []Imprecise
	add := func(metric, field string, effect float64) {
		p, ok := s.imprecise(metric, f, effect)
		if p.Field = field; effect <= 0 || !ok {
			return
		}
		at := slices.IndexFunc(found, func(p Imprecise) bool { return p.Metric == metric })
		switch {
		case at < 0:
			found = append(found, p)
		case effect < found[at].Effect:
			found[at] = p
		}
	}
	for i, c := range s.Constraints {
		if c.Metric == c.Baseline {
			add(c.Metric, fmt.Sprintf("constraints[%d]", i), c.allows())
		}
	}
	for i, o := range s.Metrics {
		add(o.Name, fmt.Sprintf("metrics[%d]", i), publishedEffect)
	}
	return found
}

// allows is the difference from the baseline that a constraint allows, as a share of the
// metric's value; of an offset it is known for shares only, at a half.
func (c Constraint) allows() float64 {
	info, _ := LookupMetric(c.Metric)
	factor, offset := c.Factor-1, c.Offset
	if c.Op == ">=" {
		factor, offset = -factor, -offset
	}
	switch {
	case info.Unit == "ratio":
		return factor + 2*offset
	case offset != 0:
		return 0
	}
	return factor
}

// imprecise compares a metric's expected interval with an effect; ok is false where it is
// narrow enough or not known.
func (s *Spec) imprecise(metric string, f Facts, effect float64) (p Imprecise, ok bool) {
	name, _, _ := strings.Cut(metric, ".")
	family, _ := find(families, func(f MetricFamily) bool { return f.Name == name })
	c, known := imprecision[name]
	classes := s.classesOf(metric, f)
	if len(classes) == 0 || !known || !s.Measured(metric) {
		return p, false
	}
	real := math.Inf(1)
	paired := s.Repeats != nil || s.Baseline != nil && len(s.Baseline.Seeds) > 1
	if f.Real != nil && name != FamilyLabelAccuracy {
		if !strings.HasPrefix(metric, FIDClass) {
			classes = slices.DeleteFunc(classes, func(c int) bool { return f.Real[c] < family.class.real })
		}
		for _, part := range partsOf(f.Real, classes, len(s.Evaluate.Guidance)) {
			if n := effective(part); n > 0 && !paired {
				real = min(real, n)
			}
		}
	}
	n := float64(len(classes))
	if n == 0 {
		return p, false // it is refused
	}
	within := func(samples float64) float64 {
		return Deviations95 * math.Sqrt2 * c * math.Sqrt(1/(samples*n)+1/real)
	}
	p = Imprecise{Metric: metric, Effect: effect, Within: within(float64(s.Evaluate.SamplesPerClass))}
	if p.Within <= effect {
		return p, false
	}
	deviations := Deviations95 * c / effect
	need := 2 * deviations * deviations // N
	if real > need {
		p.SamplesPerClass = int(math.Ceil(1 / (1/need - 1/real) / n))
	} else {
		p.RealPerClass = int(math.Ceil(2 * need / n))
	}
	return p, true
}

// classesOf returns the classes of a metric, none where they are not known.
func (s *Spec) classesOf(metric string, f Facts) []int {
	_, group, _ := strings.Cut(metric, ".")
	switch {
	case strings.HasPrefix(metric, FIDClass):
		if at := slices.Index(ClassMetrics(f.Classes), metric); at >= 0 {
			return []int{at}
		}
	case f.Groups != nil:
		return slices.Clone(f.Groups.Classes(group))
	case group == GroupAll:
		return indices(s.Dataset.Classes())
	}
	return nil
}
