package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/sweep"
)

// Set is images with labels, ordered by class. It is not changed after Load.
type Set struct {
	Name    string
	Size    int       // S
	Images  []float32 // `[N, S, S, 1]` in [-1, 1], -1 is background
	Labels  []int     // `[N]`, 0 <= label < C
	Classes []string  // `[C]`, names
	Counts  []int     // `[C]`, images of each class
}

// Load reads the long-tailed set that d describes: of class i, shuffled with
// d.Imbalance.Seed, the first sweep.Counts(...)[i] images. So a stronger imbalance
// keeps a part of what a weaker one of the same seed keeps.
func Load(d sweep.Dataset) (*Set, error) {
	if d.Size != 28 && d.Size != 16 {
		return nil, badData(fmt.Errorf("dataset.size: %d (valid: 28, 16)", d.Size))
	}
	switch d.Imbalance.Profile {
	case sweep.ProfileExp, sweep.ProfileStep:
		if f := d.Imbalance.Factor; !(f > 0 && f <= 1) {
			return nil, badData(fmt.Errorf("dataset.imbalance.factor: %v, want a number in (0, 1]", f))
		}
	case sweep.ProfileNone:
	default:
		return nil, badData(fmt.Errorf("dataset.imbalance.profile: unknown profile %q (valid: %s, %s, %s)", d.Imbalance.Profile, sweep.ProfileExp, sweep.ProfileStep, sweep.ProfileNone))
	}
	src, err := readFashion(d)
	if err != nil {
		return nil, err
	}
	byClass := make([][]int, len(fashionClasses))
	for i, l := range src.labels {
		byClass[l] = append(byClass[l], i)
	}
	info, _ := sweep.LookupDataset(d.Name)
	counts := sweep.Counts(d.Imbalance, len(fashionClasses), info.PerClass)
	s := &Set{Name: d.Name, Size: d.Size, Classes: slices.Clone(fashionClasses), Counts: counts}
	for class, indices := range byClass {
		if len(indices) != info.PerClass {
			return nil, badData(fmt.Errorf("dataset %s: %d images of class %d, want %d", d.Name, len(indices), class, info.PerClass))
		}
		r := stream("split", d.Imbalance.Seed, uint64(class))
		r.Shuffle(len(indices), func(i, j int) { indices[i], indices[j] = indices[j], indices[i] })
		for _, i := range indices[:counts[class]] {
			s.Images = appendImage(s.Images, src.image(i), d.Size)
			s.Labels = append(s.Labels, class)
		}
	}
	if len(s.Labels) == 0 {
		return nil, badData(fmt.Errorf("dataset.imbalance.factor: %v leaves no images", d.Imbalance.Factor))
	}
	return s, nil
}

// Balanced reads the unsubsampled set of which Load(d) keeps a part: what
// generated images are compared with.
func Balanced(d sweep.Dataset) (*Set, error) {
	d.Imbalance = sweep.Imbalance{Profile: sweep.ProfileNone}
	return Load(d)
}

// Len is N.
func (s *Set) Len() int { return len(s.Labels) }

// Image returns image i, `[S, S, 1]`. It shares the set's memory.
func (s *Set) Image(i int) []float32 {
	n := s.Size * s.Size
	return s.Images[i*n : (i+1)*n : (i+1)*n]
}

// Gather copies the images and labels of these indices, `[B, S, S, 1]` and `[B]`.
func (s *Set) Gather(indices []int) (images []float32, labels []int32) {
	images = make([]float32, 0, len(indices)*s.Size*s.Size)
	labels = make([]int32, 0, len(indices))
	for _, i := range indices {
		images = append(images, s.Image(i)...)
		labels = append(labels, int32(s.Labels[i]))
	}
	return images, labels
}

// Digest is the SHA-256 of the set's shape, images and labels, in hexadecimal.
func (s *Set) Digest() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "tailsweep dataset 1\n%s\n%s\n%d\n", strconv.Quote(s.Name), strconv.Itoa(s.Size), len(s.Labels)) // a hash takes every write
	buf := make([]byte, 0, 4*s.Size*s.Size+4)
	for i, l := range s.Labels {
		buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(l))
		for _, v := range s.Image(i) {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// appendImage appends a published image at size 28, or padded with 2 pixels of
// background to 32 and averaged 2x2 at size 16, with 0..255 mapped to [-1, 1].
func appendImage(dst []float32, px []byte, size int) []float32 {
	if size == side {
		for _, v := range px {
			dst = append(dst, float32(v)/127.5-1)
		}
		return dst
	}
	at := func(y, x int) int {
		y, x = y-2, x-2
		if y < 0 || y >= side || x < 0 || x >= side {
			return 0
		}
		return int(px[y*side+x])
	}
	for y := 0; y < 32; y += 2 {
		for x := 0; x < 32; x += 2 {
			sum := at(y, x) + at(y, x+1) + at(y+1, x) + at(y+1, x+1)
			dst = append(dst, float32(sum)/(4*127.5)-1)
		}
	}
	return dst
}

// stream is the random stream of a purpose, a seed and a counter: ChaCha8 with
// the three as its key, so streams share nothing.
func stream(purpose string, seed int64, counter uint64) *rand.Rand {
	var key [32]byte
	copy(key[:16], purpose)
	binary.LittleEndian.PutUint64(key[16:], uint64(seed))
	binary.LittleEndian.PutUint64(key[24:], counter)
	return rand.New(rand.NewChaCha8(key))
}
