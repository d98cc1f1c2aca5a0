package measure

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

func TestSlots(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		name   string
		most   int
		choice string
		each   int64
		m      machine
		n      int
		why    string
	}{
		{"the spec", 2, backend.Go, gib, machine{cores: 16, memory: 64 * gib}, 2, "2 training slots: max_concurrent_trials is 2"},
		{"cores", 8, backend.XLACPU, gib, machine{cores: 8, memory: 64 * gib}, 4, "4 training slots: one for 2 cores, of which this machine has 8; max_concurrent_trials is 8"},
		{"memory", 8, backend.Go, 2 * gib, machine{cores: 16, memory: 6 * gib}, 2, "2 training slots: 6.0 GiB of memory is free, and a training needs about 2.0 GiB; max_concurrent_trials is 8"},
		{"too little memory", 8, backend.Go, 20 * gib, machine{cores: 16, memory: 6 * gib}, 1, "1 training slot: 6.0 GiB of memory is free, and a training needs about 20 GiB; max_concurrent_trials is 8"},
		{"one core", 8, backend.Go, gib, machine{cores: 1, memory: 64 * gib}, 1, "1 training slot: one for 2 cores, of which this machine has 1; max_concurrent_trials is 8"},
		{"GPUs", 8, backend.XLACUDA, 0, machine{cores: 4, gpus: 2, memory: gib}, 2, "2 training slots: one for each GPU, of which this machine has 2; max_concurrent_trials is 8"},
		{"no free memory", 8, backend.Go, gib, machine{cores: 16}, 1, "1 training slot: 0 B of memory is free, and a training needs about 1.0 GiB; max_concurrent_trials is 8"},
		{"unknown memory", 3, backend.Go, gib, machine{cores: 64, memory: unknown}, 1, "1 training slot: the free memory of this machine is not known, and a training needs about 1.0 GiB (`tailsweep up --slots N` starts more); max_concurrent_trials is 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, why := slots(c.most, c.choice, c.each, c.m)
			require.Equal(t, c.n, n)
			require.Equal(t, c.why, why)
		})
	}
}

func TestFreeMemory(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o644))
	}
	none := func() (int64, error) { return 0, errors.New("not implemented") }
	require.EqualValues(t, unknown, freeMemory(root, none))
	require.EqualValues(t, 3<<30, freeMemory(root, func() (int64, error) { return 3 << 30, nil }), "macOS and FreeBSD have no /proc")
	own, err := systemMemory()
	require.NoError(t, err)
	require.Positive(t, own)
	write("proc/meminfo", "MemTotal:       8000000 kB\nMemAvailable:    4000000 kB\n")
	require.EqualValues(t, 4000000<<10, freeMemory(root, none))
	write("proc/self/cgroup", "1:cpu:/\n0::/job\n")
	write("sys/fs/cgroup/job/memory.max", "max\n")
	require.EqualValues(t, 4000000<<10, freeMemory(root, none))
	write("sys/fs/cgroup/job/memory.max", "1073741824\n")
	require.EqualValues(t, 1<<30, freeMemory(root, none))

	const mib = 1 << 20
	write("sys/fs/cgroup/job/memory.current", "629145600\n") // 600 MiB
	require.EqualValues(t, 424*mib, freeMemory(root, none), "what is used")
	write("sys/fs/cgroup/job/memory.stat", "anon 209715200\nfile 419430400\ninactive_file 314572800\nactive_file 104857600\n")
	require.EqualValues(t, 724*mib, freeMemory(root, none), "300 MiB of files can be dropped")
	write("proc/self/cgroup", "0::/job/worker/train\n")
	require.EqualValues(t, 724*mib, freeMemory(root, none), "a limit of a parent")
	write("sys/fs/cgroup/memory.max", "524288000\n")
	write("sys/fs/cgroup/memory.current", "734003200\n")
	require.Zero(t, freeMemory(root, none), "nothing is left")
}

// A training that does not fit in memory is not measured: it would be killed.
func TestATrainingThatDoesNotFitIsNotMeasured(t *testing.T) {
	spec := &sweep.Spec{
		Dataset: sweep.Dataset{Name: sweep.ImageFolder, Size: 256, FolderChannels: 3, FolderClasses: 10},
		Train:   sweep.Train{Batch: 128}, Evaluate: sweep.Evaluate{SamplesPerClass: 500},
	}
	require.NoError(t, fits(spec, 8<<30, machine{memory: 8 << 30}))
	require.NoError(t, fits(spec, 8<<30, machine{memory: unknown}))
	require.EqualError(t, fits(spec, 8<<30, machine{memory: 2 << 30}), "a training needs about 8.0 GiB of memory with train.batch = 128 and dataset.size = 256, and this machine has 2.0 GiB free (valid: a smaller train.batch, dataset.size or model)")
	require.EqualError(t, fits(spec, 1<<30, machine{memory: 2 << 30}), "an evaluation keeps 5000 samples in memory, which take 3.7 GiB with evaluate.samples_per_class = 500 and dataset.size = 256, and this machine has 2.0 GiB free (valid: a smaller evaluate.samples_per_class or dataset.size)")
}
