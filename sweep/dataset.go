package sweep

// DatasetInfo describes a dataset that specs can name.
type DatasetInfo struct {
	Name     string
	About    string
	Classes  int
	PerClass int   // images of each class, before the long-tailed split
	Sizes    []int // sides that Dataset.Size can be, in pixels
	Channels int   // of an image: 1 grey, 3 RGB
	Local    bool  // read from Dataset.Path on the worker's machine
}

// The names of the datasets.
const (
	FashionMNIST10k = "fashion-mnist-10k"
	FashionMNIST    = "fashion-mnist"
)

// The names of the architectures, as Model.Arch has them.
const (
	ArchUNet = "unet"
	ArchDiT  = "dit"
)

// DatasetList lists the datasets, built-in ones first.
func DatasetList() []DatasetInfo {
	return []DatasetInfo{
		{Name: FashionMNIST10k, About: "Fashion-MNIST's 10,000 test images, built in.", Classes: 10, PerClass: 1000, Sizes: []int{28, 16}, Channels: 1},
		{Name: FashionMNIST, About: "Fashion-MNIST's 60,000 training images, read from idx.gz files in dataset.path.", Classes: 10, PerClass: 6000, Sizes: []int{28, 16}, Channels: 1, Local: true},
	}
}

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
	info, _ := LookupDataset(d.Name)
	return info.Classes
}

// Channels is the number of channels of the images, 1 grey or 3 RGB; 0 for an
// unknown dataset.
func (d Dataset) Channels() int {
	info, _ := LookupDataset(d.Name)
	return info.Channels
}
