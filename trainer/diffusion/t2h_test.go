package diffusion

import (
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/stretchr/testify/require"
)

// Which image each sample is trained towards, against the definition in float64: the
// distances themselves, and the running sum of probabilities.
func TestTransferIsItsDefinition(t *testing.T) {
	s := linear(t)
	r := rand.New(rand.NewPCG(3, 4))
	const b, d = 6, 4
	labels := []int32{0, 1, 2, 1, 0, 2}
	counts := []int{100, 10, 1}
	steps := []int32{999, 700, 500, 300, 900, 20}
	x0, eps := make([][][][]float32, b), make([][][][]float32, b)
	for i := range b {
		x, e := make([]float32, d), make([]float32, d)
		Normals(r, x)
		Normals(r, e)
		x0[i], eps[i] = [][][]float32{{x}}, [][][]float32{{e}}
	}
	moved, refused := 0, 0
	for range 40 {
		u := make([]float32, b)
		for i := range u {
			u[i] = r.Float32()
		}
		got := flat(t, eval(t, func(in []*Node) []*Node {
			return []*Node{transferred(in[0], in[1], in[2], in[3], in[4], s, counts)}
		}, x0, eps, steps, labels, u)[0])
		for i := range b {
			sigma := math.Sqrt(1/s.AlphaBar[steps[i]] - 1)
			p, sum := make([]float64, b), 0.0
			for z := range b {
				var square float64
				for k := range d {
					diff := float64(x0[i][0][0][k]) + sigma*float64(eps[i][0][0][k]) - float64(x0[z][0][0][k])
					square += diff * diff
				}
				p[z] = math.Exp(-square / (2 * sigma * sigma))
				sum += p[z]
			}
			z, below := 0, p[0]/sum
			for below <= float64(u[i]) && z < b-1 {
				z++
				below += p[z] / sum
			}
			if counts[labels[z]] < counts[labels[i]] {
				z = i
				refused++
			}
			if z != i {
				moved++
			}
			require.Equal(t, x0[z][0][0], got[i*d:(i+1)*d], "sample %d at u = %v", i, u[i])
		}
	}
	require.Greater(t, moved, 20)
	require.Greater(t, refused, 5)
}

// At the least noise nothing else could have become x_t: the target is the plain one.
func TestTransferAtLowNoise(t *testing.T) {
	x0 := [][][][]float32{{{{0.5}}}, {{{-0.5}}}}
	got := flat(t, eval(t, func(in []*Node) []*Node {
		return []*Node{transferred(in[0], in[1], in[2], in[3], in[4], linear(t), []int{5, 5})}
	}, x0, x0, []int32{0, 0}, []int32{0, 1}, []float32{0, 0.99999994})[0])
	require.Equal(t, []float32{0.5, -0.5}, got)
}
