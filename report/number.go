package report

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// absent is printed in place of a missing value.
const absent = "–"

// num formats a metric or a loss with about four significant digits and a true minus sign.
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

// metricOf formats a metric of a trial.
func metricOf(t sweep.Trial, name string) string {
	if v, ok := t.Metric(name); ok {
		return num(v)
	}
	return absent
}

// seconds formats a time in seconds.
func seconds(s float64) string { return text.Duration(time.Duration(s * float64(time.Second))) }

// clock formats a time in UTC.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
