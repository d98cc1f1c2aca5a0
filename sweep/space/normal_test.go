package space

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

var normals = map[string]sweep.Parameter{
	"default ends":    {Distribution: sweep.DistNormal, Mu: 0.5, Sigma: 0.1, Min: 0.1, Max: 0.9},
	"upper tail":      {Distribution: sweep.DistNormal, Mu: -0.3, Sigma: 0.1, Min: 0, Max: 1},
	"lower tail":      {Distribution: sweep.DistNormal, Mu: 1.3, Sigma: 0.1, Min: 0, Max: 1},
	"ends out of use": {Distribution: sweep.DistNormal, Mu: 0.5, Sigma: 0.01, Min: 0, Max: 1},
	"nearly uniform":  {Distribution: sweep.DistNormal, Mu: 0.5, Sigma: 100, Min: 0, Max: 1},
	"log":             {Distribution: sweep.DistLogNormal, Mu: -3, Sigma: 1, Min: math.Exp(-7), Max: math.Exp(1)},
	"log, upper tail": {Distribution: sweep.DistLogNormal, Mu: -3, Sigma: 1, Min: math.Exp(-0.1), Max: 10},
}

func TestQuantileAndCDFAreInverse(t *testing.T) {
	for name, p := range normals {
		t.Run(name, func(t *testing.T) {
			before := math.Inf(-1)
			for i := range 1001 {
				u := float64(i) / 1000
				for _, u := range []float64{u, u * 1e-9} {
					require.InDelta(t, u, cdf(p, quantile(p, u)), 1e-12)
				}
				v := quantile(p, u)
				require.Greater(t, v, before)
				require.True(t, v >= p.Min && v <= p.Max)
				require.InDelta(t, standard(p, v), standard(p, quantile(p, cdf(p, v))), 1e-9)
				before = v
			}
			for z := -normalReach + 1e-3; z < normalReach; z += 0.01 {
				v := p.Mu + z*p.Sigma
				if p.Distribution == sweep.DistLogNormal {
					v = math.Exp(v)
				}
				if v > p.Min && v < p.Max {
					require.InDelta(t, z, standard(p, quantile(p, cdf(p, v))), 1e-9)
				}
			}
			require.Zero(t, cdf(p, p.Min))
			require.Equal(t, 1.0, cdf(p, p.Max))
			require.Equal(t, 1.0, cdf(p, p.Max+1))
			require.Zero(t, cdf(p, -1))
		})
	}
}

// Numbers of mpmath 1.3, 40 digits:
//
//	(ncdf(z) - ncdf(a)) / (ncdf(b) - ncdf(a))
func TestCDFOfATruncatedNormal(t *testing.T) {
	for _, c := range []struct{ a, b, z, want float64 }{
		{-4, 4, 0, 0.5},
		{-4, 4, 1.959963984540054, 0.97503008958569054},
		{-2, 1, 0, 0.58301124857101415},
		{3, 5, 3.1, 0.28326288890306141},
		{-5, -3, -4.9, 0.00014265714379410546},
	} {
		p := sweep.Parameter{Distribution: sweep.DistNormal, Mu: 10, Sigma: 2, Min: 10 + 2*c.a, Max: 10 + 2*c.b}
		require.InEpsilon(t, c.want, cdf(p, 10+2*c.z), 1e-10)
	}
}

func TestEndsOfANormalAreAsWritten(t *testing.T) {
	p := normals["log"]
	require.Equal(t, p.Min, quantile(p, 0))
	require.Equal(t, p.Max, quantile(p, 1))
	p = normals["ends out of use"]
	require.InDelta(t, 0.45, quantile(p, 0), 1e-12, "5 sigma")
	require.InDelta(t, 0.55, quantile(p, 1), 1e-12)
}
