package report

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// titles are the titles of figures, and of those without a line of a class.
func titles(figures []figure, class string) (all, without []string) {
	for _, f := range figures {
		all = append(all, f.Title)
		if !strings.Contains(classes(f), class) {
			without = append(without, f.Title)
		}
	}
	return all, without
}

func classes(f figure) string {
	var out []string
	for _, s := range f.Shapes {
		out = append(out, s.Class)
	}
	return strings.Join(out, ", ")
}

func TestPanelsShowTheBestTrialAndTheBaseline(t *testing.T) {
	in := fixture(t, 9)
	s := newStudy(in.Spec, in.Trials)
	ddpm, terms, legend := panels(s, in.Curves)
	all, without := titles(ddpm, "line best")
	require.Equal(t, []string{"ddpm, all classes", "ddpm, head", "ddpm, medium", "ddpm, tail"}, all)
	require.Empty(t, without)
	for _, f := range ddpm {
		require.Equal(t, "line baseline, line baseline, line baseline, line best", classes(f), "three seeds, the best on top")
		require.Equal(t, ddpm[0].XTicks, f.XTicks)
		require.Equal(t, ddpm[0].YTicks, f.YTicks, "one axis, so that groups can be compared")
	}
	all, without = titles(terms, "line baseline")
	require.Equal(t, []string{"infonce", "alignment"}, all)
	require.Equal(t, all, without, "plain DDPM has no other term")
	require.Len(t, legend, 2)
}

// Each value is drawn at its pixel.
func TestPanelsDrawTheValues(t *testing.T) {
	in := fixture(t, 0)
	in.Trials = in.Trials[:1]
	in.Curves = map[int][]sweep.CurvePoint{0: {
		{Step: 10, DDPM: 1, Groups: map[string]float64{sweep.GroupTail: 2}},
		{Step: 20, DDPM: .5},
		{Step: 30, DDPM: .25, Groups: map[string]float64{sweep.GroupTail: .25}},
	}}
	ddpm, terms, _ := panels(newStudy(in.Spec, in.Trials), in.Curves)
	require.Empty(t, terms)
	all, _ := titles(ddpm, "")
	require.Equal(t, []string{"ddpm, all classes", "ddpm, tail"}, all, "no point has the other groups")
	x, y := panelFrame.x([]float64{10, 30}), panelFrame.y([]float64{.25, 2}, true)
	line := func(points ...point) string {
		for i, p := range points {
			points[i] = point{x.at(p[0]), y.at(p[1])}
		}
		return polyline(points)
	}
	require.Equal(t, line(point{10, 1}, point{20, .5}, point{30, .25}), ddpm[0].Shapes[0].Path)
	require.Equal(t, line(point{10, 2}, point{30, .25}), ddpm[1].Shapes[0].Path)
}

func TestAverageKeepsTheMean(t *testing.T) {
	var points []point
	var sum float64
	for i := range 120 {
		v := math.Sin(float64(i))
		points, sum = append(points, point{float64(i), v}), sum+v
	}
	few := average(points, 60)
	require.Len(t, few, 60)
	require.InDelta(t, .5, few[0][0], 1e-12)
	require.InDelta(t, 118.5, few[59][0], 1e-12)
	var mean float64
	for _, p := range few {
		mean += p[1] / 60
	}
	require.InDelta(t, sum/120, mean, 1e-12)
	require.Equal(t, points[:7], average(points[:7], 7))
	require.Len(t, average(points[:61], 60), 60, "none empty")
	for _, p := range average(points[:61], 60) {
		require.False(t, math.IsNaN(p[0]))
	}
}
