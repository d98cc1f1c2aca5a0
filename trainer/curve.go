package trainer

import (
	"maps"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// window sums the losses since the curve's last point. It is part of a
// checkpoint, so that a point that spans a resume is the same number.
type window struct {
	Count     int                 `json:"count"`
	Loss      float64             `json:"loss"`
	DDPM      float64             `json:"ddpm"`
	InfoNCE   float64             `json:"infonce"`
	Alignment float64             `json:"alignment"`
	Others    map[string]float64  `json:"terms,omitempty"` // the terms that came later, by name
	Groups    map[string]groupSum `json:"groups,omitempty"`
}

// groupSum is the DDPM loss of the samples of a group of classes.
type groupSum struct {
	Count int     `json:"count"`
	DDPM  float64 `json:"ddpm"`
}

// add takes in a step on samples of these groups.
func (w *window) add(l losses, groups []string) {
	w.Count++
	w.Loss += float64(l.total)
	w.DDPM += float64(l.ddpm)
	for name, value := range l.terms {
		switch name {
		case sweep.TermInfoNCE:
			w.InfoNCE += float64(value)
		case sweep.TermAlignment:
			w.Alignment += float64(value)
		default:
			if w.Others == nil {
				w.Others = map[string]float64{}
			}
			w.Others[name] += float64(value)
		}
	}
	for i, group := range groups {
		if w.Groups == nil {
			w.Groups = map[string]groupSum{}
		}
		sum := w.Groups[group]
		w.Groups[group] = groupSum{sum.Count + 1, sum.DDPM + float64(l.samples[i])}
	}
}

// clone shares nothing with w.
func (w window) clone() window {
	w.Others, w.Groups = maps.Clone(w.Others), maps.Clone(w.Groups)
	return w
}

// take returns the window's means as the point at step, with these terms, and
// empties it.
func (w *window) take(step int, terms []string) job.Point {
	n := float64(w.Count)
	p := job.Point{Step: step, Loss: w.Loss / n, DDPM: w.DDPM / n}
	fields := p.Terms()
	for _, name := range terms {
		mean := w.Others[name] / n
		switch name {
		case sweep.TermInfoNCE:
			mean = w.InfoNCE / n
		case sweep.TermAlignment:
			mean = w.Alignment / n
		}
		*fields[name] = &mean
	}
	for group, sum := range w.Groups {
		if p.Groups == nil {
			p.Groups = map[string]float64{}
		}
		p.Groups[group] = sum.DDPM / float64(sum.Count)
	}
	*w = window{}
	return p
}

// firstAndLast are the loss of the curve's first point and the mean loss of its
// last tenth, at least one point; 0 for an empty curve.
func firstAndLast(curve []job.Point) (first, last float64) {
	if len(curve) == 0 {
		return 0, 0
	}
	tail := curve[len(curve)-max(1, len(curve)/10):]
	for _, p := range tail {
		last += p.Loss / float64(len(tail))
	}
	return curve[0].Loss, last
}
