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
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Set is images with labels, ordered by class. It does not change after Load.
type Set struct {
	Name     string
	Size     int    // S
	Channels int    // 1 grey, 3 RGB
	Images   Images // `[N, S, S, Channels]`
	Labels   []int  // `[N]`, 0 <= label < C
	About           // its Counts are of Labels
}

// Load reads the long-tailed set that d describes. Each class is shuffled with
// d.Imbalance.Seed and keeps its first n_i images, where the n_i are sweep.Counts of
// the smallest class's number of images; profile none keeps all. So a stronger
// imbalance keeps a subset of what a weaker one of the same seed and order keeps.
func Load(d sweep.Dataset) (*Set, error) { return Loader{}.Load(d) }

// Load is the package's Load, which reports its progress and what is left out.
func (l Loader) Load(d sweep.Dataset) (*Set, error) {
	if err := check(d); err != nil {
		return nil, err
	}
	d, err := Local(d)
	if err != nil {
		return nil, err
	}
	if d.SkipUnreadable {
		if err := l.checkFiles(d); err != nil { // with progress: open takes the result from the cache
			return nil, err
		}
	}
	src, err := readers()[d.Name].open(d)
	if err != nil {
		return nil, err
	}
	return l.split(d, src)
}

// split reads the images of src that the split keeps.
func (l Loader) split(d sweep.Dataset, src *source) (*Set, error) {
	classes := src.classes
	if classes == nil {
		info, _ := sweep.LookupDataset(d.Name)
		classes = info.Classes
	}
	about, err := describe(d, classes, src.labels)
	if err != nil {
		return nil, err
	}
	about.LeftOut = src.leftOut
	for _, left := range src.leftOut {
		l.log("%s: %s", d.Path, left)
	}
	s := &Set{Name: d.Name, Size: d.Size, Channels: d.Channels(), About: about}
	indices := chosen(d.Imbalance.Seed, src.labels, s.Counts)
	for class, n := range s.Counts {
		s.Labels = append(s.Labels, slices.Repeat([]int{class}, n)...)
	}
	s.Images, err = src.images(indices, s.pixels(), l)
	return s, err
}

// chosen returns the indices of the images that the split keeps, by class: the first
// counts[class] of each, shuffled.
func chosen(seed int64, labels, counts []int) (indices []int) {
	for class, own := range byClass(labels, len(counts)) {
		r := stream("split", seed, uint64(class))
		r.Shuffle(len(own), func(i, j int) { own[i], own[j] = own[j], own[i] })
		indices = append(indices, own[:counts[class]]...)
	}
	return indices
}

// check returns an error if d cannot be loaded, whatever its files contain.
func check(d sweep.Dataset) error {
	info, known := sweep.LookupDataset(d.Name)
	switch {
	case !known:
		var names []string
		for _, info := range sweep.DatasetList() {
			names = append(names, info.Name)
		}
		return badField("dataset.name", "unknown dataset %q (valid: %s)", d.Name, strings.Join(names, ", "))
	case len(info.Sizes) > 0 && !slices.Contains(info.Sizes, d.Size):
		return badField("dataset.size", "%d (valid: %s)", d.Size, text.Numbers(info.Sizes, len(info.Sizes)))
	case d.Size < sweep.MinSize, d.Size > sweep.MaxSize:
		return badField("dataset.size", "%d (valid: %d to %d)", d.Size, sweep.MinSize, sweep.MaxSize)
	case d.Channels() != 1 && d.Channels() != 3:
		return badField("dataset.channels", "%d (valid: 1, 3)", d.Channels())
	}
	switch d.Imbalance.Profile {
	case sweep.ProfileExp, sweep.ProfileStep:
		if f := d.Imbalance.Factor; !(f > 0 && f <= 1) {
			return badField("dataset.imbalance.factor", "%v, want a number in (0, 1]", f)
		}
	case sweep.ProfileNone:
	default:
		return badField("dataset.imbalance.profile", "unknown profile %q (valid: %s)", d.Imbalance.Profile, strings.Join(sweep.Profiles(), ", "))
	}
	return nil
}

// kept returns how many of the available images of each class the split keeps. A class
// that keeps none is an error.
func kept(im sweep.Imbalance, classes []string, available []int) ([]int, error) {
	if im.Profile == sweep.ProfileNone {
		return available, nil
	}
	most := slices.Min(available)
	counts := sweep.Counts(im, len(available), most)
	empty := slices.Index(counts, 0)
	if empty < 0 {
		return counts, nil
	}
	others := -1 // further classes without images
	for _, n := range counts {
		if n == 0 {
			others++
		}
	}
	more := ""
	if others > 0 {
		more = fmt.Sprintf(" and in %d more classes", others)
	}
	return nil, badField("dataset.imbalance.factor", "%v leaves no images in class %d (%s)%s: "+
		"the largest class keeps %d, the number of images of the smallest (valid: at least %v)",
		im.Factor, empty, classes[empty], more, most, leastFactor(most))
}

// leastFactor is 1/most, rounded up to three digits: the least factor that leaves one of
// most images.
func leastFactor(most int) float64 {
	scale := 100
	for scale/100 < most {
		scale *= 10
	}
	return math.Ceil(float64(scale)/float64(most)) / float64(scale)
}

// Len is N.
func (s *Set) Len() int { return len(s.Labels) }

// pixels is S*S*Channels, the numbers of an image.
func (s *Set) pixels() int { return s.Size * s.Size * s.Channels }

// Image returns image i, `[S, S, Channels]`.
func (s *Set) Image(i int) ([]float32, error) {
	image := make([]float32, s.pixels())
	return image, s.Images.Read(image, i)
}

// Gather returns the images and labels of these indices, `[B, S, S, Channels]` and `[B]`.
func (s *Set) Gather(indices []int) (images []float32, labels []int32, err error) {
	n := s.pixels()
	images, labels = make([]float32, len(indices)*n), make([]int32, len(indices))
	for k, i := range indices {
		if err := s.Images.Read(images[k*n:(k+1)*n], i); err != nil {
			return nil, nil, err
		}
		labels[k] = int32(s.Labels[i])
	}
	return images, labels, nil
}

// Digest is the SHA-256 of the set's shape, images and labels, in hexadecimal. Where the files
// are, and whether a split file, links or copies give them, has no effect.
func (s *Set) Digest() (string, error) {
	shape := strconv.Itoa(s.Size)
	if s.Channels > 1 {
		shape += "x" + strconv.Itoa(s.Channels)
	}
	head := fmt.Sprintf("tailsweep dataset 1\n%s\n%s\n%d\n", strconv.Quote(s.Name), shape, len(s.Labels))
	sum, err := remembered(s.Images, fmt.Sprint(head, s.Labels), func() ([sha256.Size]byte, error) { return s.digest(head) })
	return hex.EncodeToString(sum[:]), err
}

func (s *Set) digest(head string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	h.Write([]byte(head)) // a hash takes every write
	image := make([]float32, s.pixels())
	buf := make([]byte, 0, 4*len(image)+4)
	for i, l := range s.Labels {
		if err := s.Images.Read(image, i); err != nil {
			return sum, err
		}
		buf = binary.LittleEndian.AppendUint32(buf[:0], uint32(l))
		for _, v := range image {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// stream is the random stream of a purpose, a seed and a counter: ChaCha8 with the
// three as its key, so that streams are independent.
func stream(purpose string, seed int64, counter uint64) *rand.Rand {
	var key [32]byte
	copy(key[:16], purpose)
	binary.LittleEndian.PutUint64(key[16:], uint64(seed))
	binary.LittleEndian.PutUint64(key[24:], counter)
	return rand.New(rand.NewChaCha8(key))
}
