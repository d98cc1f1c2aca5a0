package trainer

import (
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// window sums the losses since the curve's last point. It is part of a
// checkpoint, so that a point that spans a resume is the same number.
type window struct {
	Count     int     `json:"count"`
	Loss      float64 `json:"loss"`
	DDPM      float64 `json:"ddpm"`
	InfoNCE   float64 `json:"infonce"`
	Alignment float64 `json:"alignment"`
}

func (w *window) add(l losses) {
	w.Count++
	w.Loss += float64(l.total)
	w.DDPM += float64(l.ddpm)
	w.InfoNCE += float64(l.infonce)
	w.Alignment += float64(l.alignment)
}

// take returns the window's means as the point at step, and empties it.
func (w *window) take(step int, settings sweep.Settings) job.Point {
	n := float64(w.Count)
	p := job.Point{Step: step, Loss: w.Loss / n, DDPM: w.DDPM / n}
	if settings.InfoNCE.Weight > 0 {
		mean := w.InfoNCE / n
		p.Infonce = &mean
	}
	if settings.Alignment.Weight > 0 {
		mean := w.Alignment / n
		p.Alignment = &mean
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
