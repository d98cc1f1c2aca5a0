package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
)

// absent is written where there is no value.
const absent = "–"

// num writes a result with about four significant digits and a true minus sign.
func num(v float64) string {
	decimals := 0
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a < 0.001:
		return minus(strconv.FormatFloat(v, 'g', 3, 64))
	case a < 1:
		decimals = 4
	case a < 10:
		decimals = 3
	case a < 100:
		decimals = 2
	case a < 1000:
		decimals = 1
	}
	return minus(strconv.FormatFloat(v, 'f', decimals, 64))
}

// signed is num with a plus sign where v > 0.
func signed(v float64) string {
	if v > 0 {
		return "+" + num(v)
	}
	return num(v)
}

func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// paramValue writes a parameter's value short enough for a table; Export keeps
// every digit.
func paramValue(v sweep.Value) string {
	if v.IsWord() {
		return v.String()
	}
	return specNumber(v.Float())
}

// specNumber writes a number of the spec.
func specNumber(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }

// metricOf writes one of a trial's metrics.
func metricOf(t sweep.Trial, name string) string {
	if v, ok := t.Metric(name); ok {
		return num(v)
	}
	return absent
}

// span writes seconds as "48 s", "3 m 20 s", "2 h 05 m".
func span(seconds float64) string {
	d := time.Duration(math.Round(seconds)) * time.Second
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d m %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d h %02d m", d/time.Hour, d%time.Hour/time.Minute)
}

// clock writes a time in UTC; absent when it is zero.
func clock(t time.Time) string {
	if t.IsZero() {
		return absent
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}
