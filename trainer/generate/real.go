package generate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

const realPrefix = "real-"

// addReal puts the training images next to the generated ones and returns their rows: the
// files of an image folder as hard links, else as copies, or as symbolic links where that
// is asked for; images that are not files of their own as PNG, and GIF files, which
// torchvision's ImageFolder does not read.
func (d *drawing) addReal(ctx context.Context) ([]Row, error) {
	set := d.inspector.real.Training
	paths, err := dataset.Files(d.settings.Dataset)
	if err != nil {
		return nil, err
	}
	if paths != nil && len(paths) != set.Len() {
		return nil, fmt.Errorf("%d files of %d training images: the folder %s has changed", len(paths), set.Len(), d.settings.Dataset.Path)
	}
	var rows []Row
	number := make([]int, len(d.settings.Classes))
	for i, class := range set.Labels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		extension := ".png"
		linked := paths != nil && !strings.EqualFold(filepath.Ext(paths[i]), ".gif")
		if linked {
			extension = strings.ToLower(filepath.Ext(paths[i]))
		}
		r := Row{
			Class: d.settings.Classes[class], Source: SourceReal, Status: Kept,
			File: fmt.Sprintf("%s/%s%06d%s", d.folders[class], realPrefix, number[class], extension),
		}
		number[class]++
		to := filepath.Join(d.Dir, filepath.FromSlash(r.File))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return nil, err
		}
		if linked {
			err = place(paths[i], to, d.Symlinks)
		} else {
			var data []byte
			var image []float32
			if image, err = set.Image(i); err == nil {
				data, err = encode(dataset.Levels(image), set.Size, nil)
			}
			if err == nil {
				err = writeOnce(to, data)
			}
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// place makes to a link to the file from, or a copy of it. What has that name already is replaced.
func place(from, to string, symlink bool) error {
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	if from, err = filepath.Abs(from); err != nil {
		return err
	}
	if target, err := os.Readlink(to); symlink && err == nil && target == from {
		return nil
	}
	source, err := os.Stat(from)
	if err != nil {
		return err
	}
	if there, err := os.Lstat(to); err == nil && !symlink && os.SameFile(source, there) {
		return nil // a rename of one name of a file to another would do nothing
	}
	temporary := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)) // a call that was killed may leave it: see clean
	link := os.Link
	if symlink {
		link = os.Symlink
	}
	switch err := link(from, temporary); {
	case err == nil:
		return os.Rename(temporary, to)
	case symlink:
		return err
	}
	return copyOnce(from, to) // another file system, or one without hard links
}

// copyOnce copies a file, unless the copy is there.
func copyOnce(from, to string) error {
	want, err := file.SHA256(from)
	if err != nil {
		return err
	}
	if got, err := file.SHA256(to); err == nil && got == want {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	return file.Create(to, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// writeOnce writes a file, unless it is there with this content.
func writeOnce(path string, data []byte) error {
	if there, err := os.ReadFile(path); err == nil && bytes.Equal(there, data) {
		return nil
	}
	return file.Write(path, data, 0o644)
}
