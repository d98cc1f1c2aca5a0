package sweep

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// With c = 1 an interval of a difference of 10 % takes 2 * 19.6^2 = 768.3 images.
func TestImprecisions(t *testing.T) {
	groups := ClassGroups{Head: []int{0, 1}, Tail: []int{2}}
	facts := Facts{Classes: []string{"a", "b", "c"}, Groups: &groups, Real: []int{2000, 2000, 300}}
	seeds := &Baseline{Seeds: []int64{1, 2}}
	for name, c := range map[string]struct {
		constraint string
		metric     string
		samples    int
		scales     int
		baseline   *Baseline
		want       []Imprecise
	}{
		"enough":                               {"fid.head <= baseline.fid.head * 1.1", "loss", 500, 1, nil, nil},
		"too few samples":                      {"fid.head <= baseline.fid.head * 1.1", "loss", 100, 1, nil, []Imprecise{{"fid.head", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./200+1./4000), 476, 0}}},
		"seeds of the baseline: samples alone": {"fid.head <= baseline.fid.head * 1.1", "loss", 100, 1, seeds, []Imprecise{{"fid.head", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./200), 385, 0}}},
		"KID is twice as uncertain":            {"kid.head <= baseline.kid.head * 1.2", "loss", 100, 1, seeds, []Imprecise{{"kid.head", "constraints[0]", 0.2, 2 * 2.7719 * math.Sqrt(1./200), 385, 0}}},
		"too few real images":                  {"fid.tail <= baseline.fid.tail * 1.1", "loss", 10_000, 1, nil, []Imprecise{{"fid.tail", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./10_000+1./300), 0, 1537}}},
		"halves of them":                       {"fid.head <= baseline.fid.head * 1.1", "loss", 500, 2, nil, []Imprecise{{"fid.head", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./1000+1./2000), 624, 0}}},
		"a share and an offset, at a half":     {"coverage.head >= baseline.coverage.head - 0.05", "loss", 100, 1, seeds, []Imprecise{{"coverage.head", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./200), 385, 0}}},
		"an offset of a distance is unknown":   {"kid.head <= baseline.kid.head + 0.5", "loss", 10, 1, nil, nil},
		"no worse than the baseline":           {"fid.head <= baseline.fid.head", "loss", 10, 1, nil, nil},
		"a number":                             {"fid.head <= 20", "loss", 10, 1, nil, nil},
		"an objective":                         {"loss <= 1", "fid.head", 500, 1, seeds, []Imprecise{{"fid.head", "metrics[0]", 0.06, 2.7719 * math.Sqrt(1./1000), 1068, 0}}},
		"the smaller effect of a metric":       {"fid.head <= baseline.fid.head * 1.1", "fid.head", 100, 1, seeds, []Imprecise{{"fid.head", "metrics[0]", 0.06, 2.7719 * math.Sqrt(1./200), 1068, 0}}},
		"one class":                            {"loss <= 1", "fid.class.c", 500, 1, seeds, []Imprecise{{"fid.class.c", "metrics[0]", 0.06, 2.7719 * math.Sqrt(1./500), 2135, 0}}},
		"accuracy has no real images":          {"label_accuracy.tail >= baseline.label_accuracy.tail * 0.9", "loss", 100, 1, nil, []Imprecise{{"label_accuracy.tail", "constraints[0]", 0.1, 2.7719 * math.Sqrt(1./100), 769, 0}}},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ParseConstraint(c.constraint)
			require.NoError(t, err)
			s := Spec{
				Dataset: Dataset{Name: ImageFolder, FolderClasses: 3}, Constraints: []Constraint{k}, Metrics: []Objective{{Name: c.metric, Goal: Minimize}},
				Evaluate: Evaluate{SamplesPerClass: c.samples, Guidance: make([]float64, c.scales)}, Baseline: c.baseline,
			}
			got := s.Imprecisions(facts)
			require.Len(t, got, len(c.want))
			for i, want := range c.want {
				require.InDelta(t, want.Within, got[i].Within, 1e-4)
				got[i].Within, want.Within = 0, 0
				require.InDelta(t, want.Effect, got[i].Effect, 1e-9)
				got[i].Effect, want.Effect = 0, 0
				require.Equal(t, want, got[i])
				if n := got[i].SamplesPerClass; n > 0 {
					s.Evaluate.SamplesPerClass = n
					require.Empty(t, s.Imprecisions(facts), "as many samples do")
					s.Evaluate.SamplesPerClass = n - 1
					require.NotEmpty(t, s.Imprecisions(facts), "fewer do not")
				}
			}
		})
	}
	p := Imprecise{"fid.head", "constraints[0]", 0.02, 0.0412, 6403, 0}
	require.Equal(t, "constraints[0] looks for a difference of 2 % in fid.head; that of two trials is uncertain by about ±4.1 %; evaluate.samples_per_class: 6403 would do", p.String())
	p.SamplesPerClass, p.RealPerClass = 0, 800
	require.Contains(t, p.String(), "; 800 real images of each class and as many samples would do, or further seeds of the baseline")
}
