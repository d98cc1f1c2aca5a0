package dataset

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

// Geometry of CIFAR's binary version: a record is one or two label bytes, then the
// red, the green and the blue plane of a 32x32 image, row by row.
const (
	cifarSide  = 32
	cifarPlane = cifarSide * cifarSide
	cifarImage = 3 * cifarPlane
)

// maxUnpacked bounds what an archive may decompress to on the way to the files.
const maxUnpacked = 512 << 20

// cifar is one of the two sets, in the form in which its publisher packs it.
type cifar struct {
	archive Pin
	folder  string // of the files, in the archive
	files   []Pin  // of training images, of the same size
	labels  int    // bytes before an image; the last one is the class
	classes int
}

// The digests of the archives agree with those of TensorFlow Datasets and torchvision,
// those of the files with torchvision's Ruby port.
var cifar10 = &cifar{
	archive: Pin{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
	folder:  "cifar-10-batches-bin",
	files: []Pin{
		{"data_batch_1.bin", 30730000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
		{"data_batch_2.bin", 30730000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
		{"data_batch_3.bin", 30730000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
		{"data_batch_4.bin", 30730000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
		{"data_batch_5.bin", 30730000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
	},
	labels: 1, classes: 10,
}

var cifar100 = &cifar{
	archive: Pin{"cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"},
	folder:  "cifar-100-binary",
	files:   []Pin{{"train.bin", 153700000, "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"}},
	labels:  2, classes: 100,
}

func (c *cifar) published() Published {
	return Published{URL: "https://www.cs.toronto.edu/~kriz/", Files: []Pin{c.archive}}
}

// open reads the archive or the unpacked files in d.Path.
func (c *cifar) open(d sweep.Dataset) (*source, error) {
	contents, names, err := c.read(d)
	if err != nil {
		return nil, err
	}
	s := &source{}
	var planes [][]byte
	for i, content := range contents {
		images, labels, err := c.parse(names[i], content)
		if err != nil {
			return nil, badData(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != c.files[i].SHA256 {
			return nil, badData(fmt.Errorf("%s has sha256 %s, want %s", names[i], got, c.files[i].SHA256))
		}
		planes, s.labels = append(planes, images...), append(s.labels, labels...)
	}
	s.images = converted(func(dst []float32, i int) { colourImage(dst, planes[i], d.Size) })
	return s, nil
}

// parse splits a file, called name in errors, into images, which share its memory,
// and labels below classes.
func (c *cifar) parse(name string, data []byte) (images [][]byte, labels []int, err error) {
	record := c.labels + cifarImage
	for at := 0; at < len(data); at += record {
		if len(data)-at < record {
			return nil, nil, &format.Error{File: name, Offset: int64(at), Reason: fmt.Sprintf("truncated: record %d has %d of %d bytes", at/record, len(data)-at, record)}
		}
		label := int(data[at+c.labels-1])
		if label >= c.classes {
			return nil, nil, &format.Error{File: name, Offset: int64(at + c.labels - 1), Reason: fmt.Sprintf("label %d, want 0 to %d", label, c.classes-1)}
		}
		images, labels = append(images, data[at+c.labels:at+record]), append(labels, label)
	}
	return images, labels, nil
}

// read returns the contents of c.files, and their names for errors.
func (c *cifar) read(d sweep.Dataset) (contents [][]byte, names []string, err error) {
	info, err := os.Stat(d.Path)
	if err != nil {
		return nil, nil, openError(d, err)
	}
	if !info.IsDir() {
		return c.fromArchive(d, d.Path)
	}
	for _, folder := range []string{d.Path, filepath.Join(d.Path, c.folder)} {
		if _, err := os.Lstat(filepath.Join(folder, c.files[0].Name)); err == nil {
			return c.fromFolder(d, folder)
		}
	}
	archive := filepath.Join(d.Path, c.archive.Name)
	if _, err := os.Lstat(archive); err != nil {
		return nil, nil, badField("dataset.path", "%s has neither %s nor %s; %s", d.Path, c.archive.Name, c.files[0].Name, readers()[d.Name].hint)
	}
	return c.fromArchive(d, archive)
}

func (c *cifar) fromFolder(d sweep.Dataset, folder string) (contents [][]byte, names []string, err error) {
	for _, pin := range c.files {
		name := filepath.Join(folder, pin.Name)
		in, err := openRegular(name)
		if err != nil {
			return nil, nil, openError(d, err)
		}
		data, err := format.ReadSized(name, in, pin.Size)
		if closeErr := in.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, nil, readError(err)
		}
		contents, names = append(contents, data), append(names, name)
	}
	return contents, names, nil
}

func (c *cifar) fromArchive(d sweep.Dataset, name string) (contents [][]byte, names []string, err error) {
	in, err := openRegular(name)
	if err != nil {
		return nil, nil, openError(d, err)
	}
	defer in.Close() //nolint:errcheck // only read
	if contents, err = c.unpack(name, in); err != nil {
		return nil, nil, readError(err)
	}
	for _, pin := range c.files {
		names = append(names, name+": "+pin.Name)
	}
	return contents, names, nil
}

// unpack returns the contents of c.files in the archive r, called name in errors.
func (c *cifar) unpack(name string, r io.Reader) ([][]byte, error) {
	members := make([]format.Member, len(c.files))
	for i, pin := range c.files {
		members[i] = format.Member{Path: path.Join(c.folder, pin.Name), Size: pin.Size}
	}
	return format.Untar(name, r, maxUnpacked, members)
}

// colourImage writes an image of three planes at size 32, or averaged 2x2 at size
// 16, with 0..255 mapped to [-1, 1] and the channels last.
func colourImage(dst []float32, planes []byte, size int) {
	for channel := range 3 {
		plane := planes[channel*cifarPlane : (channel+1)*cifarPlane]
		if size == cifarSide {
			for i, v := range plane {
				dst[3*i+channel] = values[v]
			}
			continue
		}
		for y := 0; y < cifarSide; y += 2 {
			for x := 0; x < cifarSide; x += 2 {
				at := y*cifarSide + x
				sum := int(plane[at]) + int(plane[at+1]) + int(plane[at+cifarSide]) + int(plane[at+cifarSide+1])
				dst[3*(y/2*16+x/2)+channel] = float32(sum)/(4*127.5) - 1
			}
		}
	}
}
