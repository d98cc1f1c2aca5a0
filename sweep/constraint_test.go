package sweep

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConstraintReadsBack(t *testing.T) {
	for text, want := range map[string]Constraint{
		"loss <= 1e-3": {Metric: "loss", Op: "<=", Offset: 1e-3},
		"label_accuracy.all  >=  baseline.label_accuracy.all": {Metric: "label_accuracy.all", Op: ">=", Baseline: "label_accuracy.all", Factor: 1},
		"fid.head <= baseline.fid.head * 1.02":                {Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 1.02},
		"fid.head <= baseline.fid.tail + 2":                   {Metric: "fid.head", Op: "<=", Baseline: "fid.tail", Factor: 1, Offset: 2},
		"fid.head <= baseline.fid.head * 0.5 - 2":             {Metric: "fid.head", Op: "<=", Baseline: "fid.head", Factor: 0.5, Offset: -2},
	} {
		got, err := ParseConstraint(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
		data, err := json.Marshal(got)
		require.NoError(t, err)
		var again Constraint
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, want, again)
	}
	for _, text := range []string{
		"", "loss <=", "loss<=1", "loss < 1", "loss <= much", "loss <= 1 + 1", "loss <= baseline.loss * x", "loss <= baseline.loss 1.02",
		"loss <= baseline.loss + 1 * 2", "loss <= baseline.loss *", "loss <= .inf", "loss <= baseline.",
	} {
		_, err := ParseConstraint(text)
		require.Errorf(t, err, "%q", text)
	}
}

func FuzzConstraint(f *testing.F) {
	f.Add("fid.head <= baseline.fid.head * 1.02 - 0.5")
	f.Add("loss >= -1e-3")
	f.Add("0 <= baseline.")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseConstraint(text)
		if err != nil {
			return
		}
		again, err := ParseConstraint(c.String())
		require.NoErrorf(t, err, "%q from %q", c, text)
		require.Equal(t, c, again)
	})
}
