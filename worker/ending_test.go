package worker

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

func TestEndingFailure(t *testing.T) {
	for name, c := range map[string]struct {
		end   ending
		class sweep.FailureClass
	}{
		"killed while the kernel killed for memory":            {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGKILL, OOMKilled: true}}, sweep.FailOutOfMemory},
		"killed by another process":                            {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGKILL}}, sweep.FailLost},
		"terminated without a checkpoint":                      {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGTERM}}, sweep.FailLost},
		"segmentation fault":                                   {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGSEGV}}, sweep.FailBug},
		"Go heap exhausted":                                    {ending{Exit: child.Exit{Code: 2}, output: "fatal error: runtime: out of memory"}, sweep.FailOutOfMemory},
		"CUDA ran out":                                         {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGABRT}, output: "CUDA_ERROR_OUT_OF_MEMORY: out of memory"}, sweep.FailOutOfMemory},
		"killed by another process, with memory in its output": {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGKILL}, output: "RESOURCE_EXHAUSTED"}, sweep.FailLost},
		"allocator gave up":                                    {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGABRT}, output: "std::bad_alloc"}, sweep.FailOutOfMemory},
		"lost its worker":                                      {ending{Exit: child.Exit{Code: job.ExitOrphaned}}, sweep.FailLost},
		"exit 0 without a last event":                          {ending{}, sweep.FailBug},
		"exit 0 without any event":                             {ending{silent: true}, sweep.FailEnvironment},
		"segmentation fault of the backend":                    {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGSEGV}, silent: true}, sweep.FailEnvironment},
		"an instruction that the processor does not know":      {ending{Exit: child.Exit{Code: -1, Signal: syscall.SIGILL}, silent: true}, sweep.FailEnvironment},
		"lost its worker before it started":                    {ending{Exit: child.Exit{Code: job.ExitOrphaned}, silent: true}, sweep.FailLost},
		"with an error event of its own":                       {ending{Exit: child.Exit{Code: 1}, last: &job.Event{Type: job.Error, Class: sweep.FailTransient}}, sweep.FailTransient},
	} {
		t.Run(name, func(t *testing.T) {
			failure := c.end.failure()
			require.NotNil(t, failure)
			require.Equal(t, c.class, failure.Class)
		})
	}
	require.Nil(t, ending{Exit: child.Exit{Code: 134}, last: &job.Event{Type: job.Done}}.failure())
}

func TestDevices(t *testing.T) {
	set := func(value string) func(string) (string, bool) {
		return func(string) (string, bool) { return value, true }
	}
	require.Equal(t, []string{"0", "GPU-ab12"}, devices(set("0, GPU-ab12"), "/nonexistent"))
	require.Empty(t, devices(set("-1"), "/nonexistent"))
	require.Empty(t, devices(set(""), "/nonexistent"))
	root := t.TempDir()
	unset := func(string) (string, bool) { return "", false }
	require.Empty(t, devices(unset, root))
	for _, gpu := range []string{"/0000:17:00.0", "/0000:65:00.0"} {
		require.NoError(t, os.Mkdir(root+gpu, 0o755))
	}
	require.Equal(t, []string{"0", "1"}, devices(unset, root))
}
