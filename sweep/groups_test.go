package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The counts are computed as for the published CIFAR-LT.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name    string
		im      Imbalance
		classes int
		nMax    int
		want    []int
		total   int
	}{
		{"exp .1", Imbalance{Profile: ProfileExp, Factor: .1}, 10, 6000, []int{6000, 4645, 3596, 2784, 2156, 1669, 1292, 1000, 774, 600}, 24516},
		{"exp .01", Imbalance{Profile: ProfileExp, Factor: .01}, 10, 6000, []int{6000, 3596, 2156, 1292, 774, 464, 278, 166, 100, 60}, 14886},
		{"exp .001", Imbalance{Profile: ProfileExp, Factor: .001}, 10, 6000, []int{6000, 2784, 1292, 600, 278, 129, 60, 27, 12, 6}, 11188},
		{"cifar-10-lt .01", Imbalance{Profile: ProfileExp, Factor: .01}, 10, 5000, nil, 12406},
		{"cifar-100-lt .01", Imbalance{Profile: ProfileExp, Factor: .01}, 100, 500, nil, 10847},
		{"step", Imbalance{Profile: ProfileStep, Factor: .1}, 5, 100, []int{100, 100, 100, 10, 10}, 320},
		{"none", Imbalance{Profile: ProfileNone, Factor: 1}, 3, 7, []int{7, 7, 7}, 21},
		{"permuted", Imbalance{Profile: ProfileExp, Factor: .01, Order: OrderPermuted, Seed: 1}, 10, 6000, []int{1292, 100, 3596, 464, 278, 6000, 774, 166, 60, 2156}, 14886},
		{"one class", Imbalance{Profile: ProfileExp, Factor: .1}, 1, 7, []int{7}, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Counts(c.im, c.classes, c.nMax)
			if c.want != nil {
				require.Equal(t, c.want, got)
			}
			total := 0
			for _, n := range got {
				total += n
			}
			require.Equal(t, c.total, total)
		})
	}
}

func TestGroups(t *testing.T) {
	for _, c := range []struct {
		name    string
		profile string
		counts  []int
		want    ClassGroups
	}{
		{"thirds of ten", ProfileExp, Counts(Imbalance{Profile: ProfileExp, Factor: .01}, 10, 6000),
			ClassGroups{Head: []int{0, 1, 2}, Medium: []int{3, 4, 5, 6}, Tail: []int{7, 8, 9}}},
		{"by frequency, not index", ProfileExp, []int{5, 90, 40, 70, 1, 30},
			ClassGroups{Head: []int{1, 3}, Medium: []int{2, 5}, Tail: []int{0, 4}}},
		{"ties by index", ProfileNone, []int{9, 9, 9, 9, 9, 9},
			ClassGroups{Head: []int{0, 1}, Medium: []int{2, 3}, Tail: []int{4, 5}}},
		{"two counts make no step", ProfileExp, []int{9, 8, 8, 8, 8, 8},
			ClassGroups{Head: []int{0, 1}, Medium: []int{2, 3}, Tail: []int{4, 5}}},
		{"two classes have a head and a tail", ProfileNone, []int{3, 12}, ClassGroups{Head: []int{1}, Medium: []int{}, Tail: []int{0}}},
		{"three classes", ProfileNone, []int{3, 12, 5}, ClassGroups{Head: []int{1}, Medium: []int{2}, Tail: []int{0}}},
		{"step has no medium", ProfileStep, Counts(Imbalance{Profile: ProfileStep, Factor: .01}, 10, 6000),
			ClassGroups{Head: []int{0, 1, 2, 3, 4}, Tail: []int{5, 6, 7, 8, 9}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := Dataset{Imbalance: Imbalance{Profile: c.profile}}.ClassGroups(nil, c.counts)
			require.NoError(t, err)
			require.Equal(t, c.want, g)
		})
	}

	g, err := Dataset{}.ClassGroups(nil, Counts(Imbalance{Profile: ProfileExp, Factor: .01}, 100, 500))
	require.NoError(t, err)
	require.Equal(t, []int{33, 34, 33}, []int{len(g.Head), len(g.Medium), len(g.Tail)})
	require.Len(t, g.Classes(GroupAll), 100)
}

func TestGroupsAsTheSpecSays(t *testing.T) {
	names, counts := []string{"ant", "bee", "3", "dog", "elk"}, []int{100, 101, 19, 20, 500}
	groups := func(g Grouping) (ClassGroups, error) { return Dataset{Groups: &g}.ClassGroups(names, counts) }
	for _, c := range []struct {
		g    Grouping
		want ClassGroups
	}{
		{Grouping{By: GroupsByShots, Many: 100, Few: 20}, ClassGroups{Head: []int{4, 1}, Medium: []int{0, 3}, Tail: []int{2}}},
		{Grouping{By: GroupsByShots, Many: 1000, Few: 1}, ClassGroups{Medium: []int{4, 1, 0, 3, 2}}},
		{Grouping{By: GroupsByNames, Head: []string{"bee", "0"}, Tail: []string{"elk"}}, ClassGroups{Head: []int{1, 0}, Medium: []int{3, 2}, Tail: []int{4}}},
		{Grouping{By: GroupsByNames, Medium: []string{"ant"}, Tail: []string{"3"}}, ClassGroups{Medium: []int{4, 1, 0, 3}, Tail: []int{2}}}, // a name before a number
		{Grouping{By: GroupsByThirds}, ClassGroups{Head: []int{4}, Medium: []int{1, 0, 3}, Tail: []int{2}}},
	} {
		got, err := groups(c.g)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c.g)
		require.Len(t, got.Classes(GroupAll), 5)
	}
	for want, g := range map[string]Grouping{
		"dataset.groups.head[1]: is not a class of the dataset (cat; valid: a class's name or number: ant, bee, 3, dog, elk)": {By: GroupsByNames, Head: []string{"ant", "cat"}},
		"dataset.groups.tail[0]: is not a class of the dataset (5;":                                                           {By: GroupsByNames, Tail: []string{"5"}},
		"dataset.groups.tail[0]: class 1 (bee) is in group head already (1; valid: each class once)":                          {By: GroupsByNames, Head: []string{"bee"}, Tail: []string{"1"}},
	} {
		_, err := groups(g)
		require.ErrorContains(t, err, want)
	}
}
