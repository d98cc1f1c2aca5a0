package nets

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/backend"
)

func goBackend(t *testing.T) compute.Backend {
	t.Helper()
	b, err := gobackend.New("ops_sequential")
	require.NoError(t, err)
	t.Cleanup(b.Finalize)
	return b
}

// xlaBackend is XLA on the CPU; it skips where the plugin is not installed.
func xlaBackend(t *testing.T) compute.Backend {
	t.Helper()
	if _, ok := backend.Installed(backend.CPU); !ok || !backend.HasXLA {
		t.Skip("XLA's CPU plugin is not installed (tailsweep backend install) or this build has no cgo")
	}
	b, err := backend.Open(backend.XLACPU)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b.Compute
}

func normals(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func flat(t *testing.T, x *tensors.Tensor) []float32 {
	t.Helper()
	v, err := tensors.CopyFlatData[float32](x)
	require.NoError(t, err)
	return v
}

// naive is a 3x3 convolution with zero padding by its definition, in float64.
func naive(x, kernel []float32, b, h, w, in, out int) []float64 {
	y := make([]float64, b*h*w*out)
	for n := range b {
		for r := range h {
			for c := range w {
				for o := range out {
					for dy := range 3 {
						for dx := range 3 {
							rr, cc := r+dy-1, c+dx-1
							if rr < 0 || rr >= h || cc < 0 || cc >= w {
								continue
							}
							for i := range in {
								y[((n*h+r)*w+c)*out+o] += float64(x[((n*h+rr)*w+cc)*in+i]) * float64(kernel[((dy*3+dx)*in+i)*out+o])
							}
						}
					}
				}
			}
		}
	}
	return y
}

const convB, convH, convW, convIn, convOut = 2, 5, 4, 3, 6

// convolve returns the convolution, and the gradients of a weighted sum of it by
// x and by the kernel.
func convolve(t *testing.T, b compute.Backend, conv func(x, kernel *Node) *Node) (y, dx, dk []float32) {
	t.Helper()
	exec, err := NewExec(b, func(x, kernel, v *Node) []*Node {
		y := conv(x, kernel)
		return append([]*Node{y}, Gradient(ReduceAllSum(Mul(y, v)), x, kernel)...)
	})
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call(
		tensors.FromFlatDataAndDimensions(normals(1, convB*convH*convW*convIn), convB, convH, convW, convIn),
		tensors.FromFlatDataAndDimensions(normals(2, 9*convIn*convOut), 3, 3, convIn, convOut),
		tensors.FromFlatDataAndDimensions(normals(3, convB*convH*convW*convOut), convB, convH, convW, convOut))
	require.NoError(t, err)
	return flat(t, out[0]), flat(t, out[1]), flat(t, out[2])
}

func TestShiftedConvolution(t *testing.T) {
	y, dx, dk := convolve(t, goBackend(t), shiftedConv)
	x, kernel, v := normals(1, len(dx)), normals(2, len(dk)), normals(3, len(y))
	want := naive(x, kernel, convB, convH, convW, convIn, convOut)
	for i := range want {
		require.InDelta(t, want[i], y[i], 1e-4)
	}
	// The weighted sum is linear in x and in the kernel: a gradient is its change
	// under a unit step, exactly.
	sum := func(x, kernel []float32) (s float64) {
		for i, y := range naive(x, kernel, convB, convH, convW, convIn, convOut) {
			s += y * float64(v[i])
		}
		return s
	}
	at := sum(x, kernel)
	for i := range x {
		x[i]++
		require.InDelta(t, sum(x, kernel)-at, dx[i], 1e-4)
		x[i]--
	}
	for i := range kernel {
		kernel[i]++
		require.InDelta(t, sum(x, kernel)-at, dk[i], 1e-4)
		kernel[i]--
	}
}

func TestConvolutionsAgreeOnXLA(t *testing.T) {
	b := xlaBackend(t)
	y1, dx1, dk1 := convolve(t, b, shiftedConv)
	y2, dx2, dk2 := convolve(t, b, nativeConv)
	for _, pair := range [][2][]float32{{y1, y2}, {dx1, dx2}, {dk1, dk2}} {
		for i := range pair[0] {
			require.InDelta(t, pair[0][i], pair[1][i], 1e-4)
		}
	}
}

// The product and both gradients of a convolution in bfloat16, which has 8 bits of
// precision, are near those in float32, and not the same.
func TestBFloat16ConvolutionOnXLA(t *testing.T) {
	b := xlaBackend(t)
	y1, dx1, dk1 := convolve(t, b, nativeConv)
	y2, dx2, dk2 := convolve(t, b, func(x, kernel *Node) *Node {
		return Config{BFloat16: true}.inPrecision(x, kernel, nativeConv)
	})
	for _, pair := range [][2][]float32{{y1, y2}, {dx1, dx2}, {dk1, dk2}} {
		var scale, worst float64
		for i := range pair[0] {
			scale = max(scale, math.Abs(float64(pair[0][i])))
			worst = max(worst, math.Abs(float64(pair[0][i]-pair[1][i])))
		}
		require.Less(t, worst, scale/100)
		require.Positive(t, worst)
	}
}

// 65,536 ones add up, forwards and in a gradient: a sum in bfloat16 gets no further than 256.
func TestBFloat16SumsInFloat32OnXLA(t *testing.T) {
	const n = 1 << 16
	exec, err := NewExec(xlaBackend(t), func(ones *Node) []*Node {
		product := func(a, b *Node) *Node {
			return Config{BFloat16: true}.inPrecision(a, b, func(a, b *Node) *Node { return dot(a, b).Product() })
		}
		one := OnesLike(Slice(ones, AxisRange(0, 1)))
		sum := product(Reshape(ones, 1, n), ones)
		return []*Node{sum, Gradient(ReduceAllSum(product(ones, one)), one)[0]}
	})
	require.NoError(t, err)
	defer exec.Finalize()
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	out, err := exec.Call(tensors.FromFlatDataAndDimensions(ones, n, 1))
	require.NoError(t, err)
	require.Equal(t, []float32{n}, flat(t, out[0]))
	require.Equal(t, []float32{n}, flat(t, out[1]))
}

func TestHalveAndDouble(t *testing.T) {
	exec, err := NewExec(goBackend(t), func(x *Node) []*Node { return []*Node{halve(x), double(x)} })
	require.NoError(t, err)
	defer exec.Finalize()
	out, err := exec.Call([][][][]float32{{{{1}, {2}, {3}, {4}}, {{5}, {6}, {7}, {9}}}})
	require.NoError(t, err)
	require.Equal(t, []float32{3.5, 5.75}, flat(t, out[0]))
	require.Equal(t, []float32{1, 1, 2, 2, 3, 3, 4, 4, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 9, 9, 5, 5, 6, 6, 7, 7, 9, 9}, flat(t, out[1]))
}
