package program

import (
	"maps"
	"slices"

	"github.com/tailsweep/tailsweep/sweep"
)

// maxPoints bounds a curve: of a training with more steps, the losses of some steps make one
// point together.
const maxPoints = 10_000

// curve is the loss curve of a training.
type curve struct {
	points []sweep.CurvePoint // by step; the last one may grow
	every  int                // steps of a point
	sums   map[string]mean    // of the last point, by name; empty: the next losses begin a point
	names  map[string]bool    // of losses, at most maxLosses
}

type mean struct {
	sum float64
	n   int
}

func newCurve(steps int) *curve {
	return &curve{every: max(1, (steps+maxPoints-1)/maxPoints), names: map[string]bool{}}
}

// continueFrom continues an earlier curve up to a step.
func (c *curve) continueFrom(points []sweep.CurvePoint, step int) {
	c.points, c.sums = points, nil
	c.cut(step)
	for _, p := range c.points {
		for name := range p.Terms {
			c.names[name] = true
		}
	}
}

// cut removes what comes after a step.
func (c *curve) cut(step int) {
	c.points = slices.DeleteFunc(slices.Clone(c.points), func(p sweep.CurvePoint) bool { return p.Step > step })
	c.sums = nil
}

// add adds the losses at a step, which is not before that of the last ones. tooMany is the
// name of a loss that is one too many, which is left out; "" without one.
func (c *curve) add(step int, losses map[string]float64) (tooMany string) {
	last := len(c.points) - 1
	if last >= 0 && c.points[last].Step/c.every != step/c.every {
		c.sums = nil
	}
	if c.sums == nil {
		c.sums = map[string]mean{}
	}
	for _, name := range slices.Sorted(maps.Keys(losses)) {
		if !c.names[name] && name != sweep.MetricLoss {
			if len(c.names) >= maxLosses {
				tooMany = name
				continue
			}
			c.names[name] = true
		}
		m := c.sums[name]
		c.sums[name] = mean{m.sum + losses[name], m.n + 1}
	}
	if c.sums[sweep.MetricLoss].n == 0 {
		return tooMany // others are shown with it, not alone
	}
	p := sweep.CurvePoint{Step: step}
	for name, m := range c.sums {
		value := m.sum / float64(m.n)
		switch {
		case !sweep.IsFinite(value): // a sum of very large numbers
		case name == sweep.MetricLoss:
			p.Loss = value
		default:
			if p.Terms == nil {
				p.Terms = map[string]float64{}
			}
			p.Terms[name] = value
		}
	}
	if last >= 0 && c.points[last].Step/c.every == step/c.every {
		c.points[last] = p
	} else {
		c.points = append(c.points, p)
	}
	return tooMany
}

// upTo returns the points up to a step.
func (c *curve) upTo(step int) []sweep.CurvePoint {
	n := len(c.points)
	for n > 0 && c.points[n-1].Step > step {
		n--
	}
	return slices.Clone(c.points[:n])
}

// losses returns the losses at both ends of the curve; none without a point.
func (c *curve) losses() sweep.Losses {
	if len(c.points) == 0 {
		return sweep.Losses{}
	}
	return sweep.LossesOf(c.points)
}
