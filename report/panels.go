package report

import (
	"maps"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// Limits on what is drawn in a panel.
const (
	maxPanelPoints = 60 // a curve; of more, means of neighbours
	maxPanelSeeds  = 5  // of the baseline
	maxPanels      = 12 // of losses besides DDPM
)

// quantity is a part of the loss; of returns false where a point does not have it.
type quantity struct {
	name string
	of   func(sweep.CurvePoint) (float64, bool)
}

// ddpmParts are the DDPM loss of all images and of the images of each group.
func ddpmParts() []quantity {
	out := []quantity{{"ddpm, all classes", func(p sweep.CurvePoint) (float64, bool) { return p.DDPM, p.DDPM != 0 }}} // programs have none
	for _, group := range sweep.GroupList() {
		out = append(out, quantity{"ddpm, " + group, func(p sweep.CurvePoint) (float64, bool) {
			v, ok := p.Groups[group]
			return v, ok
		}})
	}
	return out
}

// otherTerms are the loss terms other than DDPM, then the losses of a program that the curves
// of the trials have, by name.
func otherTerms(trials []sweep.Trial, curves map[int][]sweep.CurvePoint) []quantity {
	var names []string
	for _, term := range sweep.LossTerms() {
		names = append(names, term.Name)
	}
	free := map[string]bool{}
	for _, t := range trials {
		for _, p := range curves[t.Number] {
			for name := range p.Terms {
				free[name] = !slices.Contains(names, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(free)) {
		if free[name] {
			names = append(names, name)
		}
	}
	var out []quantity
	for _, name := range names {
		out = append(out, quantity{name, func(p sweep.CurvePoint) (float64, bool) {
			v, ok := p.Terms[name]
			return v, ok
		}})
	}
	return out
}

// panels are small figures of the parts of the loss, for the best trial and the
// baseline: the DDPM losses on the same axes, each other term with a loss axis of its
// own. A part that no trial has is left out.
func panels(s study, curves map[int][]sweep.CurvePoint) (ddpm, terms []figure, legend []legendEntry) {
	var trials []sweep.Trial // the best last, so that it lies on top
	for _, t := range s.baseline[:min(len(s.baseline), maxPanelSeeds)] {
		if !s.isBest(t) {
			trials = append(trials, t)
		}
	}
	if len(s.ranked) > 0 {
		trials = append(trials, s.ranked[0])
	}

	var steps []float64
	for _, t := range trials {
		for _, p := range curves[t.Number] {
			steps = append(steps, float64(p.Step))
		}
	}
	x := panelFrame.x(steps)
	draw := func(q quantity, lines [][]point, y scale) figure {
		f := figure{frame: panelFrame, Title: q.name, Caption: q.name, XTicks: x.ticks(3), YTicks: y.ticks(6), Desc: "Over the training steps."}
		for i, line := range lines {
			if len(line) == 0 {
				continue
			}
			for k, p := range line {
				line[k] = point{x.at(p[0]), y.at(p[1])}
			}
			f.Shapes = append(f.Shapes, shape{Path: polyline(line), Class: "line " + s.class(trials[i]), Tip: tip(trials[i])})
		}
		return f
	}

	var shared []float64
	var drawn []quantity
	var lines [][][]point // by quantity and trial
	for _, q := range ddpmParts() {
		if l, values := linesOf(q, trials, curves); len(values) > 0 {
			drawn, lines, shared = append(drawn, q), append(lines, l), append(shared, values...)
		}
	}
	for i, q := range drawn {
		ddpm = append(ddpm, draw(q, lines[i], panelFrame.y(shared, true)))
	}
	for _, q := range otherTerms(trials, curves) {
		if l, values := linesOf(q, trials, curves); len(values) > 0 {
			terms = append(terms, draw(q, l, panelFrame.y(values, true)))
		}
	}
	return ddpm, terms, lineLegend(s)
}

// linesOf is a line of (step, value) for each trial, empty where it has none of q,
// and all values on them.
func linesOf(q quantity, trials []sweep.Trial, curves map[int][]sweep.CurvePoint) (lines [][]point, values []float64) {
	for _, t := range trials {
		var line []point
		for _, p := range curves[t.Number] {
			if v, ok := q.of(p); ok {
				line = append(line, point{float64(p.Step), v})
			}
		}
		line = average(line, maxPanelPoints)
		for _, p := range line {
			values = append(values, p[1])
		}
		lines = append(lines, line)
	}
	return lines, values
}

// average replaces neighbouring points by their means, so that at most n remain.
func average(points []point, n int) []point {
	if len(points) <= n {
		return points
	}
	out := make([]point, n)
	for i := range out {
		few := points[i*len(points)/n : (i+1)*len(points)/n]
		for _, p := range few {
			out[i][0] += p[0] / float64(len(few))
			out[i][1] += p[1] / float64(len(few))
		}
	}
	return out
}
