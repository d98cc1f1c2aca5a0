package sweep

import "math"

// MetricInfo describes one entry of the closed list of metrics.
type MetricInfo struct {
	Name  string
	Goal  Goal   // which way is better
	Unit  string // ratio, seconds, ...; "" for a number without one
	Group string // GroupAll, GroupHead, ...; "" for a metric of the whole trial
	About string // one sentence
}

// The names of the metrics that have no group.
const (
	MetricLoss           = "loss"
	MetricStepsPerSecond = "steps_per_second"
)

// The families of metrics that exist once a group: "fid.tail".
const (
	FamilyFID           = "fid"
	FamilyLabelAccuracy = "label_accuracy"
)

// FeatureDims is the length of the feature vector that FID is taken on. A group's
// FID needs at least 2*FeatureDims samples: below that its covariance says little.
const FeatureDims = 64

// MetricList is the closed list of metrics, in the order that people want to read them.
func MetricList() []MetricInfo {
	var list []MetricInfo
	groups := []struct{ name, about string }{
		{GroupAll, "all classes"},
		{GroupHead, "the most frequent third of the classes"},
		{GroupMedium, "the middle third of the classes"},
		{GroupTail, "the rarest third of the classes"},
	}
	for _, g := range groups {
		list = append(list, MetricInfo{Name: FamilyFID + "." + g.name, Goal: Minimize, Group: g.name,
			About: "Fréchet distance between the pooled features of samples and of balanced real images, over " + g.about + "."})
	}
	for _, g := range groups {
		list = append(list, MetricInfo{Name: FamilyLabelAccuracy + "." + g.name, Goal: Maximize, Unit: "ratio", Group: g.name,
			About: "Share of samples that a classifier sees as the class they were asked for, over " + g.about + "."})
	}
	return append(list,
		MetricInfo{Name: MetricLoss, Goal: Minimize, About: "Mean training loss over the last tenth of the curve."},
		MetricInfo{Name: MetricStepsPerSecond, Goal: Maximize, Unit: "steps per second", About: "Training steps over the seconds spent in training, restarts included."},
	)
}

// LookupMetric finds a metric of the closed list.
func LookupMetric(name string) (MetricInfo, bool) {
	for _, m := range MetricList() {
		if m.Name == name {
			return m, true
		}
	}
	return MetricInfo{}, false
}

// Metric returns the trial's value of a metric of the closed list, and whether it
// has one: it completed, and the value is finite.
func (t Trial) Metric(name string) (float64, bool) {
	if t.Status != StatusCompleted {
		return 0, false
	}
	value, ok := t.Metrics[name]
	if !ok {
		switch {
		case name == MetricLoss:
			value, ok = t.LossLast, true
		case name == MetricStepsPerSecond && t.TrainTime > 0:
			value, ok = float64(t.Steps)/t.TrainTime, true
		}
	}
	if !ok || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, false
	}
	return value, true
}
