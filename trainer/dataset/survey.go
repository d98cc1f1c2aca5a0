package dataset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// Survey is what a folder of images contains, before there is a spec for it.
type Survey struct {
	Classes     []string // names, in class order
	Images      []int    // of each class
	LeftOut     []LeftOut
	Links       int              // images that Dataset.FollowLinks would add
	FollowLinks bool             // Images has those that links lead to: without them a class has none
	Looks       []imagefile.Look // some of the images, spread evenly over the classes
}

// Limits of a survey.
const (
	surveyEntries = 2_000_000 // files and folders
	surveyLooks   = 100       // images that are decoded
)

// SurveyFolder looks at a folder of images as openFolder reads it: it lists the files and
// decodes some images. An error without a class of failure says what is wrong with the folder,
// and how to arrange it.
func SurveyFolder(ctx context.Context, folder string) (Survey, error) {
	return surveyFolder(ctx, folder, surveyEntries)
}

func surveyFolder(ctx context.Context, folder string, most int) (Survey, error) {
	if err := isFolder(folder); err != nil {
		return Survey{}, err
	}
	d := sweep.Dataset{Name: sweep.ImageFolder, Path: folder}
	start := listing{limits: limits{images: maxImages, entries: most}, stop: func() error { return context.Cause(ctx) }}
	l, err := start.folders(d)
	switch {
	case ctx.Err() != nil:
		return Survey{}, context.Cause(ctx)
	case l.entries > most:
		return Survey{}, tooManyFiles(folder, most)
	case err != nil && !errors.Is(err, errNoClass):
		return Survey{}, err
	}
	s := Survey{Classes: l.classes, Images: l.counts(), LeftOut: l.leftOut}
	if l.count(leftLink) > 0 {
		d.FollowLinks = true
		all, err := start.folders(d)
		switch {
		case all.entries > most:
			return Survey{}, tooManyFiles(folder, most)
		case err != nil && !errors.Is(err, errNoClass):
			return Survey{}, err
		case len(all.classes) > len(l.classes):
			s.Classes, s.Images, s.LeftOut, s.FollowLinks = all.classes, all.counts(), all.leftOut, true
			l = all
		default:
			d.FollowLinks = false
			if s.Links = len(all.files) - len(l.files); s.Links > 0 {
				s.LeftOut = slices.DeleteFunc(s.LeftOut, func(o LeftOut) bool { return o.Reason == leftLink })
			}
		}
	}
	if err := l.arranged(folder); err != nil {
		return Survey{}, err
	}
	s.Looks, err = l.look(ctx, d)
	return s, err
}

func tooManyFiles(folder string, most int) error {
	return fmt.Errorf("%s has more than %d files, and no more are looked at (valid: a folder of fewer)", folder, most)
}

// isFolder returns an error unless there is a folder that can be listed.
func isFolder(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no folder %s", folder)
	case err != nil:
		return err
	case info.IsDir():
		return nil
	case slices.ContainsFunc([]string{".zip", ".tar", ".gz", ".tgz", ".xz", ".7z", ".rar"}, func(end string) bool { return strings.EqualFold(filepath.Ext(folder), end) }):
		return fmt.Errorf("%s is an archive: unpack it first (valid: a folder with a folder of images for each class)", folder)
	}
	return fmt.Errorf("%s is a file (valid: a folder with a folder of images for each class)", folder)
}

// counts is the number of images of each class.
func (l listing) counts() []int {
	counts := make([]int, len(l.classes))
	for _, label := range l.labels {
		counts[label]++
	}
	return counts
}

// count is how many names were left out for a reason.
func (l listing) count(reason string) int {
	for _, o := range l.leftOut {
		if o.Reason == reason {
			return o.Count
		}
	}
	return 0
}

// arranged returns an error that says how to arrange the images, where the folder has fewer
// than two classes or where its folders are the splits of a dataset.
func (l listing) arranged(folder string) error {
	example := filepath.Join(folder, "CLASS", "image.png")
	loose := l.count(leftOutside)
	switch {
	case len(l.classes) == 0 && loose > 0:
		return fmt.Errorf("%s has %s and no folder of a class: move the images of each class into a folder that has its name, as in %s",
			folder, english.Plural(loose, "image", ""), example)
	case len(l.classes) == 0 && l.entries == 0:
		return fmt.Errorf("%s is empty (valid: a folder of images for each class, as in %s)", folder, example)
	case len(l.classes) == 0:
		var all []string
		for _, o := range l.leftOut {
			all = append(all, o.String())
		}
		return fmt.Errorf("%s has no image that can be read (%s are read): %s", folder, imagefile.Formats(), strings.Join(all, "; "))
	}
	splits := []string{"train", "training", "val", "valid", "validation", "test", "testing", "eval"}
	if !slices.ContainsFunc(l.classes, func(name string) bool { return !slices.Contains(splits, strings.ToLower(name)) }) {
		return fmt.Errorf("the folders in %s are parts of a dataset, not classes: %s (valid: one of them, such as %s)",
			folder, text.List(l.classes, len(splits)), filepath.Join(folder, l.classes[0]))
	}
	if len(l.classes) > 1 {
		return nil
	}
	if below := l.below(); len(below) > 1 {
		return fmt.Errorf("%s has images in one folder only, %s, whose folders may be the classes: %s (valid: %s)",
			folder, l.classes[0], text.List(below, shownClasses), filepath.Join(folder, l.classes[0]))
	}
	return fmt.Errorf("%s has images of one class only, %s (valid: two folders of images or more, one for each class, as in %s)", folder, l.classes[0], example)
}

// below lists the folders in the first class that have images, if all its images are in one.
func (l listing) below() (folders []string) {
	for _, file := range l.files {
		parts := strings.Split(file, "/")
		if len(parts) < 3 {
			return nil
		}
		if len(folders) == 0 || folders[len(folders)-1] != parts[1] {
			folders = append(folders, parts[1])
		}
	}
	return folders
}

// look decodes some of the images. Those that cannot be read are left out, unless none can.
func (l listing) look(ctx context.Context, d sweep.Dataset) ([]imagefile.Look, error) {
	n := min(len(l.files), surveyLooks)
	looks := make([]imagefile.Look, n)
	seen := make([]bool, n)
	var failed atomic.Value
	err := each(n, Loader{Progress: func(int, int) error { return context.Cause(ctx) }}, func(k int) error {
		file := l.files[k*len(l.files)/n]
		data, err := readImage(d, file)
		if err == nil {
			looks[k], err = imagefile.LookAt(path.Join(filepath.ToSlash(d.Path), file), data)
		}
		if err != nil {
			failed.Store(err.Error())
			return nil
		}
		seen[k] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []imagefile.Look
	for k, look := range looks {
		if seen[k] {
			all = append(all, look)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("none of %s that were looked at can be read: %v", english.Plural(n, "image", ""), failed.Load())
	}
	return all, nil
}

// Unreadable returns the first images that cannot be read, and how many there are, of a
// folder that goes on without them.
func (a About) Unreadable() (first []string, all int) {
	for _, o := range a.LeftOut {
		if o.Reason == leftBroken {
			return o.First, o.Count
		}
	}
	return nil, 0
}
