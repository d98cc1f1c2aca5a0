package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

const (
	maxImages    = 1 << 24 // of a folder or a split file
	shownClasses = 12      // in an error
)

// listing is the content of an image folder, before anything is decoded.
type listing struct {
	classes []string
	files   []string // slash-separated paths, relative to the folder
	labels  []int    // by file
	leftOut []LeftOut

	limits  limits
	entries int          // listed
	stop    func() error // called for each folder; its error ends the listing; may be nil

	// of a listing without the images that cannot be read
	all  []string // the files with these images
	from []int    // by file, its place in all
}

// limits bound a listing, and with it the memory that it takes.
type limits struct {
	images  int // of the folder
	entries int // files and folders that are listed; 0: no limit
}

// openFolder lists the images of d.Path; they are decoded when they are loaded.
func openFolder(d sweep.Dataset) (*source, error) {
	l, err := list(d)
	if err != nil {
		return nil, err
	}
	files := l.files
	if l.from != nil {
		files = l.all
	}
	p, err := newImageFiles(d, files)
	if err != nil {
		return nil, err
	}
	images := func(indices []int, _ int, loader Loader) (Images, error) {
		places := slices.Clone(indices)
		for k, i := range indices {
			if l.from != nil {
				places[k] = l.from[i]
			}
		}
		return p.images(places, loader)
	}
	return &source{classes: l.classes, labels: l.labels, leftOut: l.leftOut, images: images}, nil
}

func newImageFiles(d sweep.Dataset, files []string) (*imageFiles, error) {
	background, err := imagefile.ParseColour(cmp.Or(d.Background, sweep.DefaultBackground))
	if err != nil {
		return nil, badField("dataset.background", "%w", err)
	}
	return &imageFiles{dataset: d, background: background, files: files}, nil
}

// list lists the images of an image folder, or those of its split file, in an order
// that depends on nothing but their names. It leaves out those that cannot be read, if d
// says so.
func list(d sweep.Dataset) (listing, error) {
	l, err := listAll(d)
	if err != nil || !d.SkipUnreadable {
		return l, err
	}
	p, err := newImageFiles(d, l.files)
	if err != nil {
		return listing{}, err
	}
	return l.without(p)
}

// listAll is list with the images that cannot be read.
func listAll(d sweep.Dataset) (l listing, err error) {
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
func listFolders(d sweep.Dataset) (listing, error) {
	return listing{limits: limits{images: maxImages}}.folders(d)
}

// folders is listFolders with the limits of l.
func (l listing) folders(d sweep.Dataset) (listing, error) {
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return l, openError(d, err)
	}
	defer root.Close() //nolint:errcheck // nothing is written
	entries, err := l.readDir(root, d, ".")
	if err != nil {
		return l, err
	}
	for _, entry := range entries {
		name := entry.Name()
		mode, link := followed(root, d, name, entry)
		if !mode.IsDir() || IsSystemFile(name) {
			l.leaveEntry(name, mode, link, leftOutside)
			continue
		}
		before := len(l.files)
		unreadable, err := l.addClass(root, d, name)
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
	}
	if len(l.classes) == 0 {
		return l, badField("dataset.path", "%s %w%s", d.Path, errNoClass, notClasses(l.leftOut))
	}
	return l, nil
}

// readDir lists a folder of root in the order of the names.
func (l *listing) readDir(root *os.Root, d sweep.Dataset, name string) ([]fs.DirEntry, error) {
	if l.stop != nil {
		if err := l.stop(); err != nil {
			return nil, err
		}
	}
	dir, err := root.Open(name)
	if err != nil {
		return nil, openError(d, err)
	}
	defer dir.Close() //nolint:errcheck // only read
	most := -1
	if l.limits.entries > 0 {
		most = l.limits.entries - l.entries + 1
	}
	entries, err := dir.ReadDir(most)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, openError(d, err)
	}
	if l.entries += len(entries); l.limits.entries > 0 && l.entries > l.limits.entries {
		return nil, badField("dataset.path", "%s has more than %d files", d.Path, l.limits.entries)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// followed returns what an entry of root is, or what it leads to if it is a symbolic link
// that d follows. link is the reason to leave out a link that is not followed.
func followed(root *os.Root, d sweep.Dataset, name string, entry fs.DirEntry) (mode fs.FileMode, link string) {
	if entry.Type()&fs.ModeSymlink == 0 {
		return entry.Type(), ""
	}
	if !d.FollowLinks {
		return entry.Type(), leftLink
	}
	switch info, err := root.Stat(name); {
	case err == nil:
		return info.Mode().Type(), ""
	case errors.Is(err, fs.ErrNotExist):
		return entry.Type(), leftDeadLink
	}
	return entry.Type(), leftOutLink
}

// addClass adds the images in a folder of root, sorted, as slash-separated paths
// relative to root. unreadable is the first one in a format that is not read.
func (l *listing) addClass(root *os.Root, d sweep.Dataset, folder string) (unreadable string, err error) {
	first := len(l.files)
	var walk func(folder string, above []fs.FileInfo) error
	walk = func(folder string, above []fs.FileInfo) error {
		own, err := root.Stat(folder)
		if err != nil {
			return sweep.Fail(sweep.FailTransient, err)
		}
		if slices.ContainsFunc(above, func(f fs.FileInfo) bool { return os.SameFile(f, own) }) {
			l.leave(leftLoop, folder+"/")
			return nil
		}
		entries, err := l.readDir(root, d, folder)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			rel := path.Join(folder, entry.Name())
			mode, link := followed(root, d, rel, entry)
			switch {
			case mode.IsDir() && !IsSystemFile(entry.Name()):
				if err := walk(rel, append(slices.Clip(above), own)); err != nil {
					return err
				}
				continue
			case mode.IsRegular() && !IsSystemFile(entry.Name()) && imagefile.Readable(rel):
				if len(l.files) == l.limits.images {
					return badField("dataset.path", "%s has more than %d images (valid: fewer, or dataset.split, a list of those that are used)", d.Path, l.limits.images)
				}
				l.files = append(l.files, rel)
				continue
			case mode.IsRegular() && imagefile.Unreadable(rel) && unreadable == "":
				unreadable = entry.Name()
			}
			l.leaveEntry(rel, mode, link, leftOther)
		}
		return nil
	}
	top, err := root.Stat(".")
	if err == nil {
		err = walk(folder, []fs.FileInfo{top})
	}
	slices.Sort(l.files[first:])
	return unreadable, err
}

// leaveEntry counts an entry of the folder that is not an image of a class as left out. link
// is the reason if it is a symbolic link, readable if it is a supported image.
func (l *listing) leaveEntry(name string, mode fs.FileMode, link, readable string) {
	switch {
	case IsSystemFile(path.Base(name)) && mode.IsDir():
		l.leave(leftSystem, name+"/")
	case IsSystemFile(path.Base(name)):
		l.leave(leftSystem, name)
	case link != "":
		l.leave(link, name)
	case imagefile.Readable(name) && mode.IsRegular():
		l.leave(readable, name)
	case imagefile.Unreadable(name):
		l.leave(leftUnreadable, name)
	default:
		l.leave(leftOther, name)
	}
}

var errNoClass = errors.New("contains no class folder with images")

var errTooLarge = fmt.Errorf("is larger than %d MiB", imagefile.MaxFile>>20)

// fileInfo describes a file of an image folder: what it leads to, if it is a link that d
// follows.
func fileInfo(root *os.Root, d sweep.Dataset, name string) (fs.FileInfo, error) {
	if d.FollowLinks {
		return root.Stat(name)
	}
	return root.Lstat(name)
}

// readImage reads a regular file of an image folder. It refuses a name that is a symbolic
// link, unless d follows links, and follows no link out of the folder.
func readImage(d sweep.Dataset, name string) ([]byte, error) {
	root, err := os.OpenRoot(d.Path)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	shown := filepath.Join(d.Path, filepath.FromSlash(name))
	info, err := fileInfo(root, d, name)
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
