package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/tailsweep/tailsweep/internal/text"
)

// The names of the groups of classes, as metrics carry them.
const (
	GroupAll    = "all"
	GroupHead   = "head"
	GroupMedium = "medium"
	GroupTail   = "tail"
)

// The bounds of many-, medium- and few-shot classes in the long-tail literature
// (arXiv 1904.05160).
const (
	DefaultMany = 100
	DefaultFew  = 20
)

// Counts returns how many images of each class, in class order, a long-tailed split
// keeps of a dataset that has nMax of each. i is the place of a class: its index, or with
// order permuted its place in a random permutation.
//
//	exp   n_i = int(nMax * Factor^(i/(C-1)))
//	step  nMax for the first C - C/2 classes, int(nMax * Factor) for the rest
//	none  nMax
//
// exp is the split of CIFAR-LT, truncation included. Counts panics on an unknown
// profile, which Parse refuses.
func Counts(im Imbalance, classes, nMax int) []int {
	counts := make([]int, classes)
	for i, class := range im.order(classes) {
		share := 1.0
		switch im.Profile {
		case ProfileExp:
			if classes > 1 {
				share = math.Pow(im.Factor, float64(i)/float64(classes-1))
			}
		case ProfileStep:
			if i >= classes-classes/2 {
				share = im.Factor
			}
		case ProfileNone:
		default:
			panic(fmt.Sprintf("sweep: unknown imbalance profile %q", im.Profile))
		}
		counts[class] = int(float64(nMax) * share)
	}
	return counts
}

// order lists the classes, the largest first.
func (im Imbalance) order(classes int) []int {
	if im.Order == OrderPermuted {
		return rand.New(rand.NewPCG(uint64(im.Seed), permutedStream)).Perm(classes)
	}
	return indices(classes)
}

// permutedStream separates the random numbers of the permutation from others with the
// same seed.
const permutedStream = 0x636c6173736573 // "classes"

// indices lists 0 to n-1.
func indices(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// ClassGroups divides the classes. Each slice has class indices, the classes with the
// most training images first.
type ClassGroups struct {
	Head   []int
	Medium []int
	Tail   []int
}

// ClassGroups divides the classes of d, with these names and training counts, as
// d.Groups says; ties of frequency are in order of the class index. By thirds, the default, head has
// the floor(C/3) most frequent classes, tail as many of the least frequent, and medium
// the rest; two classes are one head and one tail class. With profile step, head has the
// large classes and tail the small ones. classes may be nil unless d.Groups is by names.
// An error is a *FieldError of dataset.groups.
func (d Dataset) ClassGroups(classes []string, counts []int) (ClassGroups, error) {
	order := indices(len(counts))
	slices.SortStableFunc(order, func(a, b int) int { return counts[b] - counts[a] })
	switch {
	case d.Groups == nil || d.Groups.By == GroupsByThirds:
		return thirds(d.Imbalance.Profile, order, counts), nil
	case d.Groups.By == GroupsByShots:
		return divide(order, func(class int) string {
			switch n := counts[class]; {
			case n > d.Groups.Many:
				return GroupHead
			case n < d.Groups.Few:
				return GroupTail
			}
			return GroupMedium
		}), nil
	}
	of, err := d.Groups.named(classes)
	if err != nil {
		return ClassGroups{}, err
	}
	return divide(order, func(class int) string { return of[class] }), nil
}

// divide puts each class of order into its group.
func divide(order []int, groupOf func(class int) string) (g ClassGroups) {
	for _, class := range order {
		switch groupOf(class) {
		case GroupHead:
			g.Head = append(g.Head, class)
		case GroupTail:
			g.Tail = append(g.Tail, class)
		default:
			g.Medium = append(g.Medium, class)
		}
	}
	return g
}

func thirds(profile string, order, counts []int) ClassGroups {
	step := slices.IndexFunc(order, func(c int) bool { return counts[c] < counts[order[0]] })
	if profile == ProfileStep && step > 0 {
		return ClassGroups{Head: order[:step:step], Tail: order[step:]}
	}
	third := len(order) / 3
	if len(order) == 2 {
		third = 1
	}
	return ClassGroups{
		Head:   order[:third:third],
		Medium: order[third : len(order)-third : len(order)-third],
		Tail:   order[len(order)-third:],
	}
}

// named returns the group of each class that a list of g names, by its name or else
// by its number.
func (g *Grouping) named(classes []string) (map[int]string, error) {
	of := map[int]string{}
	for _, list := range []struct {
		group string
		names []string
	}{{GroupHead, g.Head}, {GroupMedium, g.Medium}, {GroupTail, g.Tail}} {
		for i, name := range list.names {
			bad := func(message, valid string) error {
				return &FieldError{Field: fmt.Sprintf("dataset.groups.%s[%d]", list.group, i), Value: name, Message: message, Valid: valid}
			}
			class, known := FindClass(classes, name)
			switch other := of[class]; {
			case !known:
				return nil, bad("is not a class of the dataset", "a class's name or number: "+text.List(classes, shownClasses))
			case other != "":
				return nil, bad(fmt.Sprintf("class %d (%s) is in group %s already", class, classes[class], other), "each class once")
			}
			of[class] = list.group
		}
	}
	return of, nil
}

// FindClass returns the class that a user names: by its name in classes, or else by its number
// from 0.
func FindClass(classes []string, name string) (class int, ok bool) {
	if class = slices.Index(classes, name); class >= 0 {
		return class, true
	}
	return ClassNumber(name, len(classes))
}

// ClassNumber reads the number of a class, from 0, of so many classes.
func ClassNumber(name string, classes int) (class int, ok bool) {
	class, err := strconv.Atoi(name)
	return class, err == nil && class >= 0 && class < classes
}

// shownClasses is how many classes an error lists.
const shownClasses = 20

// Classes returns the class indices of a group: head, medium, tail, or all.
func (g ClassGroups) Classes(group string) []int {
	switch group {
	case GroupHead:
		return g.Head
	case GroupMedium:
		return g.Medium
	case GroupTail:
		return g.Tail
	case GroupAll:
		return slices.Concat(g.Head, g.Medium, g.Tail)
	}
	return nil
}

// Of returns the group of a class: head, medium or tail; "" for a class in no group.
func (g ClassGroups) Of(class int) string {
	for _, group := range GroupList() {
		if slices.Contains(g.Classes(group), class) {
			return group
		}
	}
	return ""
}

// GroupList lists the groups that divide the classes, in order.
func GroupList() []string { return []string{GroupHead, GroupMedium, GroupTail} }

// MetricGroups lists the groups that a family of metrics has.
func MetricGroups() []string { return append([]string{GroupAll}, GroupList()...) }
