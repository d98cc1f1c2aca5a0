package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset"
)

// Folder is what is known of a folder of images.
type Folder struct {
	Path    string   // as the spec has it
	Classes []string // names, in class order
	Images  []int    // of each class
	LeftOut []string // what is left out, a line for each reason

	Unreadable  []string // the first images that cannot be read
	Broken      int      // how many there are
	Links       int      // images that symbolic links would add, which are left out
	FollowLinks bool     // links are followed, since without them a class has no image

	Looked      int     // images that the other fields are about
	Shortest    int     // the shorter side in pixels: the least, the median and the greatest
	Median      int     //
	Longest     int     //
	Grey        bool    // none has colours
	Transparent int     // images with transparent parts
	Luma        float64 // of their visible parts, 0 black to 255 white
}

// FolderOf describes what was found in a folder of images. It has no Path.
func FolderOf(s dataset.Survey) Folder {
	f := Folder{Classes: s.Classes, Images: s.Images, Links: s.Links, FollowLinks: s.FollowLinks, Looked: len(s.Looks), Grey: true}
	for _, left := range s.LeftOut {
		f.LeftOut = append(f.LeftOut, left.String())
	}
	var sides []int
	for _, look := range s.Looks {
		sides = append(sides, min(look.Width, look.Height))
		f.Grey = f.Grey && look.Grey
		if look.Transparent {
			f.Transparent++
			f.Luma += look.Luma
		}
	}
	slices.Sort(sides)
	f.Shortest, f.Median, f.Longest = sides[0], sides[len(sides)/2], sides[len(sides)-1]
	f.Luma /= float64(max(1, f.Transparent))
	return f
}

// Dataset returns the images of the folder, which is at path, as RGB and without those that
// cannot be read.
func (f Folder) Dataset(path string, size int) sweep.Dataset {
	return sweep.Dataset{
		Name: sweep.ImageFolder, Path: path, FolderClasses: len(f.Classes), FolderChannels: 3, Size: size, SkipUnreadable: true,
		Background: f.Background(), FollowLinks: f.FollowLinks, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone, Factor: 1},
	}
}

// AllGrey reports whether no image of a set has colours.
func AllGrey(set *dataset.Set) (bool, error) {
	for i := range set.Len() {
		image, err := set.Image(i)
		if err != nil || !Grey(image) {
			return false, err
		}
	}
	return true, nil
}

// The limits of the classes of a spec.
const (
	leastClasses = 2
	mostClasses  = 10_000
)

// pairImages is the least number of images with which a class takes part in KID, the metric
// that needs the fewest.
var pairImages = leastImages(sweep.FamilyKID)

// leastImages is how many images a class needs to take part in a family's metric.
func leastImages(family string) (n int) {
	const samples = 1 << 20 // enough for every family
	for !sweep.TakesPart(family, n, samples) {
		n++
	}
	return n
}

// Check returns an error if no sweep can be made of the folder: its classes are too few, too
// many or too small.
func (f Folder) Check() error {
	measurable := 0
	for _, n := range f.Images {
		if n >= pairImages {
			measurable++
		}
	}
	few := fmt.Sprintf("a class needs at least %d images to be compared with generated ones", pairImages)
	switch n := len(f.Classes); {
	case n < leastClasses:
		return fmt.Errorf("has images of one class only, %s (valid: two folders of images or more, one for each class)", class(f.Classes[0]))
	case n > mostClasses:
		return fmt.Errorf("has %d folders of images (valid: %d to %d classes)", n, leastClasses, mostClasses)
	case measurable == 0:
		return fmt.Errorf("the largest of its classes, %s, has %s, and %s: add images", class(f.Classes[f.order()[0]]), english.Plural(slices.Max(f.Images), "image", ""), few)
	case measurable == 1:
		return fmt.Errorf("only one of its classes, %s, has more than %d images, and %s: add images to a second one",
			class(f.Classes[f.order()[0]]), pairImages-1, few)
	}
	return nil
}

// order lists the classes, the largest first.
func (f Folder) order() []int {
	order := make([]int, len(f.Images))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return f.Images[b] - f.Images[a] })
	return order
}

// Total is the number of images.
func (f Folder) Total() (all int) {
	for _, n := range f.Images {
		all += n
	}
	return all
}

// smallest is the size of the smallest class that takes part in KID.
func (f Folder) smallest() int {
	least := slices.Max(f.Images)
	for _, n := range f.Images {
		if n >= pairImages {
			least = min(least, n)
		}
	}
	return least
}

// split is how the classes are divided into groups.
type split struct {
	groups *sweep.Grouping // nil: thirds
	why    string
	alike  bool // the classes have about the same size, so that none is rare
}

// split divides the classes, so that a class of the tail takes part in KID, and so that the
// largest class of the tail is smaller by far than the smallest of the head, where the sizes
// allow that.
func (f Folder) split() split {
	const unequal = 1.5
	apart := func(larger, smaller int) bool { return float64(larger) >= unequal*float64(smaller) }
	least := f.smallest()
	if !apart(slices.Max(f.Images), least) {
		return split{alike: true}
	}
	// Classes with fewer images than the tail's bound are the tail, those with more the head.
	at := func(bound int, why string, args ...any) split {
		return split{groups: &sweep.Grouping{By: sweep.GroupsByShots, Many: bound, Few: bound}, why: fmt.Sprintf(why, args...)}
	}
	groups, _ := sweep.Dataset{}.ClassGroups(f.Classes, f.Images) // by thirds there is no error
	if !slices.ContainsFunc(groups.Tail, func(class int) bool { return f.Images[class] >= pairImages }) {
		return at(least+1, "Of the rarest third no class has the %d images that KID needs, so the tail reaches up to %d images.", pairImages, least)
	}
	if order := f.order(); !apart(f.Images[groups.Head[len(groups.Head)-1]], f.Images[groups.Tail[0]]) {
		larger, smaller := 1, 1 // around the largest drop
		for i, class := range order[1:] {
			if above, n := f.Images[order[i]], f.Images[class]; n >= pairImages && above*smaller > larger*n {
				larger, smaller = above, n
			}
		}
		if apart(larger, smaller) {
			return at(smaller+1, "The sizes of the classes drop most from %d to %d images: the larger ones are the head, the smaller ones the tail.", larger, smaller)
		}
	}
	return split{why: "The third of the classes with the most images is the head, that with the fewest the tail."}
}

// shownName is the longest name of a class in a comment, in columns.
const shownName = 40

// class writes the name of a class for people.
func class(name string) string {
	return text.Fit(text.Printable(strings.ToValidUTF8(name, "\uFFFD")), shownName)
}

// names writes the names of classes with their numbers of images, the first few.
func (f Folder) names(classes []int) string {
	const shown = 8
	var list []string
	for _, c := range classes[:min(len(classes), shown)] {
		list = append(list, fmt.Sprintf("%s %d", class(f.Classes[c]), f.Images[c]))
	}
	if more := len(classes) - len(list); more > 0 {
		last := classes[len(classes)-1]
		list = append(list, fmt.Sprintf("and %d more, down to %s %d", more, class(f.Classes[last]), f.Images[last]))
	}
	return strings.Join(list, ", ")
}
