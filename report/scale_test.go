package report

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

func labels(ticks []tick) []string {
	var out []string
	for _, t := range ticks {
		out = append(out, t.Label)
	}
	return out
}

func TestTicks(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		log    bool
		want   []string
	}{
		{"tens", []float64{0, 100}, false, []string{"0", "20", "40", "60", "80", "100"}},
		{"hundredths", []float64{0.101, 0.149}, false, []string{"0.10", "0.11", "0.12", "0.13", "0.14", "0.15"}},
		{"across zero", []float64{-1, 1}, false, []string{"-1.0", "-0.5", "0.0", "0.5", "1.0"}},
		{"decades", []float64{0.001, 100}, true, []string{"0.001", "0.01", "0.1", "1", "10", "100"}},
		{"within two decades", []float64{0.06, 1.1}, true, []string{"0.1", "0.2", "0.5", "1"}},
		{"log refused: too narrow", []float64{40, 50}, true, []string{"40", "42", "44", "46", "48", "50"}},
		{"log refused: not positive", []float64{0, 10}, true, []string{"0", "2", "4", "6", "8", "10"}},
		{"one value", []float64{5}, false, []string{"4.8", "4.9", "5.0", "5.1", "5.2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, labels(newScale(tt.values, tt.log, 0, 100).ticks(6)))
		})
	}
}

// Every value is inside its axis, a greater value is further along, and there are few ticks.
func TestScaleProperties(t *testing.T) {
	for _, magnitude := range []float64{1e-12, 1e-3, 1, 7, 1e6, 1e15} {
		for _, values := range [][]float64{{0}, {1}, {1, 1}, {1, 2}, {1, 1.0001}, {1, 3000}, {-3, 8}, {-2, -1}} {
			for _, log := range []bool{false, true} {
				scaled := make([]float64, len(values))
				for i, v := range values {
					scaled[i] = v * magnitude
				}
				s := newScale(scaled, log, 10, 110)
				last := math.Inf(-1)
				for _, v := range scaled {
					at := s.at(v)
					require.True(t, at > 10 && at < 110 && at >= last, "%v of %v at %v", v, scaled, at)
					last = at
				}
				n := len(s.ticks(6))
				require.True(t, n >= 1 && n <= 8, "%d ticks for %v", n, scaled)
			}
		}
	}
}

func TestThinKeepsBothEnds(t *testing.T) {
	points := make([]sweep.CurvePoint, 1001)
	for i := range points {
		points[i].Step = i
	}
	got := thin(points, 11)
	require.Len(t, got, 11)
	for i, p := range got {
		require.Equal(t, 100*i, p.Step)
	}
	require.Len(t, thin(points[:11], 11), 11)
}

func TestNum(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.00001234: "1.23e−05", 0.01234: "0.0123", 1.23456: "1.235", -12.3456: "−12.35", 123.456: "123.5", 12345.6: "12346",
	} {
		require.Equal(t, want, num(v))
	}
	require.Equal(t, "+1.000", signed(1))
	require.Equal(t, "−1.000", signed(-1))
}
