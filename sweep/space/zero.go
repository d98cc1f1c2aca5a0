package space

import (
	"math"

	"github.com/tailsweep/tailsweep/sweep"
)

// Gap is the part of a coordinate that an exact zero takes. A range whose parameter can
// also be exactly 0 (Zero is its probability, mostly of a log range, which does not
// contain 0) has the coordinates [Gap, 1], and the zero is at 0. The distance between
// the two lets a model learn a different value for each. A coordinate in between is read as the nearer of the two.
const Gap = 0.12

// canBeZero reports whether p has an exact zero in addition to its range.
func canBeZero(p sweep.Parameter) bool { return p.Zero > 0 }

// atZero reports whether coordinate u of p is its exact zero.
func atZero(p sweep.Parameter, u float64) bool { return canBeZero(p) && u < Gap/2 }

// rangeBegin is the coordinate at which the range of p begins.
func rangeBegin(p sweep.Parameter) float64 {
	if canBeZero(p) {
		return Gap
	}
	return 0
}

// coordinateOf returns the coordinate of p for a share of its range, from 0 to 1.
func coordinateOf(p sweep.Parameter, share float64) float64 {
	if canBeZero(p) {
		return Gap + (1-Gap)*share
	}
	return share
}

// shareOf is the inverse of coordinateOf.
func shareOf(p sweep.Parameter, u float64) float64 {
	if canBeZero(p) {
		return math.Max(u-Gap, 0) / (1 - Gap)
	}
	return u
}

// IsZero reports whether coordinate u of the axis is its exact zero.
func (a Axis) IsZero(u float64) bool { return a.Zero > 0 && u < Gap/2 }
