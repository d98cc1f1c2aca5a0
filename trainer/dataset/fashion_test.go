package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/trainertest"
)

var errDisk = errors.New("input/output error")

// failing is a fake of a disk that fails.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestFolderOfFiles(t *testing.T) {
	dir := t.TempDir()
	d := sweep.Dataset{Name: sweep.FashionMNIST, Path: dir, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileNone}}
	loadErr := func() error {
		_, err := Load(d)
		var failure *sweep.FailureError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, sweep.FailBadData, failure.Class)
		return err
	}
	images := filepath.Join(dir, "train-images-idx3-ubyte.gz")
	require.ErrorContains(t, loadErr(), images)
	require.ErrorIs(t, loadErr(), os.ErrNotExist)

	// A path that cannot be right is a fault of the spec, which another try does not fix.
	require.NoError(t, os.Mkdir(images, 0o700))
	require.ErrorContains(t, loadErr(), "dataset.path: "+images+" is not a regular file")
	require.NoError(t, os.Remove(images))
	require.NoError(t, os.WriteFile(images, nil, 0o600))
	d.Path = images
	require.ErrorContains(t, loadErr(), "dataset.path: ")
	d.Path = dir

	// The test images under the training images' name: a valid file, not the pinned one.
	other, err := builtin.ReadFile("data/t10k-images-idx3-ubyte.gz")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(images, other, 0o600))
	require.ErrorContains(t, loadErr(), images+": its decompressed content has sha256 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b, want c59f468a")

	require.NoError(t, os.WriteFile(images, other[:len(other)/2], 0o600))
	require.ErrorContains(t, loadErr(), images+": truncated gzip at byte ")

	require.NoError(t, os.WriteFile(images, trainertest.Gzip(t, make([]byte, fashionTrain.images.size+1)), 0o600))
	require.ErrorContains(t, loadErr(), images+": more than the expected 47040016 bytes")
}

// TestFullSet runs where TAILSWEEP_TEST_FASHION_MNIST names a folder with the
// training files.
func TestFullSet(t *testing.T) {
	dir := os.Getenv("TAILSWEEP_TEST_FASHION_MNIST")
	if dir == "" {
		t.Skip("TAILSWEEP_TEST_FASHION_MNIST is not set")
	}
	s := load(t, sweep.Dataset{Name: sweep.FashionMNIST, Path: dir, Size: 28, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}})
	require.Equal(t, []int{6000, 3596, 2156, 1292, 774, 464, 278, 166, 100, 60}, s.Counts)
	require.Equal(t, 14886, s.Len())
}
