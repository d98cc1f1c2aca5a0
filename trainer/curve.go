package trainer

import (
	"maps"

	"github.com/tailsweep/tailsweep/sweep"
)

// window sums the losses since the curve's last point. It is part of a checkpoint, so
// that a point whose steps lie on both sides of a resume is the same number.
type window struct {
	Count  int                 `json:"count"`
	Loss   float64             `json:"loss"`
	DDPM   float64             `json:"ddpm"`
	Terms  map[string]float64  `json:"terms,omitempty"` // by name, those that are on
	Groups map[string]groupSum `json:"groups,omitempty"`
}

// groupSum sums the DDPM loss of the samples of a group.
type groupSum struct {
	Count int     `json:"count"`
	DDPM  float64 `json:"ddpm"`
}

// add adds the losses of a step whose samples are of these groups.
func (w *window) add(l losses, groups []string) {
	w.Count++
	w.Loss += float64(l.total)
	w.DDPM += float64(l.ddpm)
	for name, value := range l.terms {
		if w.Terms == nil {
			w.Terms = map[string]float64{}
		}
		w.Terms[name] += float64(value)
	}
	for i, group := range groups {
		if w.Groups == nil {
			w.Groups = map[string]groupSum{}
		}
		sum := w.Groups[group]
		w.Groups[group] = groupSum{sum.Count + 1, sum.DDPM + float64(l.samples[i])}
	}
}

// clone returns a copy that shares nothing with w.
func (w window) clone() window {
	w.Terms, w.Groups = maps.Clone(w.Terms), maps.Clone(w.Groups)
	return w
}

// take returns the means of the window as the curve's point at step, and empties the
// window.
func (w *window) take(step int) sweep.CurvePoint {
	n := float64(w.Count)
	p := sweep.CurvePoint{Step: step, Loss: w.Loss / n, DDPM: w.DDPM / n, Terms: w.Terms}
	for name, sum := range p.Terms {
		p.Terms[name] = sum / n
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
