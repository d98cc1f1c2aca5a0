package sweep

import (
	"fmt"
	"slices"
	"strings"
)

// DatasetInfo describes a dataset that specs can name.
type DatasetInfo struct {
	Name     string
	About    string
	Classes  int   // 0: the spec says
	PerClass int   // images of each class, before the long-tailed split; 0: only the files tell
	Sizes    []int // sides that Dataset.Size can be, in pixels, the default first; nil: MinSize to MaxSize
	Channels int   // of an image: 1 grey, 3 RGB; 0: the spec says
	BuiltIn  bool  // in the program itself; the others are read from files, see Dataset.Path
}

// The names of the datasets.
const (
	FashionMNIST10k = "fashion-mnist-10k"
	FashionMNIST    = "fashion-mnist"
	CIFAR10         = "cifar-10"
	CIFAR100        = "cifar-100"
	ImageFolder     = "image-folder"
)

// Sides of an image folder's images, in pixels.
const (
	MinSize     = 8
	MaxSize     = 64
	DefaultSize = 32
)

// The names of the architectures, as Model.Arch has them.
const (
	ArchUNet = "unet"
	ArchDiT  = "dit"
)

// DatasetList lists the datasets, built-in ones first.
func DatasetList() []DatasetInfo {
	return []DatasetInfo{
		{Name: FashionMNIST10k, About: "Fashion-MNIST's 10,000 test images, built in.", Classes: 10, PerClass: 1000, Sizes: []int{28, 16}, Channels: 1, BuiltIn: true},
		{Name: FashionMNIST, About: "Fashion-MNIST's 60,000 training images.", Classes: 10, PerClass: 6000, Sizes: []int{28, 16}, Channels: 1},
		{Name: CIFAR10, About: "CIFAR-10's 50,000 training images.", Classes: 10, PerClass: 5000, Sizes: []int{32, 16}, Channels: 3},
		{Name: CIFAR100, About: "CIFAR-100's 50,000 training images, by their fine labels.", Classes: 100, PerClass: 500, Sizes: []int{32, 16}, Channels: 3},
		{Name: ImageFolder, About: "Pictures of your own, one folder a class, or listed in a split file."},
	}
}

// HasClassifier reports whether package features has weights for a dataset's images.
func HasClassifier(dataset string) bool { return dataset == FashionMNIST10k || dataset == FashionMNIST }

// LookupDataset finds a dataset by name.
func LookupDataset(name string) (DatasetInfo, bool) {
	for _, d := range DatasetList() {
		if d.Name == name {
			return d, true
		}
	}
	return DatasetInfo{}, false
}

// Classes is C, the number of classes of the images; 0 for an unknown dataset.
func (d Dataset) Classes() int {
	if d.Name == ImageFolder {
		return d.FolderClasses
	}
	info, _ := LookupDataset(d.Name)
	return info.Classes
}

// Channels is the number of channels of the images, 1 grey or 3 RGB; 0 for an
// unknown dataset.
func (d Dataset) Channels() int {
	if d.Name != ImageFolder {
		info, _ := LookupDataset(d.Name)
		return info.Channels
	}
	if d.FolderChannels == 0 {
		return 3
	}
	return d.FolderChannels
}

// Split returns, of a dataset of which every class has the same number of images
// (DatasetInfo.PerClass), how many of each are trained on, and the groups that
// follow from it. Of an image folder only the files tell: trainer/dataset's Describe.
func (d Dataset) Split() (counts []int, groups ClassGroups) {
	info, _ := LookupDataset(d.Name)
	counts = Counts(d.Imbalance, d.Classes(), info.PerClass)
	return counts, Groups(d.Imbalance.Profile, counts)
}

// GroupSize is the number of classes of a group (head, medium, tail or all), which
// is the same whatever the files hold.
func (d Dataset) GroupSize(group string) int {
	const many = 1 << 20 // images a class: a step shows whatever its factor
	counts := Counts(d.Imbalance, d.Classes(), many)
	return len(Groups(d.Imbalance.Profile, counts).Classes(group))
}

// Remote reports whether a path of a Dataset is a URL, which each worker downloads.
func Remote(path string) bool { return strings.Contains(path, "://") }

// CheckURL returns an error unless url is s3://bucket/key or https://host/path (or
// http:// of this machine), without user, password, query or fragment: specs hold
// no secrets.
func CheckURL(url string) error {
	scheme, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	local := host == "127.0.0.1" || host == "localhost" || strings.HasPrefix(host, "127.0.0.1:") || strings.HasPrefix(host, "localhost:")
	switch {
	case scheme != "s3" && scheme != "https" && (scheme != "http" || !local):
		return fmt.Errorf("%s:// is not supported", scheme)
	case strings.ContainsAny(rest, "@?#"):
		return fmt.Errorf("carries a user, a query or a fragment")
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return fmt.Errorf("has a space or a control character")
	case host == "" || strings.Trim(path, "/") == "":
		return fmt.Errorf("names no object")
	case slices.Contains(strings.Split(path, "/"), ".."):
		return fmt.Errorf("climbs with .. in its path")
	}
	return nil
}
