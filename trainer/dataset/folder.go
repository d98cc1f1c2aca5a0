package dataset

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

const (
	maxImages    = 1 << 24 // of a folder
	shownClasses = 12      // in an error
)

// listing is the content of an image folder, before anything is decoded.
type listing struct {
	classes []string
	files   []string // slash-separated paths, relative to the folder
	labels  []int    // by file
	leftOut []LeftOut
}

// openFolder lists the images of d.Path; they are decoded when they are loaded.
func openFolder(d sweep.Dataset) (*source, error) {
	l, err := list(d)
	if err != nil {
		return nil, err
	}
	p := imageFiles{dataset: d, files: l.files}
	if p.background, err = imagefile.ParseColour(cmp.Or(d.Background, sweep.DefaultBackground)); err != nil {
		return nil, badField("dataset.background", "%w", err)
	}
	return &source{classes: l.classes, labels: l.labels, leftOut: l.leftOut, images: p.images}, nil
}

// list lists the images of an image folder, or those of its split file, in an order
// that depends on nothing but their names or lines.
func list(d sweep.Dataset) (l listing, err error) {
	if d.SplitFile != "" {
		l, err = listSplit(d)
	} else {
		l, err = listFolders(d)
	}
	if err != nil {
		return listing{}, err
	}
	if want := d.FolderClasses; want != 0 && want != len(l.classes) { // 0: data inspect reports the number
		return listing{}, badField("dataset.classes", "is %d, but %s has %d classes: %s%s (valid: %[3]d)",
			want, d.Path, len(l.classes), text.List(l.classes, shownClasses), notClasses(l.leftOut))
	}
	return l, nil
}

// notClasses names the folders that are not classes.
func notClasses(leftOut []LeftOut) string {
	for _, l := range leftOut {
		if l.Reason == leftNoClass {
			return "; " + l.String()
		}
	}
	return ""
}

// listFolders lists the images of d.Path. Each folder in it that has images, at any
// depth, is a class; the classes are in the order of the names.
func listFolders(d sweep.Dataset) (l listing, err error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return l, openError(d, err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !entry.IsDir() || isSystemFile(name) {
			if err := l.leaveEntry(d.Path, name, entry, leftOutside); err != nil {
				return l, err
			}
			continue
		}
		before := len(l.files)
		unreadable, err := l.addClass(d.Path, name)
		switch found := len(l.files) - before; {
		case err != nil:
			return l, err
		case found == 0 && unreadable != "":
			return l, badField("dataset.path", "%s contains no readable image (found %s; supported: %s)", filepath.Join(d.Path, name), unreadable, imagefile.Formats())
		case found == 0:
			l.leave(leftNoClass, name+"/")
		default:
			l.labels = append(l.labels, slices.Repeat([]int{len(l.classes)}, found)...)
			l.classes = append(l.classes, name)
		}
		if len(l.files) > maxImages {
			return l, badField("dataset.path", "%s has more than %d images", d.Path, maxImages)
		}
	}
	if len(l.classes) == 0 {
		return l, badField("dataset.path", "%s contains no class folder with images%s", d.Path, notClasses(l.leftOut))
	}
	return l, nil
}

// addClass adds the images in a folder of root, sorted, as slash-separated paths
// relative to root. unreadable is the first one in a format that is not read.
func (l *listing) addClass(root, folder string) (unreadable string, err error) {
	first := len(l.files)
	err = filepath.WalkDir(filepath.Join(root, folder), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return sweep.Fail(sweep.FailTransient, err)
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		switch {
		case entry.IsDir() && !isSystemFile(entry.Name()):
			return nil
		case entry.Type().IsRegular() && !isSystemFile(entry.Name()) && imagefile.Readable(rel):
			l.files = append(l.files, rel)
			return nil
		case entry.Type().IsRegular() && imagefile.Unreadable(rel) && unreadable == "":
			unreadable = entry.Name()
		}
		if err := l.leaveEntry(root, rel, entry, leftOther); err != nil {
			return err
		}
		if entry.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
	slices.Sort(l.files[first:])
	return unreadable, err
}

// leaveEntry counts an entry of root that is not an image of a class as left out;
// readable is the reason if it is a supported image. A symbolic link is refused.
func (l *listing) leaveEntry(root, name string, entry fs.DirEntry, readable string) error {
	switch {
	case isSystemFile(entry.Name()) && entry.IsDir():
		l.leave(leftSystem, name+"/")
	case isSystemFile(entry.Name()):
		l.leave(leftSystem, name)
	case entry.Type()&fs.ModeSymlink != 0:
		return badField("dataset.path", "%s is a symbolic link, which is not followed", filepath.Join(root, filepath.FromSlash(name)))
	case imagefile.Readable(name) && entry.Type().IsRegular():
		l.leave(readable, name)
	case imagefile.Unreadable(name):
		l.leave(leftUnreadable, name)
	default:
		l.leave(leftOther, name)
	}
	return nil
}

var errTooLarge = fmt.Errorf("is larger than %d MiB", imagefile.MaxFile>>20)

// readImage reads a regular file in folder. It refuses a name that is a symbolic link,
// and follows no link out of folder.
func readImage(folder, name string) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	shown := filepath.Join(folder, filepath.FromSlash(name))
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", shown, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s %w", shown, errIrregular)
	case info.Size() > imagefile.MaxFile:
		return nil, fmt.Errorf("%s %w", shown, errTooLarge)
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	return data, nil
}
