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
		{Dataset{Name: ImageFolder, FolderClasses: 7}, 7, 3},
		{Dataset{Name: ImageFolder, FolderClasses: 7, FolderChannels: 1}, 7, 1},
		{Dataset{Name: "mnist"}, 0, 0},
	} {
		require.Equal(t, [2]int{c.classes, c.channels}, [2]int{c.d.Classes(), c.d.Channels()}, c.d.Name)
	}
}

func TestGroupSizeIsThatOfTheSplit(t *testing.T) {
	for _, im := range []Imbalance{
		{Profile: ProfileExp, Factor: .01}, {Profile: ProfileStep, Factor: .1}, {Profile: ProfileStep, Factor: 1}, {Profile: ProfileNone, Factor: 1},
		{Profile: ProfileStep, Factor: .1, Order: OrderPermuted, Seed: 3},
	} {
		for _, name := range []string{FashionMNIST10k, CIFAR100} {
			d := Dataset{Name: name, Imbalance: im}
			_, groups := d.Split()
			for _, group := range []string{GroupAll, GroupHead, GroupMedium, GroupTail} {
				require.Len(t, groups.Classes(group), d.GroupSize(group), "%v %s", im, group)
			}
		}
	}
	require.Equal(t, 5, Dataset{Name: ImageFolder, FolderClasses: 17, Imbalance: Imbalance{Profile: ProfileNone}}.GroupSize(GroupTail))
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
