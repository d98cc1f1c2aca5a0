package dataset

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
	"github.com/tailsweep/tailsweep/trainer/dataset/npy"
)

// ExportName is the name of the file that describes the images of an exported folder.
const ExportName = "dataset.json"

// The arrays of an .npz file of images: ImagesArray is uint8 `[N, S, S]` or, of RGB images,
// `[N, S, S, 3]`; LabelsArray is integers `[N]`; ClassesArray is the names of the classes
// `[C]`.
const (
	ImagesArray  = "images"
	LabelsArray  = "labels"
	ClassesArray = "classes"
)

// Exported describes the images of an export.
type Exported struct {
	Name     string          `json:"name"`     // of the dataset
	Size     int             `json:"size"`     // side in pixels
	Channels int             `json:"channels"` // 1 grey, 3 RGB
	Images   int             `json:"images"`
	Digest   string          `json:"digest"`  // of images and labels as the trainer sees them, as in the manifest of a checkpoint: see Set.Digest
	Rounded  bool            `json:"rounded"` // to 8 bits: the trainer sees finer values, means of four pixels
	Classes  []ExportedClass `json:"classes"` // in the order of the labels
}

// ExportedClass is a class of an export.
type ExportedClass struct {
	Name   string `json:"name"`
	Folder string `json:"folder"` // of its images in an exported folder
	Group  string `json:"group"`  // head, medium or tail
	Images int    `json:"images"`
}

// Exported describes what an export of s has.
func (s *Set) Exported() (Exported, error) {
	e := Exported{Name: s.Name, Size: s.Size, Channels: s.Channels, Images: s.Len()}
	var err error
	if e.Digest, err = s.Digest(); err != nil {
		return e, err
	}
	err = s.each(nil, func(_ int, image []float32) error {
		e.Rounded = e.Rounded || !slices.Equal(Values(Levels(image)), image)
		return nil
	})
	if err != nil {
		return e, err
	}
	for class, folder := range ClassFolders(s.Classes, ExportName) {
		e.Classes = append(e.Classes, ExportedClass{Name: s.Classes[class], Folder: folder, Group: s.Groups.Of(class), Images: s.Counts[class]})
	}
	return e, nil
}

// WriteFolder writes the images of s as PNG into a new folder at path, or an empty one:
// CLASS/NUMBER.png, where NUMBER is the place of the image in s, so that files in the order
// of the labels and then of their names are in the order of s. ExportName describes them.
// Equal sets give equal files. progress, if not nil, is called with the number of images
// written; its error ends the writing. After an error nothing is left.
func (s *Set) WriteFolder(path string, progress func(done, all int) error) (err error) {
	about, err := s.Exported()
	if err != nil {
		return err
	}
	path = filepath.Clean(path)
	dir, err := os.MkdirTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { // MkdirTemp lets nobody else in
		return err
	}
	for _, class := range about.Classes {
		if err := os.Mkdir(filepath.Join(dir, class.Folder), 0o755); err != nil {
			return err
		}
	}
	digits := max(6, len(fmt.Sprint(s.Len())))
	err = s.each(progress, func(i int, image []float32) error {
		data, err := imagefile.Encode(Levels(image), s.Size)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, about.Classes[s.Labels[i]].Folder, fmt.Sprintf("%0*d.png", digits, i)), data, 0o644)
	})
	if err != nil {
		return err
	}
	if err := file.WriteJSON(filepath.Join(dir, ExportName), about, 0o644); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // it removes no folder with files
		return err
	}
	return os.Rename(dir, path)
}

// WriteNPZ writes the images of s, in its order, as an .npz file at path, with the arrays
// ImagesArray, LabelsArray and ClassesArray. Equal sets give equal bytes. With exact the
// images are float32 in [-1, 1], as a training sees them. progress is as of WriteFolder.
func (s *Set) WriteNPZ(path string, exact bool, progress func(done, all int) error) error {
	return file.Create(path, 0o644, func(w io.Writer) error {
		archive := npy.NewWriter(w)
		shape := []int{s.Len(), s.Size, s.Size}
		if s.Channels > 1 {
			shape = append(shape, s.Channels)
		}
		kind := npy.Uint8
		if exact {
			kind = npy.Float32
		}
		images, err := archive.Create(ImagesArray, npy.Header{Type: kind, Shape: shape})
		if err != nil {
			return err
		}
		err = s.each(progress, func(_ int, image []float32) error {
			if exact {
				return binary.Write(images, binary.LittleEndian, image)
			}
			_, err := images.Write(Levels(image))
			return err
		})
		if err != nil {
			return err
		}
		if err := archive.Integers(LabelsArray, s.Labels); err != nil {
			return err
		}
		if err := archive.Texts(ClassesArray, s.Classes); err != nil {
			return err
		}
		return archive.Close()
	})
}

// each calls use with each image `[S, S, Channels]`, and progress after it.
func (s *Set) each(progress func(done, all int) error, use func(i int, image []float32) error) error {
	image := make([]float32, s.pixels())
	for i := range s.Len() {
		if err := s.Images.Read(image, i); err != nil {
			return err
		}
		if err := use(i, image); err != nil {
			return err
		}
		if progress != nil {
			if err := progress(i+1, s.Len()); err != nil {
				return err
			}
		}
	}
	return nil
}
