package samples

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/dataset"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// extensions of the files of samples, in lower case.
var extensions = []string{".png", ".jpg", ".jpeg"}

const validFiles = "CLASS/NAME.png or .jpg, where CLASS is the name of a class or its number from 0"

// images is samples that are image files: CLASS/NAME.
type images struct {
	where   string
	names   []string // in order
	folders []string // of classes, also without samples, in order
	ignored int
	// open calls use with the content of the files of these names, which are in order.
	open func(ctx context.Context, names []string, use func(k int, data []byte) error) error
}

// add takes a file into the list, unless it is none of a sample.
func (m *images) add(name string) error {
	if slices.ContainsFunc(strings.Split(name, "/"), dataset.IsSystemFile) {
		return nil
	}
	if len(name) > checkpoint.MaxSampleNameBytes {
		return bad(m.where, fmt.Sprintf("has a file whose path has more than %d bytes: %s...", checkpoint.MaxSampleNameBytes, text.Printable(name[:100])), "shorter names")
	}
	extension := strings.ToLower(path.Ext(name))
	image := slices.Contains(extensions, extension)
	switch folder, file, nested := strings.Cut(name, "/"); {
	case image && !nested:
		return bad(m.full(name), "is in no folder of a class", validFiles)
	case image && strings.Contains(file, "/"):
		return bad(m.full(name), "is in a folder inside the folder of a class", validFiles)
	case image:
		if len(m.names) == checkpoint.MaxSamples {
			return bad(m.where, fmt.Sprintf("has more than %d images", checkpoint.MaxSamples), "fewer samples")
		}
		m.addFolder(folder)
		m.names = append(m.names, name)
	case imagefile.Readable(name) || imagefile.Unreadable(name):
		return bad(m.full(name), "is an image or array in another format", validFiles)
	default:
		m.ignored++
	}
	return nil
}

func (m *images) addFolder(name string) {
	if n := len(m.folders); n == 0 || m.folders[n-1] != name {
		m.folders = append(m.folders, name)
	}
}

func (m *images) full(name string) string { return m.where + "/" + name }

func (m *images) source() *Source {
	s := &Source{Path: m.where, content: m}
	if m.ignored > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d files of %s are no images and were ignored", m.ignored, m.where))
	}
	return s
}

func (m *images) close() error { return nil }

func (m *images) labels(classes []string) ([]int, error) {
	find, of, folders := newFinder(classes), map[string]int{}, map[int]string{}
	for _, folder := range m.folders {
		class, ok := find.class(folder)
		if !ok {
			return nil, bad(m.full(folder), "is not a class of the dataset", fmt.Sprintf("a class's name, or its number from 0: %s", text.List(classes, shownClasses)))
		}
		if other, twice := folders[class]; twice {
			return nil, bad(m.full(folder), fmt.Sprintf("is the second folder of class %d (%s), after %s", class, classes[class], other), "one folder for each class")
		}
		of[folder], folders[class] = class, folder
	}
	labels := make([]int, len(m.names))
	for i, name := range m.names {
		folder, _, _ := strings.Cut(name, "/")
		labels[i] = of[folder]
	}
	return labels, nil
}

func (m *images) side() (size int, err error) {
	if len(m.names) == 0 {
		return 0, bad(m.where, "has no samples", validFiles)
	}
	err = m.open(context.Background(), m.names[:1], func(_ int, data []byte) error {
		look, err := imagefile.LookAt(m.full(m.names[0]), data)
		switch {
		case err != nil:
			return badFile(err)
		case look.Width != look.Height:
			return bad(m.full(m.names[0]), fmt.Sprintf("an image of %dx%d pixels", look.Width, look.Height), "square images")
		}
		size = look.Width
		return nil
	})
	return size, err
}

func (m *images) read(ctx context.Context, indices []int, f Form, use func(place int, levels []byte)) (grey bool, err error) {
	names := make([]string, len(indices))
	for k, i := range indices {
		names[k] = m.names[i]
	}
	levels := make([]byte, f.Size*f.Size*f.Channels)
	err = m.open(ctx, names, func(k int, data []byte) error {
		colourless, err := imagefile.DecodeAsIs(m.full(names[k]), data, levels, f.Size, f.Channels)
		if err != nil {
			return badFile(err)
		}
		grey = grey || colourless
		use(k, levels)
		return nil
	})
	return grey, err
}

// badFile is an error of an image file, which names the file.
func badFile(err error) error {
	return bad("", err.Error(), "")
}

// openFolder lists the images of a folder.
func openFolder(dir string) (*Source, error) {
	m := &images{where: dir}
	entries := 0
	list := func(name string) ([]os.DirEntry, error) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, readError(err)
		}
		defer f.Close() //nolint:errcheck // only read
		found, err := f.ReadDir(checkpoint.MaxSamples - entries + 1)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, readError(err)
		}
		if entries += len(found); entries > checkpoint.MaxSamples {
			return nil, bad(dir, fmt.Sprintf("has more than %d files", checkpoint.MaxSamples), "fewer samples")
		}
		slices.SortFunc(found, func(a, b os.DirEntry) int { return compareNames(a.Name(), b.Name()) })
		return found, nil
	}
	top, err := list(".")
	if err != nil {
		return nil, err
	}
	for _, e := range top {
		if !e.IsDir() {
			if err := m.addEntry(e, e.Name()); err != nil {
				return nil, err
			}
			continue
		}
		if dataset.IsSystemFile(e.Name()) {
			continue
		}
		m.addFolder(e.Name())
		files, err := list(e.Name())
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := m.addEntry(file, e.Name()+"/"+file.Name()); err != nil {
				return nil, err
			}
		}
	}
	m.open = func(ctx context.Context, names []string, use func(k int, data []byte) error) error {
		for k, name := range names {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			data, err := file.ReadPlain(filepath.Join(dir, filepath.FromSlash(name)), imagefile.MaxFile)
			if errors.Is(err, file.ErrNotPlain) || errors.Is(err, file.ErrTooLarge) {
				return bad("", err.Error(), "")
			}
			if err != nil {
				return readError(err)
			}
			if err := use(k, data); err != nil {
				return err
			}
		}
		return nil
	}
	return m.source(), nil
}

// addEntry takes an entry of a folder into the list.
func (m *images) addEntry(e os.DirEntry, name string) error {
	switch {
	case dataset.IsSystemFile(e.Name()):
		return nil
	case e.IsDir():
		return bad(m.full(name), "is a folder inside the folder of a class", validFiles)
	case !e.Type().IsRegular():
		return bad(m.full(name), "is a link or no plain file", validFiles)
	}
	return m.add(name)
}

// openTar lists the images of the file in which a checkpoint has samples.
func openTar(tar string) (*Source, error) {
	m := &images{where: tar}
	err := eachSample(tar, func(name string, _ io.Reader) error { return m.add(name) })
	if err != nil {
		return nil, readError(err)
	}
	m.open = func(ctx context.Context, names []string, use func(k int, data []byte) error) error {
		k := 0
		err := eachSample(tar, func(name string, content io.Reader) error {
			if k == len(names) {
				return errEnough
			}
			if name != names[k] {
				return nil
			}
			if err := context.Cause(ctx); err != nil {
				return err
			}
			data, err := io.ReadAll(io.LimitReader(content, imagefile.MaxFile))
			if err != nil {
				return err
			}
			k++
			return use(k-1, data)
		})
		if err == nil && k < len(names) {
			return bad(m.full(names[k]), "is no longer there", "samples that do not change while they are read")
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		return readError(err)
	}
	return m.source(), nil
}

var errEnough = errors.New("enough was read")

// eachSample calls use with each file of a tar file, in order.
func eachSample(tar string, use func(name string, content io.Reader) error) (err error) {
	s, err := checkpoint.OpenSamples(tar)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for {
		next, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = use(next.Name, s)
		}
		if err != nil {
			return err
		}
	}
}
