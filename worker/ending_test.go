package worker

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

func TestEndingFailure(t *testing.T) {
	for name, c := range map[string]struct {
		end   ending
		class sweep.FailureClass
	}{
		"killed while the kernel killed for memory":            {ending{code: -1, signal: syscall.SIGKILL, oomKilled: true}, sweep.FailOutOfMemory},
		"killed by another process":                            {ending{code: -1, signal: syscall.SIGKILL}, sweep.FailLost},
		"terminated without a checkpoint":                      {ending{code: -1, signal: syscall.SIGTERM}, sweep.FailLost},
		"segmentation fault":                                   {ending{code: -1, signal: syscall.SIGSEGV}, sweep.FailBug},
		"Go heap exhausted":                                    {ending{code: 2, output: "fatal error: runtime: out of memory"}, sweep.FailOutOfMemory},
		"CUDA ran out":                                         {ending{code: -1, signal: syscall.SIGABRT, output: "CUDA_ERROR_OUT_OF_MEMORY: out of memory"}, sweep.FailOutOfMemory},
		"killed by another process, with memory in its output": {ending{code: -1, signal: syscall.SIGKILL, output: "RESOURCE_EXHAUSTED"}, sweep.FailLost},
		"allocator gave up":                                    {ending{code: -1, signal: syscall.SIGABRT, output: "std::bad_alloc"}, sweep.FailOutOfMemory},
		"lost its worker":                                      {ending{code: job.ExitOrphaned}, sweep.FailLost},
		"exit 0 without a last event":                          {ending{}, sweep.FailBug},
		"exit 0 without any event":                             {ending{silent: true}, sweep.FailEnvironment},
		"segmentation fault of the backend":                    {ending{code: -1, signal: syscall.SIGSEGV, silent: true}, sweep.FailEnvironment},
		"an instruction that the processor does not know":      {ending{code: -1, signal: syscall.SIGILL, silent: true}, sweep.FailEnvironment},
		"lost its worker before it started":                    {ending{code: job.ExitOrphaned, silent: true}, sweep.FailLost},
		"with an error event of its own":                       {ending{code: 1, last: &job.Event{Type: job.Error, Class: sweep.FailTransient}}, sweep.FailTransient},
	} {
		t.Run(name, func(t *testing.T) {
			failure := c.end.failure()
			require.NotNil(t, failure)
			require.Equal(t, c.class, failure.Class)
		})
	}
	require.Nil(t, ending{code: 134, last: &job.Event{Type: job.Done}}.failure())
}

func TestLastLinesKeepsTheBeginningOfACrash(t *testing.T) {
	var l lastLines
	for range 50 {
		l.add([]byte("chatter"))
	}
	l.add([]byte("panic: the cause"))
	for range 500 {
		l.add([]byte("goroutine 7 [running]:"))
	}
	require.True(t, strings.HasPrefix(l.text(), "panic: the cause\n"))
	require.LessOrEqual(t, strings.Count(l.text(), "\n"), maxLastLine)
}

func TestLastLinesHideAPasswordThatIsCut(t *testing.T) {
	url := "GET https://ada:" + strings.Repeat("pass", maxLastText) + "@example.com/images.tar"
	for _, start := range []string{"", "panic: "} {
		var l lastLines
		l.add([]byte(start + url))
		require.NotContains(t, l.text(), "pass")
		require.Contains(t, l.text(), "https://***@example.com")
	}
}

func TestLinesCutsAndSplits(t *testing.T) {
	var got []int
	l := &lines{emit: func(line []byte) { got = append(got, len(line)) }}
	long := strings.Repeat("x", maxLine+10)
	for _, part := range []string{"ab", "c\n\nde\n", long, long + "\nf"} {
		n, err := l.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	l.flush()
	require.Equal(t, []int{3, 2, maxLine, 1}, got)
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
