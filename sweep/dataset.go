package sweep

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// DatasetInfo describes a dataset that specs can name. What a spec can be checked
// against without the files is here; how the files are read is in trainer/dataset.
type DatasetInfo struct {
	Name       string
	About      string   // one sentence
	Classes    []string // names, in the order of the labels; nil: the spec says how many
	PerClass   int      // images of each class, before the long-tailed split; 0: known from the files only
	Sizes      []int    // sides that Dataset.Size can be, in pixels, the default first; nil: MinSize to MaxSize
	Channels   int      // of an image: 1 grey, 3 RGB; 0: the spec says
	BuiltIn    bool     // part of the program; the others are read from files, see Dataset.Path
	Classifier bool     // package features has weights for its images
	License    string   // of the images
	Home       string   // the publisher's page
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
	MaxSize     = 256
	DefaultSize = 32
)

// DefaultBackground is the colour behind the transparent parts of images.
const DefaultBackground = "white"

// DatasetList lists the datasets, built-in ones first. A new dataset is a row here, one
// in trainer/dataset/readers.go, and a file there that reads it.
func DatasetList() []DatasetInfo {
	const fashionHome, cifarHome = "https://github.com/zalandoresearch/fashion-mnist", "https://www.cs.toronto.edu/~kriz/cifar.html"
	fashion := []string{"t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"}
	return []DatasetInfo{
		{Name: FashionMNIST10k, About: "Fashion-MNIST's 10,000 test images, built in.", Classes: fashion, PerClass: 1000, Sizes: []int{28, 16}, Channels: 1, BuiltIn: true, Classifier: true, License: "MIT", Home: fashionHome},
		{Name: FashionMNIST, About: "Fashion-MNIST's 60,000 training images.", Classes: fashion, PerClass: 6000, Sizes: []int{28, 16}, Channels: 1, Classifier: true, License: "MIT", Home: fashionHome},
		{Name: CIFAR10, About: "CIFAR-10's 50,000 training images.", Classes: cifar10Classes, PerClass: 5000, Sizes: []int{32, 16}, Channels: 3, License: "not stated by its publisher", Home: cifarHome},
		{Name: CIFAR100, About: "CIFAR-100's 50,000 training images, by their fine labels.", Classes: cifar100Classes, PerClass: 500, Sizes: []int{32, 16}, Channels: 3, License: "not stated by its publisher", Home: cifarHome},
		{Name: ImageFolder, About: "Your own images, one folder for each class, or listed in a split file."},
	}
}

var cifar10Classes = strings.Fields("airplane automobile bird cat deer dog frog horse ship truck")

var cifar100Classes = strings.Fields(`apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
	butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
	dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard
	lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree
	pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal
	shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
	telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm`)

// LookupDataset finds a dataset by name.
func LookupDataset(name string) (DatasetInfo, bool) {
	return find(DatasetList(), func(d DatasetInfo) bool { return d.Name == name })
}

// HasClassifier reports whether package features has weights for a dataset's images.
func HasClassifier(dataset string) bool {
	info, _ := LookupDataset(dataset)
	return info.Classifier
}

// ClassifierTakes reports whether the classifier of package features takes images with
// this side: it halves them down to 4, after padding 28 to 32.
func ClassifierTakes(size int) bool { return size == 28 || size >= 8 && size&(size-1) == 0 }

// ClassifierSizes is the text of the sizes of a dataset that ClassifierTakes allows.
func ClassifierSizes() string {
	var sizes []string
	for size := MinSize; size <= MaxSize; size++ {
		if ClassifierTakes(size) {
			sizes = append(sizes, strconv.Itoa(size))
		}
	}
	return strings.Join(sizes, ", ")
}

// Classes is C, the number of classes of the images; 0 for an unknown dataset.
func (d Dataset) Classes() int {
	if d.Name == ImageFolder {
		return d.FolderClasses
	}
	info, _ := LookupDataset(d.Name)
	return len(info.Classes)
}

// Channels is the number of channels of the images, 1 grey or 3 RGB; 0 for an
// unknown dataset.
func (d Dataset) Channels() int {
	if d.Name == ImageFolder {
		return d.FolderChannels
	}
	info, _ := LookupDataset(d.Name)
	return info.Channels
}

// Remote reports whether a path of a Dataset is a URL, which each worker downloads.
func Remote(path string) bool { return strings.Contains(path, "://") }

// IsSplitFile reports whether a reference is a split file and not a folder, by its name.
func IsSplitFile(reference string) bool {
	return strings.EqualFold(path.Ext(reference), ".txt") && !Remote(reference)
}

// CheckURL returns an error unless url is s3://bucket/key or https://host/path (or
// http:// of this machine), without user, password, query or fragment: a spec must not
// contain secrets.
func CheckURL(url string) error {
	scheme, rest, _ := strings.Cut(url, "://")
	host, path, _ := strings.Cut(rest, "/")
	local := host == "127.0.0.1" || host == "localhost" || strings.HasPrefix(host, "127.0.0.1:") || strings.HasPrefix(host, "localhost:")
	switch {
	case scheme != "s3" && scheme != "https" && (scheme != "http" || !local):
		return fmt.Errorf("%s:// is not supported", scheme)
	case strings.ContainsAny(rest, "@?#"):
		return errors.New("has a user, a query or a fragment")
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' }):
		return errors.New("has a space or a control character")
	case host == "" || strings.Trim(path, "/") == "":
		return errors.New("has no object after the host or bucket")
	case slices.Contains(strings.Split(path, "/"), ".."):
		return errors.New("has .. in its path")
	}
	return nil
}
