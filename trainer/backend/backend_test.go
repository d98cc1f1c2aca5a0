package backend

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Opening backend go sets its parallelism and leaves os.Stdout alone, which other
// goroutines write events to.
func TestOpenGoPrintsNothing(t *testing.T) {
	stdout := os.Stdout
	stop, replaced := make(chan struct{}), false
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				replaced = replaced || os.Stdout != stdout
			}
		}
	})
	for range 200 {
		b, err := Open(Go)
		require.NoError(t, err)
		require.Contains(t, b.Compute.Description(), "parallelism=-1")
		b.Close()
	}
	close(stop)
	watch.Wait()
	require.False(t, replaced)
}
