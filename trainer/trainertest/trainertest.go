package trainertest

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// Gzip compresses data.
func Gzip(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// Classifier writes a classifier of RGB images whose weights are all 0, and returns its path.
func Classifier(t testing.TB, classes int) string {
	t.Helper()
	var all []checkpoint.Tensor
	for name, dims := range map[string][]int{
		"conv0.kernel": {3, 3, 3, 24}, "conv0.bias": {1, 1, 1, 24}, "conv1.kernel": {3, 3, 24, 48}, "conv1.bias": {1, 1, 1, 48},
		"conv2.kernel": {3, 3, 48, 64}, "conv2.bias": {1, 1, 1, 64}, "features.weight": {1024, 64}, "features.bias": {1, 64},
		"logits.weight": {64, classes}, "logits.bias": {1, classes},
	} {
		n := 1
		for _, d := range dims {
			n *= d
		}
		all = append(all, checkpoint.FromFloat32(name, dims, make([]float32, n)))
	}
	var file bytes.Buffer
	require.NoError(t, checkpoint.EncodeTensors(&file, all, nil))
	path := filepath.Join(t.TempDir(), "classifier.safetensors")
	require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
	return path
}
