package dataset

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// maxImages bounds the images of a folder.
const maxImages = 1 << 24

// listing is what an image folder holds, before anything is decoded.
type listing struct {
	classes []string
	files   []string // slash-separated paths, relative to the folder
	labels  []int    // by file
}

// openFolder lists the images of d.Path; they are decoded one by one.
func openFolder(d sweep.Dataset) (*source, error) {
	l, err := list(d)
	if err != nil {
		return nil, err
	}
	return &source{classes: l.classes, labels: l.labels, pictures: &pictures{d, l.files}}, nil
}

// decode writes image i, `[S,S,channels]`. It is safe for concurrent use.
func (p *pictures) decode(dst []byte, i int) error {
	name := filepath.Join(p.dataset.Path, filepath.FromSlash(p.files[i]))
	data, err := readImage(p.dataset.Path, p.files[i])
	if err != nil {
		return openError(p.dataset, err)
	}
	if err := decodePicture(name, data, dst, p.dataset.Size, p.dataset.Channels()); err != nil {
		return badData(fmt.Errorf("dataset.path: %w (valid: whole PNG and JPEG files; replace this one, or take it away)", err))
	}
	return nil
}

var errTooLarge = fmt.Errorf("is larger than %d MiB", maxImageFile>>20)

// readImage reads a file in folder that is no link, and leads through none that
// leaves folder.
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
	case info.Size() > maxImageFile:
		return nil, fmt.Errorf("%s %w", shown, errTooLarge)
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown, err)
	}
	return data, nil
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
	if want := d.FolderClasses; want != 0 && want != len(l.classes) { // 0: `tailsweep data inspect` is to tell
		return listing{}, badData(fmt.Errorf("dataset.classes: %d, and %s has %d (valid: %[3]d)", want, d.Path, len(l.classes)))
	}
	return l, nil
}

// listFolders takes each folder of d.Path for a class, in the order of their names,
// and the images in it, at any depth, for its images.
func listFolders(d sweep.Dataset) (l listing, err error) {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return l, openError(d, err)
	}
	for _, entry := range entries {
		name := filepath.Join(d.Path, entry.Name())
		switch {
		case strings.HasPrefix(entry.Name(), "."):
			continue
		case entry.Type()&fs.ModeSymlink != 0:
			return l, badData(fmt.Errorf("dataset.path: %s is a symbolic link, which is not followed", name))
		case !entry.IsDir():
			continue
		}
		files, err := imagesBelow(d.Path, entry.Name())
		if err != nil {
			return l, err
		}
		if len(files) == 0 {
			return l, badData(fmt.Errorf("dataset.path: %s has no PNG or JPEG files", name))
		}
		l.labels = append(l.labels, slices.Repeat([]int{len(l.classes)}, len(files))...)
		l.files = append(l.files, files...)
		l.classes = append(l.classes, entry.Name())
		if len(l.files) > maxImages {
			return l, badData(fmt.Errorf("dataset.path: %s has more than %d images", d.Path, maxImages))
		}
	}
	if len(l.classes) == 0 {
		return l, badData(fmt.Errorf("dataset.path: %s has no folders, want one a class", d.Path))
	}
	return l, nil
}

// imagesBelow lists the images in a folder of root, sorted, as slash-separated
// paths relative to root. Files of other names are passed over, links refused.
func imagesBelow(root, folder string) (files []string, err error) {
	err = filepath.WalkDir(filepath.Join(root, folder), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return sweep.Fail(sweep.FailTransient, err)
		}
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			return badData(fmt.Errorf("dataset.path: %s is a symbolic link, which is not followed", name))
		case strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return filepath.SkipDir
		case entry.IsDir(), strings.HasPrefix(entry.Name(), "."), !imageName(entry.Name()):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	slices.Sort(files)
	return files, err
}

func imageName(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(path.Ext(name)))
}
