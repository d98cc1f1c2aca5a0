package sweep

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// The profiles of an Imbalance.
const (
	ProfileExp  = "exp"
	ProfileStep = "step"
	ProfileNone = "none"
)

// The names of the groups of classes, as metrics carry them.
const (
	GroupAll    = "all"
	GroupHead   = "head"
	GroupMedium = "medium"
	GroupTail   = "tail"
)

// The orders of an Imbalance. Specs leave natural out.
const (
	OrderNatural  = "natural"
	OrderPermuted = "permuted"
)

// Counts returns how many images of each class, in class order, a long-tailed
// split keeps of a set that has nMax of each, where a class's place i is its index,
// or that under a random permutation:
//
//	exp   n_i = int(nMax * Factor^(i/(C-1)))
//	step  nMax for the first C - C/2 classes, int(nMax * Factor) for the rest
//	none  nMax
//
// exp is the split of CIFAR-LT, truncation included. Counts panics on an unknown
// profile: Parse lets none through.
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

// order lists the classes, largest first.
func (im Imbalance) order(classes int) []int {
	if im.Order == OrderPermuted {
		return rand.New(rand.NewPCG(uint64(im.Seed), permutedStream)).Perm(classes)
	}
	order := make([]int, classes)
	for i := range order {
		order[i] = i
	}
	return order
}

// permutedStream keeps the permutation's random numbers apart from others of the seed.
const permutedStream = 0x636c6173736573 // "classes"

// ClassGroups divides the classes by how frequent they are in training. Each
// slice holds class indices, most frequent first.
type ClassGroups struct {
	Head   []int
	Medium []int // empty under a step profile
	Tail   []int
}

// Groups divides classes with these training counts: head are the floor(C/3)
// most frequent, tail the floor(C/3) least frequent, medium the rest; ties go by
// class index. Under a step profile head are the classes of the greater count,
// tail those of the lesser, and medium is empty.
func Groups(profile string, counts []int) ClassGroups {
	order := make([]int, len(counts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return counts[b] - counts[a] })

	step := slices.IndexFunc(order, func(c int) bool { return counts[c] < counts[order[0]] })
	if profile == ProfileStep && step > 0 {
		return ClassGroups{Head: order[:step:step], Tail: order[step:]}
	}
	third := len(order) / 3
	return ClassGroups{
		Head:   order[:third:third],
		Medium: order[third : len(order)-third : len(order)-third],
		Tail:   order[len(order)-third:],
	}
}

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
