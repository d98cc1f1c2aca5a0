package sweep

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDatasetShape(t *testing.T) {
	for _, c := range []struct {
		d                 Dataset
		classes, channels int
	}{
		{Dataset{Name: FashionMNIST10k}, 10, 1},
		{Dataset{Name: FashionMNIST}, 10, 1},
		{Dataset{Name: CIFAR10}, 10, 3},
		{Dataset{Name: CIFAR100}, 100, 3},
		{Dataset{Name: ImageFolder, FolderClasses: 7, FolderChannels: 3}, 7, 3},
		{Dataset{Name: ImageFolder, FolderClasses: 7, FolderChannels: 1}, 7, 1},
		{Dataset{Name: "mnist"}, 0, 0},
	} {
		require.Equal(t, [2]int{c.classes, c.channels}, [2]int{c.d.Classes(), c.d.Channels()}, c.d.Name)
	}
}

// The spec alone gives the sizes of an image folder's groups, unless they are by shots.
func TestFactsOfTheSpecAlone(t *testing.T) {
	sizes := func(d Dataset) []int {
		groups := d.Facts().Groups
		if groups == nil {
			return nil
		}
		return []int{len(groups.Head), len(groups.Medium), len(groups.Tail)}
	}
	for _, im := range []Imbalance{
		{Profile: ProfileExp, Factor: .01}, {Profile: ProfileStep, Factor: .1}, {Profile: ProfileStep, Factor: 1}, {Profile: ProfileNone, Factor: 1},
		{Profile: ProfileStep, Factor: .1, Order: OrderPermuted, Seed: 3},
	} {
		published := Dataset{Name: FashionMNIST10k, Imbalance: im}
		folder := Dataset{Name: ImageFolder, FolderClasses: 10, Imbalance: im}
		require.Equal(t, sizes(published), sizes(folder), im)
		f := published.Facts()
		require.Equal(t, im.Profile == ProfileNone || im.Factor == 1, sum(f.HeldOut) == 0, im)
		require.Len(t, f.Classes, 10)
		require.Nil(t, folder.Facts().Real)
		require.Equal(t, im.Profile == ProfileNone, folder.Facts().HeldOut != nil, im)
	}
	d := Dataset{Name: ImageFolder, FolderClasses: 7, Imbalance: Imbalance{Profile: ProfileNone}}
	require.Equal(t, []int{2, 3, 2}, sizes(d))
	d.Groups = &Grouping{By: GroupsByNames, Head: []string{"a"}, Tail: []string{"b", "c"}}
	require.Equal(t, []int{1, 4, 2}, sizes(d))
	d.Groups = &Grouping{By: GroupsByShots, Many: 100, Few: 20}
	require.Nil(t, sizes(d))
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"s3://bucket/set", "s3://bucket/a/b/", "https://host/a.tar.gz", "http://127.0.0.1:9000/a", "http://localhost/a"} {
		require.NoError(t, CheckURL(good), good)
	}
	for _, bad := range []string{
		"s3://bucket", "s3:///key", "s3://bucket/", "https://u:p@host/a", "https://host/a?X-Amz-Signature=1", "https://host/a#b",
		"http://host/a", "http://127.0.0.1.evil/a", "file:///etc", "https://host/a b", "s3://bucket/a/../b", "s3://bucket/a\\b",
	} {
		require.Error(t, CheckURL(bad), bad)
	}
}
