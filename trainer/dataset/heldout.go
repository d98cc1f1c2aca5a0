package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
)

// HeldOut reports for each image of s whether it is held out: whether the training set,
// which may be nil, has no image with the same pixels. This is what held out means wherever
// images are tested that were not trained on.
func (s *Set) HeldOut(training *Set) ([]bool, error) {
	held := make([]bool, s.Len())
	if training == nil {
		return held, nil
	}
	trained := make(map[[sha256.Size]byte]bool, training.Len())
	err := training.pixelHashes(func(_ int, hash [sha256.Size]byte) { trained[hash] = true })
	if err != nil {
		return nil, err
	}
	return held, s.pixelHashes(func(i int, hash [sha256.Size]byte) { held[i] = !trained[hash] })
}

// Distinct reports for each image of s whether no earlier one has the same pixels.
func (s *Set) Distinct() ([]bool, error) {
	first := make([]bool, s.Len())
	seen := make(map[[sha256.Size]byte]bool, s.Len())
	return first, s.pixelHashes(func(i int, hash [sha256.Size]byte) {
		first[i] = !seen[hash]
		seen[hash] = true
	})
}

// pixelHashes calls visit with a digest of the pixels of each image.
func (s *Set) pixelHashes(visit func(i int, hash [sha256.Size]byte)) error {
	for i := range s.Len() {
		image, err := s.Image(i)
		if err != nil {
			return err
		}
		bytes := make([]byte, 0, 4*len(image))
		for _, v := range image {
			bytes = binary.LittleEndian.AppendUint32(bytes, math.Float32bits(v))
		}
		visit(i, sha256.Sum256(bytes))
	}
	return nil
}

// HeldOut returns, by class, how many of the real images of DescribeBalanced(d) are held
// out (see Set.HeldOut). For an image folder the number is 0 or 1 (1: at least one image): it
// compares files by path, size and content, and decodes none.
func HeldOut(d sweep.Dataset) ([]int, error) {
	d, err := Local(d)
	if err != nil {
		return nil, err
	}
	about, err := Describe(d)
	if err != nil {
		return nil, err
	}
	list := readers()[d.Name].list
	if list == nil {
		held := make([]int, len(about.Counts))
		for class, n := range about.Counts {
			held[class] = about.Available[class] - n
		}
		return held, nil
	}
	training, err := list(d)
	if err != nil {
		return nil, err
	}
	trained := contents{path: map[string]bool{}, size: map[int64][]string{}, digest: map[string]bool{}}
	for _, i := range chosen(d.Imbalance.Seed, training.labels, about.Counts) {
		if err := trained.add(training.path(d, i)); err != nil {
			return nil, openError(d, err)
		}
	}
	reference := balanced(d)
	real, err := list(reference)
	if err != nil {
		return nil, ofReference(d, err)
	}
	held := make([]int, len(real.classes))
	for class, images := range byClass(real.labels, len(real.classes)) {
		paths := make([]string, len(images))
		for k, i := range images {
			paths[k] = real.path(reference, i)
		}
		other, err := trained.lacks(paths)
		if err != nil {
			return nil, ofReference(d, openError(reference, err))
		}
		if other {
			held[class] = 1
		}
	}
	return held, nil
}

// path is where file i of a listing of d is.
func (l listing) path(d sweep.Dataset, i int) string {
	return filepath.Join(d.Path, filepath.FromSlash(l.files[i]))
}

// contents is a set of files by their content.
type contents struct {
	path   map[string]bool
	size   map[int64][]string // files of a size; those in digest are taken out
	digest map[string]bool
}

func (c contents) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	c.path[path] = true
	c.size[info.Size()] = append(c.size[info.Size()], path)
	return nil
}

// lacks reports whether a file has a content that no file of c has. It reads files only
// where paths and sizes do not show it.
func (c contents) lacks(paths []string) (bool, error) {
	var equal []string // in size
	for _, path := range paths {
		if c.path[path] {
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return false, err
		}
		if _, known := c.size[info.Size()]; !known {
			return true, nil
		}
		equal = append(equal, path)
	}
	for _, path := range equal {
		if has, err := c.has(path); err != nil || !has {
			return err == nil, err
		}
	}
	return false, nil
}

// has reports whether c has the content of a file whose size is in c.
func (c contents) has(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	for _, other := range c.size[info.Size()] {
		sum, err := file.SHA256(other)
		if err != nil {
			return false, err
		}
		c.digest[sum] = true
	}
	c.size[info.Size()] = nil
	sum, err := file.SHA256(path)
	return c.digest[sum], err
}
