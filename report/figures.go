package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/analysis"
)

// Limits on what is drawn, so that the page of a large sweep stays small.
const (
	maxCurvePoints = 300 // a curve; more are thinned out evenly
	maxFrontLabels = 15
)

// historyFigure shows each result of one objective in order of completion, and
// the best so far. ok is false when no trial has the metric.
func historyFigure(s study, o sweep.Objective) (f figure, ok bool) {
	var shown []sweep.Trial
	var places, values []float64
	for i, t := range s.trials {
		if v, has := t.Metric(o.Name); has {
			shown, places, values = append(shown, t), append(places, float64(i+1)), append(values, v)
		}
	}
	if len(shown) == 0 {
		return figure{}, false
	}
	x, y := figureFrame.x(places), figureFrame.y(values, true)
	best := values[0]
	var steps []point
	f = figure{
		frame: figureFrame,
		Title: o.Name + " by trial", Caption: o.Name, XLabel: "finished trials", YLabel: s.axisLabel(o.Name),
		XTicks: integerTicks(x, places), YTicks: y.ticks(6),
	}
	for i, t := range shown {
		if o.Cost(values[i]) < o.Cost(best) {
			best = values[i]
		}
		steps = append(steps, point{x.at(places[i]), y.at(best)})
		f.Shapes = append(f.Shapes, mark(s, t, x.at(places[i]), y.at(values[i]), nil, o.Name))
	}
	line := shape{Path: stairs(steps), Class: "line best", Tip: "best so far: " + num(best)}
	f.Shapes = append([]shape{line}, f.Shapes...)
	f.Desc = fmt.Sprintf("%d results; the best so far goes from %s to %s.", len(shown), num(values[0]), num(best))
	f.Legend = append([]legendEntry{lineEntry("best", "best so far")}, markLegend(s, false)...)
	return f, true
}

// integerTicks leaves out ticks between whole numbers of trials.
func integerTicks(s scale, values []float64) []tick {
	if values[len(values)-1] > 10 {
		return s.ticks(8)
	}
	var out []tick
	for _, v := range values {
		out = append(out, tick{At: px(s.at(v)), Label: fmt.Sprintf("%.0f", v)})
	}
	return out
}

// Scatter plots head against tail, with the front of trials that no other beats in
// both. It is nil when no trial has both metrics.
func (s study) Scatter() *figure {
	var heads, tails []float64
	var shown []sweep.Trial
	for _, t := range s.plotted() {
		p := s.points[t.Number].Values
		heads, tails = append(heads, p[s.head.Name]), append(tails, p[s.tail.Name])
		shown = append(shown, t)
	}
	if len(shown) == 0 {
		return nil
	}
	x, y := figureFrame.x(heads), figureFrame.y(tails, false)
	f := figure{
		frame: figureFrame,
		Title: s.head.Name + " against " + s.tail.Name, XLabel: s.axisLabel(s.head.Name), YLabel: s.axisLabel(s.tail.Name),
		XTicks: x.ticks(8), YTicks: y.ticks(7),
	}
	var line []point
	onFront := map[int]bool{}
	for _, t := range s.front.Trials {
		p := s.points[t.Number].Values
		line = append(line, point{x.at(p[s.head.Name]), y.at(p[s.tail.Name])})
		onFront[t.Number] = true
	}
	f.Shapes = append(f.Shapes, shape{Path: stairs(line), Class: "line front", Tip: "Pareto front"})
	for i, t := range shown {
		cx, cy := x.at(heads[i]), y.at(tails[i])
		m := mark(s, t, cx, cy, onFront)
		m.Tip += fmt.Sprintf("; %s %s; %s %s", s.head.Name, num(heads[i]), s.tail.Name, num(tails[i]))
		if n := s.points[t.Number].Seeds; s.spec.Repeats != nil {
			m.Tip += "; mean of " + english.Plural(n, "seed", "")
		}
		f.Shapes = append(f.Shapes, m)
		if onFront[t.Number] && len(s.front.Trials) <= maxFrontLabels || s.isBest(t) || s.isBaseline(t) && len(s.baseline) == 1 {
			f.Labels = append(f.Labels, nextTo(cx, cy, fmt.Sprint(t.Number)))
		}
	}
	f.Desc = fmt.Sprintf("%s, %d of them on the front. %s", english.Plural(len(shown), "trial", ""), len(s.front.Trials), s.Corner())
	f.Legend = append([]legendEntry{{Path: "M1 3H12V11H23", Class: "line front", Text: "Pareto front"}}, markLegend(s, true)...)
	return &f
}

// plotted are the trials that have a place in Scatter, in order of completion; with repeats
// one of each configuration, that of the front where there is one.
func (s study) plotted() []sweep.Trial {
	place := map[int]int{}
	for i, t := range s.trials {
		place[t.Number] = i
	}
	candidates := slices.DeleteFunc(slices.Concat(s.front.Trials, s.trials), func(t sweep.Trial) bool {
		_, ok := s.points[t.Number]
		return !ok
	})
	list := analysis.Distinct(s.spec, candidates)
	slices.SortStableFunc(list, func(a, b sweep.Trial) int { return cmp.Compare(place[a.Number], place[b.Number]) })
	return slices.CompactFunc(list, func(a, b sweep.Trial) bool { return a.Number == b.Number })
}

// Corner says where in Scatter the better trials are.
func (s study) Corner() string {
	up, right := "Lower", "left"
	if !s.isLower(s.tail.Name) {
		up = "Higher"
	}
	if !s.isLower(s.head.Name) {
		right = "right"
	}
	return up + " and further " + right + " is better."
}

// nextTo places a label to the upper right of a mark, or to the upper left near the right edge.
func nextTo(x, y float64, text string) label {
	y = max(y-8, figureFrame.Top+10)
	if x > figureFrame.Right-30 {
		return label{X: px(x - 8), Y: px(y), Anchor: "end", Text: text}
	}
	return label{X: px(x + 8), Y: px(y), Anchor: "start", Text: text}
}

// curvesFigure draws the loss of the trials that are shown, the best one and the baseline
// on top. It is nil when none of them has a curve.
func curvesFigure(s study, curves map[int][]sweep.CurvePoint) *figure {
	trials := slices.DeleteFunc(s.shown(), func(t sweep.Trial) bool { return len(curves[t.Number]) == 0 })
	if len(trials) == 0 {
		return nil
	}
	var steps, losses []float64
	for _, t := range trials {
		for _, p := range curves[t.Number] {
			steps, losses = append(steps, float64(p.Step)), append(losses, p.Loss)
		}
	}
	x, y := figureFrame.x(steps), figureFrame.y(losses, true)
	f := &figure{
		frame: figureFrame,
		Title: "Training loss", XLabel: "training steps", YLabel: "loss, all terms",
		XTicks: x.ticks(8), YTicks: y.ticks(8),
		Desc: fmt.Sprintf("Loss of %s over training.", english.Plural(len(trials), "trial", "trials")),
	}
	if s.spec.Trainer != nil {
		f.YLabel = "loss"
	}
	// Worst first, so that the best one is on top.
	for _, t := range slices.Backward(trials) {
		points := thin(curves[t.Number], maxCurvePoints)
		line := make([]point, len(points))
		for i, p := range points {
			line[i] = point{x.at(float64(p.Step)), y.at(p.Loss)}
		}
		f.Shapes = append(f.Shapes, shape{Path: polyline(line), Class: "line " + s.class(t), Tip: tip(t)})
	}
	f.Legend = append(lineLegend(s), lineEntry("other", "other trials"))
	return f
}

// thin keeps at most n of the points, evenly spread, the first and the last among them.
func thin(points []sweep.CurvePoint, n int) []sweep.CurvePoint {
	if len(points) <= n {
		return points
	}
	out := make([]sweep.CurvePoint, n)
	for i := range out {
		out[i] = points[i*(len(points)-1)/(n-1)]
	}
	return out
}

// mark is a trial's mark: a star for the best, a diamond for the baseline, a
// circle for the rest, filled on the front.
func mark(s study, t sweep.Trial, x, y float64, front map[int]bool, metrics ...string) shape {
	m := shape{Path: circle(x, y, 4), Class: "mark other", Tip: tip(t, metrics...)}
	switch {
	case s.isBest(t):
		m.Path, m.Class = star(x, y, 9), "mark best"
	case s.isBaseline(t):
		m.Path, m.Class = diamond(x, y, 6), "mark baseline"
	case front[t.Number]:
		m.Class = "mark front"
	}
	return m
}

// lineLegend explains the lines of the best trial and of the baseline, where there are such.
func lineLegend(s study) (legend []legendEntry) {
	if len(s.ranked) > 0 {
		legend = append(legend, lineEntry("best", "best trial"))
	}
	if slices.ContainsFunc(s.baseline, func(t sweep.Trial) bool { return !s.isBest(t) }) {
		legend = append(legend, lineEntry("baseline", "baseline"))
	}
	return legend
}

func markLegend(s study, front bool) []legendEntry {
	out := []legendEntry{{Path: star(12, 7, 7), Class: "mark best", Text: "best trial"}}
	if len(s.baseline) > 0 {
		out = append(out, legendEntry{Path: diamond(12, 7, 6), Class: "mark baseline", Text: "baseline"})
	}
	if front {
		out = append(out, legendEntry{Path: circle(12, 7, 4), Class: "mark front", Text: "on the front"})
	}
	return append(out, legendEntry{Path: circle(12, 7, 4), Class: "mark other", Text: "other trials"})
}

// tip names a trial: "trial 3: alignment.weight=1 infonce.weight=0.3; fid.tail 41.2".
func tip(t sweep.Trial, metrics ...string) string {
	text := fmt.Sprintf("trial %d: %s", t.Number, strings.Join(t.Params.List(), " "))
	for _, m := range metrics {
		text += fmt.Sprintf("; %s %s", m, metricOf(t, m))
	}
	return text
}
