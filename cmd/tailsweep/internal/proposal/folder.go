package proposal

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
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

// total is the number of images.
func (f Folder) total() (all int) {
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

// grouping returns dataset.groups; nil for thirds. alike is true where the classes have
// about the same size, so that none is rare.
func (f Folder) grouping() (g *sweep.Grouping, alike bool) {
	const unequal = 1.5
	least := f.smallest()
	if float64(slices.Max(f.Images)) < unequal*float64(least) {
		return nil, true
	}
	groups, _ := sweep.Dataset{}.ClassGroups(f.Classes, f.Images) // by thirds there is no error
	if slices.ContainsFunc(groups.Tail, func(class int) bool { return f.Images[class] >= pairImages }) {
		return nil, false
	}
	// The tail reaches up to the smallest class that can be measured.
	return &sweep.Grouping{By: sweep.GroupsByShots, Many: least + 1, Few: least + 1}, false
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
