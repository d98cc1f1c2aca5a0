package sweep

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// An evaluation, and a trial that embeds it, has one flat JSON form.
func TestEvaluationIsInlineInJSON(t *testing.T) {
	e := Evaluation{Metrics: map[string]float64{"fid.tail": 2}, Guidance: 1.5, Samples: 7, Real: 9, Grid: "grid.png"}
	trial := Trial{Status: StatusCompleted, Evaluation: e, Losses: Losses{LossFirst: new(1.0)}}
	data, err := json.Marshal(trial)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	require.Equal(t, 1.5, fields["guidance"])
	require.Equal(t, 1.0, fields["loss_first"])
	require.NotContains(t, fields, "loss_last", "a loss that was not measured is not 0")
	var back Trial
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, trial, back)
}

func TestFiniteDropsWhatJSONCannotCarry(t *testing.T) {
	e := Evaluation{Metrics: map[string]float64{"fid.tail": math.NaN(), "fid.head": 2}, Floor: map[string]float64{"fid.all": math.Inf(1)}, FloorError: map[string]float64{"fid.all": math.NaN()}}
	require.Equal(t, Evaluation{Metrics: map[string]float64{"fid.head": 2}, Floor: map[string]float64{}, FloorError: map[string]float64{}}, e.Finite())
	require.Contains(t, e.Metrics, "fid.tail", "the receiver is left alone")
	require.Equal(t, Losses{LossLast: new(0.5)}, Losses{LossFirst: new(math.NaN()), LossLast: new(0.5)}.Finite())
	require.False(t, CurvePoint{Loss: 1, Terms: map[string]float64{TermCORAL: math.Inf(-1)}}.IsFinite())
	require.True(t, CurvePoint{Loss: 1, Groups: map[string]float64{GroupTail: 3}}.IsFinite())
}

func TestAPointOfTheCurveWithoutALossIsNotRead(t *testing.T) {
	for _, bad := range []string{
		`{"step":1,"loss":null,"ddpm":1}`, `{"step":1,"loss":1,"ddpm":null}`, `{"step":1,"ddpm":1}`, `null`,
		`{"step":1,"loss":1,"ddpm":1,"terms":{"coral":null}}`, `{"step":1,"loss":1,"ddpm":1,"groups":{"tail":null}}`, `{"step":1,"loss":"1","ddpm":1}`,
	} {
		require.Error(t, json.Unmarshal([]byte(bad), new(CurvePoint)), bad)
	}
	want := CurvePoint{Step: 1, Loss: 0, DDPM: 2, Terms: map[string]float64{TermCORAL: 3}, Groups: map[string]float64{GroupTail: 4}}
	data, err := json.Marshal(want)
	require.NoError(t, err)
	var got CurvePoint
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, want, got)
	require.NoError(t, json.Unmarshal([]byte(`{"step":2,"loss":1}`), &got), "of a program, which has no DDPM loss")
}

func TestMissingNamesWhatTheSpecAsksFor(t *testing.T) {
	spec := &Spec{
		Metrics:     []Objective{{Name: "fid.tail"}, {Name: MetricLoss}, {Name: "cas.all"}},
		Constraints: []Constraint{{Metric: "kid.head"}},
	}
	require.Equal(t, []string{"cas.all", "kid.head"}, Evaluation{Metrics: map[string]float64{"fid.tail": 1}}.Missing(spec))
	require.Empty(t, Evaluation{Metrics: map[string]float64{"fid.tail": 1, "cas.all": 1, "kid.head": 1}}.Missing(spec))
}
