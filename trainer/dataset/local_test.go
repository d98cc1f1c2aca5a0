package dataset

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/sweep"
)

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(folder.CacheVariable, dir)
	local := func(d sweep.Dataset) sweep.Dataset {
		d, err := Local(d)
		require.NoError(t, err)
		return d
	}
	require.Empty(t, local(sweep.Dataset{Name: sweep.FashionMNIST10k}).Path)
	require.Equal(t, filepath.Join(dir, "datasets", "cifar-10"), local(sweep.Dataset{Name: sweep.CIFAR10}).Path)
	require.Equal(t, "/data", local(sweep.Dataset{Name: sweep.CIFAR10, Path: "/data"}).Path)

	d := local(sweep.Dataset{Name: sweep.ImageFolder, Path: "s3://bucket/a b/../tiny", Reference: "https://host/tiny"})
	require.Equal(t, filepath.Join(dir, "datasets", "url"), filepath.Dir(d.Path))
	require.Equal(t, filepath.Dir(d.Path), filepath.Dir(d.Reference))
	require.NotEqual(t, d.Path, d.Reference, "two addresses, two folders")
	require.Equal(t, d.Path, local(d).Path, "local already")
	require.Equal(t, "val.txt", local(sweep.Dataset{Name: sweep.ImageFolder, Path: "/x", Reference: "val.txt"}).Reference)

	_, err := Load(sweep.Dataset{Name: sweep.CIFAR10, Size: 32, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}})
	require.ErrorContains(t, err, "`tailsweep data pull cifar-10` downloads the archive")
}
