package sweep

// CurvePoint is one line of a trial's curve.jsonl: means over the steps since the
// point before it. Every value is finite.
type CurvePoint struct {
	Step int     `json:"step"` // steps done: the first point of log_every 10 is at 10
	Loss float64 `json:"loss"`
	DDPM float64 `json:"ddpm"`
	// Terms are the terms of LossTerms that are on, by name, before their weights.
	Terms map[string]float64 `json:"terms,omitempty"`
	// Groups is the mean DDPM loss of the samples of head, medium and tail classes, by
	// the true label. A group without a sample in these steps is absent.
	Groups map[string]float64 `json:"groups,omitempty"`
}

// IsFinite reports whether every value of p is finite.
func (p CurvePoint) IsFinite() bool {
	finite := IsFinite(p.Loss) && IsFinite(p.DDPM)
	for _, values := range []map[string]float64{p.Terms, p.Groups} {
		for _, value := range values {
			finite = finite && IsFinite(value)
		}
	}
	return finite
}

// Losses are the training loss at both ends of a training. Nil means that there is
// none: a training that diverged has no last loss.
type Losses struct {
	LossFirst *float64 `json:"loss_first,omitempty"` // mean loss of the curve's first point
	LossLast  *float64 `json:"loss_last,omitempty"`  // mean loss of the curve's last tenth
}

// Finite returns l without the losses that are not finite.
func (l Losses) Finite() Losses {
	for _, loss := range []**float64{&l.LossFirst, &l.LossLast} {
		if *loss != nil && !IsFinite(**loss) {
			*loss = nil
		}
	}
	return l
}
