package diffusion

import (
	"math/rand/v2"
)

// Stream numbers keep the uses of one seed apart.
type Stream uint64

// The streams. Their numbers are part of what makes a run repeatable: never
// change one, only add.
const (
	StreamTraining Stream = 1 // counter: the training step
	StreamSampling Stream = 2 // counter: class and index of the sample
	StreamCBDM     Stream = 3 // counter: the training step
	StreamT2H      Stream = 4 // counter: the training step
	StreamDropout  Stream = 5 // counter: the training step
	StreamDDPM     Stream = 6 // counter: class, index and step of the sample
)

// Random is the random source of (seed, stream, counter): a PCG generator whose
// state is their mix, so any part of a run can be drawn again by itself.
func Random(seed int64, stream Stream, counter uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(uint64(seed)^mix(uint64(stream))), mix(counter)))
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Normals fills dst with standard normal numbers.
func Normals(r *rand.Rand, dst []float32) {
	for i := range dst {
		dst[i] = float32(r.NormFloat64())
	}
}

// Draws are the random numbers of one training step.
type Draws struct {
	Eps  []float32 // batch * values of an image, standard normal
	T    []int32   // batch, uniform in 0..T-1
	Kept []float32 // batch, 0 with probability dropout, else 1
}

// TrainingDraws draws for step (0-based) of a training run: a pure function of
// its arguments. With together, one draw decides the label dropout of the whole batch.
func TrainingDraws(seed int64, step, batch, pixels int, dropout float64, together bool) Draws {
	r := Random(seed, StreamTraining, uint64(step))
	d := Draws{Eps: make([]float32, batch*pixels), T: make([]int32, batch), Kept: make([]float32, batch)}
	for i := range batch {
		d.T[i] = r.Int32N(Steps)
		if r.Float64() >= dropout {
			d.Kept[i] = 1
		}
	}
	if together {
		for i := range d.Kept {
			d.Kept[i] = d.Kept[0]
		}
	}
	Normals(r, d.Eps)
	return d
}

// MaskState is the state that a step's dropout masks are drawn from.
func MaskState(seed int64, step int) []uint64 {
	r := Random(seed, StreamDropout, uint64(step))
	return []uint64{r.Uint64(), r.Uint64(), r.Uint64()}
}

// SamplingNoise returns the noise that sample index of a class starts from. It is the same
// for every trial, batch size and order, so that trials compare sample by sample.
func SamplingNoise(seed int64, class, index, pixels int) []float32 {
	noise := make([]float32, pixels)
	Normals(Random(seed, StreamSampling, uint64(class)<<32|uint64(index)), noise)
	return noise
}

// StepNoise returns the noise that is added to that sample at step t, likewise.
func StepNoise(seed int64, class, index, t, pixels int) []float32 {
	noise := make([]float32, pixels)
	Normals(Random(seed, StreamDDPM, uint64(class)<<44|uint64(index)<<10|uint64(t)), noise)
	return noise
}
