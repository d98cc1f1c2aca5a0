package report

import (
	"math"
	"strconv"
)

// scale maps values in [lo, hi] to pixels in [from, to].
type scale struct {
	lo, hi   float64
	log      bool
	from, to float64
}

// tick is a labelled place on an axis.
type tick struct {
	At    string // pixels
	Label string
}

// newScale covers values with a small margin at both ends. wantLog is honoured where
// all values are positive and span at least a factor of three: below that a
// logarithmic axis would carry fewer than two labels.
func newScale(values []float64, wantLog bool, from, to float64) scale {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	if len(values) == 0 {
		lo, hi = 0, 1
	}
	if wantLog && lo > 0 && hi/lo >= 3 {
		air := math.Pow(hi/lo, 0.05)
		return scale{lo: lo / air, hi: hi * air, log: true, from: from, to: to}
	}
	air := 0.05 * (hi - lo)
	if air == 0 {
		air = math.Max(0.05*math.Abs(hi), 1e-9)
	}
	return scale{lo: lo - air, hi: hi + air, from: from, to: to}
}

// at returns the pixel of v.
func (s scale) at(v float64) float64 {
	lo, hi := s.lo, s.hi
	if s.log {
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return s.from + (s.to-s.from)*(v-lo)/(hi-lo)
}

// ticks returns about most round places inside the scale, ascending.
func (s scale) ticks(most int) []tick {
	if s.log {
		return s.logTicks(most)
	}
	step := roundStep((s.hi - s.lo) / float64(most))
	var out []tick
	for k := math.Ceil(s.lo / step); k*step <= s.hi; k++ {
		out = append(out, tick{At: px(s.at(k * step)), Label: tickLabel(k*step, step)})
	}
	return out
}

// logTicks uses 1, 2 and 5 of each decade, or only 1 when that would be too many.
func (s scale) logTicks(most int) []tick {
	digits := []float64{1, 2, 5}
	if math.Log10(s.hi/s.lo)*float64(len(digits)) > float64(most) {
		digits = digits[:1]
	}
	var out []tick
	for e := math.Floor(math.Log10(s.lo)); math.Pow(10, e) <= s.hi; e++ {
		for _, d := range digits {
			v := d * math.Pow(10, e)
			if v >= s.lo && v <= s.hi {
				out = append(out, tick{At: px(s.at(v)), Label: strconv.FormatFloat(v, 'g', 6, 64)})
			}
		}
	}
	return out
}

// roundStep returns the smallest of 1, 2, 5 times a power of ten that is at least raw.
func roundStep(raw float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, d := range []float64{1, 2, 5} {
		if d*unit >= raw*(1-1e-9) {
			return d * unit
		}
	}
	return 10 * unit
}

// tickLabel writes v with as many decimals as step needs.
func tickLabel(v, step float64) string {
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	label := strconv.FormatFloat(v, 'f', decimals, 64)
	if zero := strconv.FormatFloat(0, 'f', decimals, 64); label == "-"+zero {
		return zero
	}
	return label
}

// px writes a pixel position with one decimal.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
