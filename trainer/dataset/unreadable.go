package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

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
	if err != nil || d.SkipUnreadable {
		return err
	}
	return p.refuse(broken)
}

// refuse returns an error that lists these images, which cannot be read; nil for none.
func (p *imageFiles) refuse(broken []int) error {
	first := broken[:min(len(broken), shownUnreadable)]
	failed, err := p.tryAll(len(first), Loader{}, func(k int) error {
		_, err := p.decode(make([]byte, p.values()), first[k])
		return err
	})
	if err != nil || len(failed) == 0 { // they were repaired meanwhile
		return err
	}
	for k := range failed {
		failed[k].i = first[failed[k].i]
	}
	return unreadableError(failed, len(broken))
}

// unreadable is an image that cannot be read.
type unreadable struct {
	i   int // of the image
	why *sweep.FieldError
}

// tryAll calls try for 0 to all-1, from several goroutines, and returns those for which it
// returns a FieldError, in order.
func (p *imageFiles) tryAll(all int, l Loader, try func(i int) error) (failed []unreadable, err error) {
	var mu sync.Mutex
	err = each(all, l, func(i int) error {
		err := try(i)
		why, bad := errors.AsType[*sweep.FieldError](err)
		if !bad {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		failed = append(failed, unreadable{i, why})
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
	kept := listing{classes: l.classes, leftOut: l.leftOut, all: l.files}
	have := make([]bool, len(l.classes))
	for i, file := range l.files {
		if _, is := slices.BinarySearch(broken, i); is {
			kept.leave(leftBroken, file)
			continue
		}
		kept.files, kept.labels, kept.from = append(kept.files, file), append(kept.labels, l.labels[i]), append(kept.from, i)
		have[l.labels[i]] = true
	}
	if class := slices.Index(have, false); class >= 0 {
		return l, badField("dataset.path", "no image of class %d (%s) can be read", class, l.classes[class])
	}
	return kept, nil
}

// unreadable returns the indices of the images that cannot be read, in order.
func (p *imageFiles) unreadable(l Loader) (broken []int, err error) {
	c, err := p.cached(l)
	if _, ok := errors.AsType[*cacheError](err); ok {
		failed, err := p.tryAll(len(p.files), l, func(i int) error {
			_, err := p.decode(make([]byte, p.values()), i)
			return err
		})
		for _, u := range failed {
			broken = append(broken, u.i)
		}
		return broken, err
	}
	if err != nil {
		return nil, err
	}
	for i, mark := range c.broken {
		if mark != 0 {
			broken = append(broken, i)
		}
	}
	return broken, nil
}
