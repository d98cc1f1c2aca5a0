package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// comparison is one line of the table of the best trial against the baseline.
type comparison struct {
	Metric, Better              string // Better: "lower", "higher (ratio)"
	Best, Baseline, Range, Diff string
	Word, Class                 string // of rate
	Floor                       string
}

// Comparisons lists the metrics of the best trial next to the baseline's.
func (p page) Comparisons() (out []comparison) {
	best := p.Best()
	if best == nil {
		return nil
	}
	for _, name := range p.Metrics() {
		v, ok := p.best(name)
		if !ok {
			continue
		}
		better := p.Spec.Goal(name).Better()
		if info, _ := p.Spec.Metric(name); info.Unit != "" {
			better += " (" + info.Unit + ")"
		}
		c := comparison{Metric: name, Better: better, Best: num(v), Baseline: absent, Diff: absent, Floor: absent}
		if within, ok := best.Within(name); ok {
			c.Best += fmt.Sprintf(" ± %.2g", within)
		}
		if f, ok := p.Floor.Floor[name]; ok {
			c.Floor = num(f)
			if within, ok := p.Floor.FloorWithin(name); ok {
				c.Floor += fmt.Sprintf(" ± %.2g", within)
			}
		}
		if b := p.baselineSpread(name); b.N > 0 && !p.isBaseline(*best) {
			c.Baseline, c.Diff = num(b.Mean), signed(difference(v, b.Mean))
			if b.N > 1 {
				c.Range = fmt.Sprintf("%s to %s", num(b.Min), num(b.Max))
			}
			d := p.versusBaseline(name)
			if d.StdDev > 0 {
				c.Diff += fmt.Sprintf(" ± %.2g", analysis.Decisive*d.StdDev)
			}
			c.Word, c.Class = rate(p.isLower(name), difference(v, b.Mean), d)
		}
		out = append(out, c)
	}
	return out
}

// difference is v - mean, and 0 where only the rounding of a mean is left.
func difference(v, mean float64) float64 {
	if d := v - mean; math.Abs(d) > 1e-9*math.Abs(mean) {
		return d
	}
	return 0
}

// versusBaseline is analysis.Difference of the best trial.
func (s study) versusBaseline(metric string) sweep.Estimate {
	d, _ := analysis.Difference(s.compared, metric, s.Best().Params.Key())
	return d
}

const indistinct = "not distinguishable"

// rate returns a word and a CSS class for how the best trial compares with the baseline: by
// the values that the table has, and the difference with its standard error.
func rate(lower bool, shown float64, d sweep.Estimate) (word, class string) {
	switch {
	case shown == 0:
		return "equal", "same"
	case d.StdDev == 0:
		return "noise unknown", "same"
	case math.Abs(d.Mean) < analysis.Decisive*d.StdDev:
		return indistinct, "same"
	case (d.Mean < 0) == lower:
		return "better", "good"
	}
	return "worse", "bad"
}

// compareMetrics are the objectives, then the metrics of each group that a trial has.
func compareMetrics(spec *sweep.Spec, trials []sweep.Trial) []string {
	measured := map[string]bool{}
	for _, t := range trials {
		for name := range t.Metrics {
			measured[name] = true
		}
	}
	var out []string
	for _, o := range spec.Metrics {
		out = append(out, o.Name)
	}
	for _, name := range spec.FreeMetrics() { // also of constraints
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, m := range sweep.MetricList() {
		if m.Group != "" && measured[m.Name] && !slices.Contains(out, m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// Summary says what the sweep found, in three sentences at most.
func (s study) Summary() string {
	text := s.found()
	if best := s.Best(); best != nil {
		if f := s.feasible[best.Number]; f != "" {
			text += " By the constraints it is " + f.OfBest() + "."
		}
	}
	return text
}

func (s study) found() string {
	best, first := s.Best(), s.spec.Metrics[0]
	if best == nil {
		if text := analysis.GatedText(s.spec, s.trials, ""); text != "" {
			return "No trial is the best: " + text + "."
		}
		return fmt.Sprintf("No trial has completed with a value of %s yet, so there is nothing to compare.", first.Name)
	}
	value, _ := s.best(first.Name)
	base, named := s.baselineSpread(first.Name), first.Name
	if means := s.Means(*best); means != "" {
		named += " (" + means + ")"
	}
	switch {
	case base.N == 0:
		return fmt.Sprintf("Trial %d has the best %s, %s. No plain baseline has completed, so this page cannot say whether the search helped.",
			best.Number, named, num(value))
	case s.isBaseline(*best):
		return fmt.Sprintf("The baseline itself, trial %d, has the best %s: %s. No other configuration of this sweep is better.",
			best.Number, named, num(value))
	}
	text := fmt.Sprintf("Trial %d has the best %s: %s, against %s of the baseline (%s).",
		best.Number, named, num(value), num(base.Mean), s.change(first.Name, value))
	if other := s.otherSide(); other != "" {
		if v, ok := s.best(other); ok && s.baselineSpread(other).N > 0 {
			text += fmt.Sprintf(" Its %s is %s, against %s (%s).", other, num(v), num(s.baselineSpread(other).Mean), s.change(other, v))
		}
	}
	return text
}

// otherSide is the metric that a gain in the first one may have cost: that of the head for
// that of the tail, else that of the tail.
func (s study) otherSide() string {
	if s.spec.Metrics[0].Name == s.tail.Name {
		return s.head.Name
	}
	return s.tail.Name
}

// change is how a value of the best trial compares with the baseline.
func (s study) change(metric string, v float64) string {
	mean := s.baselineSpread(metric).Mean
	text := change(v, mean)
	if word, _ := rate(s.isLower(metric), difference(v, mean), s.versusBaseline(metric)); word == indistinct {
		text += ", " + word
	}
	return text
}

func change(v, from float64) string {
	switch {
	case v == from:
		return "no change"
	case v < 0 || from <= 0: // an estimate such as KID: it has no percentage
		return "a difference of " + signed(difference(v, from))
	}
	word := "higher"
	if v < from {
		word = "lower"
	}
	return fmt.Sprintf("%.1f %% %s", 100*math.Abs(v/from-1), word)
}

// Caveats are what a reader must know before quoting a number.
func (p page) Caveats() (out []string) {
	if p.Progress.EndedAt == nil && p.Progress.Phase != "" {
		out = append(out, "The sweep had not ended when this page was written.")
	}
	switch n, again := len(p.baseline), repeated(p.Trials); {
	case again > 0:
		out = append(out, fmt.Sprintf("%s trained with several seeds, the others with one. %s", english.Plural(again, "searched configuration was", "searched configurations were"), seedsText(p.Spec)))
	case n > 1:
		out = append(out, fmt.Sprintf("Each searched configuration was trained with one seed, the baseline with %d. The list of trials that are as good as the best assumes that every configuration has the noise of the baseline's seeds.", n))
	default:
		out = append(out, "Every configuration was trained with one seed, so a difference between two trials includes the luck of training. No difference here is claimed to be significant: repeat the best trial and the baseline with other seeds first.")
	}
	if k := len(p.ranked); k > 1 {
		text := fmt.Sprintf("The best of %d trials was selected with the same samples that its metrics are computed from, so its metrics are optimistic (the winner's curse).", k)
		if p.Spec.Trainer != nil {
			text = fmt.Sprintf("The best of %d trials was selected by the values that this page shows, so they are optimistic (the winner's curse). A test set that no trial was selected by is not.", k)
		} else if len(p.Spec.Evaluate.Guidance) > 1 {
			text += " Its guidance scale was chosen by other samples and the other half of the real images."
		}
		out = append(out, text)
	}
	if best := p.Best(); best != nil && p.Baseline() != "" {
		otherwise := "over samples and real images"
		if !p.Spec.Evaluates() {
			otherwise = "from the standard errors that the program reports"
		}
		out = append(out, "A difference from the baseline ± its interval of 95 %: over trainings with several seeds where there are any, else "+otherwise+". It is better or worse where the interval does not contain 0.")
	}
	if text := sampleCounts(p.Spec); text != "" {
		out = append(out, text)
	}
	network := "this project's own small classifier. Compare them between trials of this dataset and size, and never with published values, which are of other networks"
	if f := p.Spec.Evaluate.Features; f != nil {
		network = "the network " + cmp.Or(f.Network, "in "+f.Path) + ". Compare them between trials with the same network, dataset and size"
	}
	text := "The metrics of samples are computed from the features of " + network + "."
	if slices.ContainsFunc(p.Metrics(), func(name string) bool { return strings.HasPrefix(name, sweep.FamilyFID+".") }) {
		text += " With few samples FID is biased upwards."
	}
	if p.Spec.Evaluates() {
		out = append(out, text)
	}
	if p.Spec.Trainer != nil && len(p.reported()) > 0 {
		out = append(out, "The program reports "+english.WordSeries(p.reported(), "and")+": what these mean, and on which data they are measured, is its business.")
	}
	if best := p.Best(); best != nil {
		switch {
		case len(best.StandardError) > 0 && p.Spec.Evaluates():
			out = append(out, "A value of the best trial ± what other samples and real images may change it by, at 95 % confidence. Another training is not in it.")
		case len(best.StandardError) > 0:
			out = append(out, "A value of the best trial ± its interval of 95 %, from the standard error that the program reports. Another training is not in it.")
		}
		for _, left := range best.LeftOut {
			out = append(out, "Classes with too few real images are left out of metrics: "+left.String()+".")
		}
	}
	if len(p.Floor.Floor) > 0 {
		out = append(out, "The floor compares one half of the real images with the other. It is a reference value, not a bound: metrics depend on the number of images, and the two sets differ in size.")
	}
	stopped, gated := 0, 0
	for _, t := range p.Trials {
		if t.Status == sweep.StatusStopped {
			stopped++
		}
		if len(t.Gates) > 0 {
			gated++
		}
	}
	if gated > 0 {
		out = append(out, fmt.Sprintf("%s a gate of the spec and %s left out of the ranking.", english.Plural(gated, "trial failed", "trials failed"), english.PluralWord(gated, "is", "are")))
	}
	if stopped > 0 {
		out = append(out, fmt.Sprintf("%s stopped early by early_terminate; the ranking and the figures leave %s out.",
			english.Plural(stopped, "trial was", "trials were"), english.PluralWord(stopped, "it", "them")))
	}
	if lost := len(p.Trials) - len(p.ranked) - stopped - gated; lost > 0 {
		out = append(out, fmt.Sprintf("%s not complete and %s left out of the ranking and the figures; the table lists %s.",
			english.Plural(lost, "trial did", "trials did"), english.PluralWord(lost, "is", "are"), english.PluralWord(lost, "it", "them")))
	}
	return out
}

// reported are the metrics of the spec that come from the program, those of training apart.
func (p page) reported() []string {
	return slices.DeleteFunc(p.Spec.NamedMetrics(), func(name string) bool { return !p.Spec.Reported(name) })
}

// seedsText says what a trial of a configuration with several seeds counts as.
func seedsText(spec *sweep.Spec) string {
	if spec.Repeats == nil {
		return "Without repeats in the spec each trial ranks by its own values."
	}
	return "A configuration ranks by its means over seeds, which the summary, the comparison and the front show; the table of trials and the history show single trials."
}

// sampleCounts says how many generated samples are used for the metrics of each group.
func sampleCounts(spec *sweep.Spec) string {
	groups := spec.Dataset.Facts().Groups
	if groups == nil || spec.Dataset.Classes() == 0 {
		return ""
	}
	var parts []string
	for _, g := range append(sweep.GroupList(), sweep.GroupAll) {
		if n := len(groups.Classes(g)); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", g, n*spec.Evaluate.SamplesPerClass))
		}
	}
	return fmt.Sprintf("Generated samples for each metric: %s (%d a class).",
		strings.Join(parts, ", "), spec.Evaluate.SamplesPerClass)
}

// maxListed is how many trials a sentence names.
const maxListed = 12

// Contest says which trials may be as good as the best, by the noise between seeds.
func (s study) Contest() string {
	c, ok := analysis.NewContest(s.spec, s.trials, "")
	switch {
	case !ok || c.Configurations < 2:
		return ""
	case c.Freedom == 0:
		return "Which trials are as good as the best is unknown: every configuration was trained with one seed."
	}
	noise := fmt.Sprintf("%s varies between seeds of the same configuration by %s (standard deviation, %s).",
		c.Metric, num(c.Noise), english.Plural(c.Freedom, "degree of freedom", "degrees of freedom"))
	among := fmt.Sprintf("of the %s", english.Plural(c.Configurations-1, "other configuration", "other configurations"))
	if len(c.Level) == 0 {
		return fmt.Sprintf("%s None %s is as good as trial %d at 95 %% confidence.", noise, among, c.Best)
	}
	return fmt.Sprintf("%s %d %s %s not distinguishable from trial %d at 95 %% confidence: %s.", noise, len(c.Level), among, english.PluralWord(len(c.Level), "is", "are"), c.Best, text.Numbers(c.Level, maxListed))
}

// repeated counts the searched configurations that were trained with several seeds.
func repeated(trials []sweep.Trial) int {
	first, again := map[string]int64{}, map[string]bool{}
	for _, t := range trials {
		if t.Kind == sweep.KindBaseline || t.Status != sweep.StatusCompleted {
			continue
		}
		key := t.Params.Key()
		if seed, seen := first[key]; !seen {
			first[key] = t.Seed
		} else if seed != t.Seed {
			again[key] = true
		}
	}
	return len(again)
}
