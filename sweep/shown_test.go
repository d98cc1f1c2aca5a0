package sweep_test

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// fashion is a spec of the built-in dataset with an exponential tail.
func fashion(samples int) *sweep.Spec {
	return &sweep.Spec{
		Dataset:  sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}},
		Evaluate: sweep.Evaluate{SamplesPerClass: samples, Guidance: []float64{1}},
	}
}

func TestHeadAndTailAndShownMetrics(t *testing.T) {
	objectives := func(names ...string) (list []sweep.Objective) {
		for _, name := range names {
			info, ok := sweep.LookupMetric(name)
			require.True(t, ok, name)
			list = append(list, sweep.Objective{Name: name, Goal: info.Goal})
		}
		return list
	}
	for name, c := range map[string]struct {
		metrics     []string
		constraints []string
		samples     int
		head, tail  string
		shown       []string
	}{
		"head before tail":            {metrics: []string{"fid.tail", "fid.head"}, head: "fid.head", tail: "fid.tail", shown: []string{"fid.head", "fid.tail"}},
		"of two families":             {metrics: []string{"kid.tail", "coverage.head"}, head: "coverage.head", tail: "kid.tail", shown: []string{"coverage.head", "kid.tail"}},
		"the first of a group":        {metrics: []string{"kid.tail", "fid.tail", "recall.head", "kid.head"}, head: "recall.head", tail: "kid.tail", shown: []string{"recall.head", "kid.tail", "fid.tail", "kid.head"}},
		"of a constraint":             {metrics: []string{"kid.tail"}, constraints: []string{"coverage.head >= 0.5"}, head: "coverage.head", tail: "kid.tail", shown: []string{"coverage.head", "kid.tail"}},
		"the family of the other":     {metrics: []string{"kid.all", "coverage.tail"}, head: "coverage.head", tail: "coverage.tail", shown: []string{"coverage.head", "coverage.tail", "kid.all"}},
		"the family of all":           {metrics: []string{"kid.all"}, head: "kid.head", tail: "kid.tail", shown: []string{"kid.all", "kid.head", "kid.tail"}},
		"no group":                    {metrics: []string{"loss"}, head: "fid.head", tail: "fid.tail", shown: []string{"loss", "fid.head", "fid.tail"}},
		"too few samples for FID":     {metrics: []string{"loss"}, samples: 10, head: "kid.head", tail: "kid.tail", shown: []string{"loss", "kid.head", "kid.tail"}},
		"a class is not a group":      {metrics: []string{"fid.class.tail"}, head: "fid.head", tail: "fid.tail", shown: []string{"fid.class.tail", "fid.head", "fid.tail"}},
		"the direction of the metric": {metrics: []string{"recall.all"}, head: "recall.head", tail: "recall.tail", shown: []string{"recall.all", "recall.head", "recall.tail"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := fashion(cmp.Or(c.samples, 100))
			spec.Metrics = objectives(c.metrics...)
			for _, text := range c.constraints {
				parsed, err := sweep.ParseConstraint(text)
				require.NoError(t, err)
				spec.Constraints = append(spec.Constraints, parsed)
			}
			head, tail := spec.HeadAndTail()
			require.Equal(t, objectives(c.head, c.tail), []sweep.Objective{head, tail})
			require.Equal(t, c.shown, spec.ShownMetrics())
		})
	}
}

// Without a class in a group there is nothing to show of it.
func TestHeadAndTailOfGroupsThatDoNotExist(t *testing.T) {
	spec := fashion(100)
	spec.Metrics = []sweep.Objective{{Name: sweep.MetricLoss, Goal: sweep.Minimize}}
	spec.Dataset.Groups = &sweep.Grouping{By: sweep.GroupsByShots, Many: 100, Few: 1}
	head, tail := spec.HeadAndTail()
	require.Equal(t, "fid.head", head.Name)
	require.Zero(t, tail)
	require.Equal(t, []string{"loss", "fid.head"}, spec.ShownMetrics())
}

// A metric of training is a value of a trial where the spec names it.
func TestValues(t *testing.T) {
	trial := sweep.Trial{Status: sweep.StatusCompleted, Losses: sweep.Losses{LossLast: new(0.25)}, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"kid.tail": 3}}}
	spec := &sweep.Spec{Metrics: []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}}}
	require.Equal(t, map[string]float64{"kid.tail": 3}, spec.Values(trial))
	spec.Metrics = append(spec.Metrics, sweep.Objective{Name: sweep.MetricLoss, Goal: sweep.Minimize})
	require.Equal(t, map[string]float64{"kid.tail": 3, "loss": 0.25}, spec.Values(trial))
	require.Len(t, trial.Metrics, 1, "the trial is unchanged")
	trial.Metrics = nil
	require.Equal(t, map[string]float64{"loss": 0.25}, spec.Values(trial))
}
