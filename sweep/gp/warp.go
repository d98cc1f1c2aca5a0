package gp

import "math"

// Warp is an increasing function that makes observations more like those of a
// stationary process. Values near the best one matter most to the search; a warp with
// a small shift spreads them and compresses the rest.
type Warp struct {
	Kind  WarpKind
	Low   float64 // log: the least observation; soft: the middle one
	Scale float64 // from where it is logarithmic, > 0
}

// WarpKind names a family of warps.
type WarpKind string

// The families.
const (
	WarpNone  WarpKind = "none"
	WarpLog   WarpKind = "log"   // ln(1 + (y - low)/scale), objectives
	WarpSoft  WarpKind = "soft"  // y up to low, low + scale ln(1 + (y - low)/scale) above it, objectives
	WarpBilog WarpKind = "bilog" // sign(y) ln(1 + |y|/scale), constraints: 0 stays 0 (Eriksson and Poloczek 2021)
)

// Forward applies the warp.
func (w Warp) Forward(y float64) float64 {
	switch w.Kind {
	case WarpLog:
		return math.Log1p(math.Max(y-w.Low, -0.999*w.Scale) / w.Scale)
	case WarpSoft:
		if y > w.Low {
			return w.Low + w.Scale*math.Log1p((y-w.Low)/w.Scale)
		}
	case WarpBilog:
		return math.Copysign(math.Log1p(math.Abs(y)/w.Scale), y)
	}
	return y
}

// Inverse is the inverse of Forward.
func (w Warp) Inverse(t float64) float64 {
	switch w.Kind {
	case WarpLog:
		return w.Low + w.Scale*math.Expm1(t)
	case WarpSoft:
		if t > w.Low {
			return w.Low + w.Scale*math.Expm1((t-w.Low)/w.Scale)
		}
	case WarpBilog:
		return math.Copysign(w.Scale*math.Expm1(math.Abs(t)), t)
	}
	return t
}

// Slope is the derivative at y, > 0.
func (w Warp) Slope(y float64) float64 {
	switch w.Kind {
	case WarpLog:
		return 1 / (w.Scale + math.Max(y-w.Low, -0.999*w.Scale))
	case WarpSoft:
		if y > w.Low {
			return w.Scale / (w.Scale + y - w.Low)
		}
	case WarpBilog:
		return 1 / (w.Scale + math.Abs(y))
	}
	return 1
}
