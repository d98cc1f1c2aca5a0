package dataset

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// Check reads every image of an image folder and of its reference, also those that the
// split leaves out, and returns an error that lists the images that cannot be read, unless
// d.SkipUnreadable is set. The cache keeps the result until a file changes. The files of
// other datasets are verified when they are loaded.
func (l Loader) Check(d sweep.Dataset) error {
	if err := check(d); err != nil {
		return err
	}
	d, err := Local(d)
	if err != nil || readers()[d.Name].list == nil {
		return err
	}
	if err := l.checkFiles(d); err != nil || d.Reference == "" {
		return err
	}
	return ofReference(d, l.checkFiles(balanced(d)))
}

// checkFiles is Check for the images of d itself.
func (l Loader) checkFiles(d sweep.Dataset) error {
	all, err := listAll(d)
	if err != nil {
		return err
	}
	p, err := newImageFiles(d, all.files)
	if err != nil {
		return err
	}
	broken, err := p.unreadable(l)
	if err != nil || d.SkipUnreadable || len(broken) == 0 {
		return err
	}
	n := d.Size * d.Size * d.Channels()
	first := broken[:min(len(broken), shownUnreadable)]
	failed, err := p.tryAll(first, n, Loader{}, func(int, []byte, [sha256.Size]byte) error { return nil })
	if err != nil || len(failed) == 0 { // they were repaired meanwhile
		return err
	}
	return unreadableError(failed, len(broken))
}

// unreadable is an image that cannot be read.
type unreadable struct {
	i   int // of the image
	why *sweep.FieldError
}

// tryAll decodes these images and passes the pixels of each, and the digest of its file, to
// take, from several goroutines. It returns those that cannot be read, in order.
func (p *imageFiles) tryAll(indices []int, n int, l Loader, take func(k int, image []byte, digest [sha256.Size]byte) error) (failed []unreadable, err error) {
	var mu sync.Mutex
	err = each(len(indices), l, func(k int) error {
		image := make([]byte, n)
		digest, err := p.decode(image, indices[k])
		if err == nil {
			return take(k, image, digest)
		}
		why, bad := errors.AsType[*sweep.FieldError](err)
		if !bad {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, unreadable{indices[k], why})
		return nil
	})
	slices.SortFunc(failed, func(a, b unreadable) int { return cmp.Compare(a.i, b.i) })
	return failed, err
}

// shownUnreadable is how many images that cannot be read are named.
const shownUnreadable = 20

// unreadableError is the error of n images that cannot be read, of which failed are the first.
func unreadableError(failed []unreadable, n int) error {
	var names []string
	for _, u := range failed[:min(len(failed), shownUnreadable)] {
		names = append(names, u.why.Message)
	}
	list, these := strings.Join(names, "\n  "), "this file"
	if n > 1 {
		list, these = fmt.Sprintf("%d images cannot be read:\n  %s", n, list), "these files"
		if n > len(names) {
			list += fmt.Sprintf("\n  and %d more", n-len(names))
		}
		list += "\n "
	}
	return badField("dataset.path", "%s (valid: complete %s files; replace or remove %s, or set dataset.skip_unreadable: true)", list, imagefile.Formats(), these)
}

// without returns the listing without the images that cannot be read, which it leaves out.
// It decodes all images, unless the cache knows the result.
func (l listing) without(p *imageFiles) (listing, error) {
	broken, err := p.unreadable(Loader{})
	if err != nil {
		return l, err
	}
	kept := listing{classes: l.classes, leftOut: l.leftOut}
	have := make([]bool, len(l.classes))
	for i, file := range l.files {
		if _, is := slices.BinarySearch(broken, i); is {
			kept.leave(leftBroken, file)
			continue
		}
		kept.files, kept.labels = append(kept.files, file), append(kept.labels, l.labels[i])
		have[l.labels[i]] = true
	}
	if class := slices.Index(have, false); class >= 0 {
		return l, badField("dataset.path", "no image of class %d (%s) can be read", class, l.classes[class])
	}
	return kept, nil
}

// unreadable returns the indices of the images that cannot be read, in order. The cache
// keeps them as the bytes of one image each, 1 for one that cannot be read.
func (p *imageFiles) unreadable(loader Loader) ([]int, error) {
	all := make([]int, len(p.files))
	for i := range all {
		all[i] = i
	}
	key, err := p.key(all)
	if err != nil {
		return nil, err
	}
	key = sha256.Sum256(append([]byte("unreadable "), key[:]...))
	dir, noCache := folder.Cache()
	name := recordName(filepath.Join(dir, cacheFolder), key)
	var marks []byte
	if noCache == nil {
		marks, _ = readRecord(name, key, len(all)) // else it is written again
	}
	if marks == nil {
		n := p.dataset.Size * p.dataset.Size * p.dataset.Channels()
		marks = make([]byte, len(all))
		err := each(len(marks), loader, func(k int) error {
			_, err := p.decode(make([]byte, n), k)
			if _, bad := errors.AsType[*sweep.FieldError](err); !bad {
				return err
			}
			marks[k] = 1
			return nil
		})
		if err != nil {
			return nil, err
		}
		if noCache == nil {
			_ = writeRecord(name, key, marks) // it only saves time
		}
	}
	var broken []int
	for i, mark := range marks {
		if mark != 0 {
			broken = append(broken, i)
		}
	}
	return broken, nil
}
