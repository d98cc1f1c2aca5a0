package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// PinCIFAR makes these files, by name, the published ones of cifar-10 or cifar-100
// until the test ends: made-up images cannot have the real digests.
func PinCIFAR(t *testing.T, name string, files map[string][]byte) {
	t.Helper()
	set := map[string]*cifar{sweep.CIFAR10: cifar10, sweep.CIFAR100: cifar100}[name]
	before := *set
	t.Cleanup(func() { *set = before })
	set.files = nil
	for _, pin := range before.files {
		data, ok := files[pin.Name]
		require.True(t, ok, pin.Name)
		sum := sha256.Sum256(data)
		set.files = append(set.files, Pin{pin.Name, int64(len(data)), hex.EncodeToString(sum[:])})
	}
}
