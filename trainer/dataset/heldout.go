package dataset

import (
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
)

// HeldOut counts, by class, the real images of DescribeBalanced(d) that are not trained
// on. Of an image folder it compares files by path and, where the sizes are equal, by
// content; it decodes none.
func HeldOut(d sweep.Dataset) ([]int, error) {
	d, err := Local(d)
	if err != nil {
		return nil, err
	}
	about, err := Describe(d)
	if err != nil {
		return nil, err
	}
	list := readerOf(d.Name).list
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
	for i, label := range real.labels {
		known, err := trained.has(real.path(reference, i))
		if err != nil {
			return nil, ofReference(d, openError(reference, err))
		}
		if !known {
			held[label]++
		}
	}
	return held, nil
}

// path is where file i of a listing of d is.
func (l listing) path(d sweep.Dataset, i int) string {
	return filepath.Join(d.Path, filepath.FromSlash(l.files[i]))
}

// contents are files that can be asked whether they have a content.
type contents struct {
	path   map[string]bool
	size   map[int64][]string // the files of a size that have no digest yet
	digest map[string]bool
}

func (c contents) add(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	c.path[path] = true
	c.size[info.Size()] = append(c.size[info.Size()], path)
	return nil
}

// has reports whether a file, or one with its content, is among c.
func (c contents) has(path string) (bool, error) {
	if c.path[path] {
		return true, nil
	}
	info, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	same, known := c.size[info.Size()]
	if !known {
		return false, nil
	}
	for _, other := range same {
		sum, err := file.SHA256(other)
		if err != nil {
			return false, err
		}
		c.digest[sum] = true
	}
	c.size[info.Size()] = nil // known, and in digest
	sum, err := file.SHA256(path)
	return c.digest[sum], err
}
