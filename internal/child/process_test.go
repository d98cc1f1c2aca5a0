package child

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/sweep"
)

// The test binary doubles as the process that is started: it plays a scenario.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "play" {
		play(os.Args[2])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(scenario string) {
	switch scenario {
	case "echo":
		fmt.Println("out", os.Getenv("MARK"))
		fmt.Fprintln(os.Stderr, "err")
		dir, _ := os.Getwd()
		fmt.Println(filepath.Base(dir))
		os.Exit(7)
	case "until-stdin-closes":
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "sigterm":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready")
		<-term
	case "leaves", "leaves-without-a-trace": // starts a process with a session of its own, which keeps stdout open
		self, _ := os.Executable()
		left := exec.Command(self, "play", "sleep")
		left.Stdout, left.Stderr = os.Stdout, os.Stderr
		if scenario == "leaves-without-a-trace" {
			left.Env = []string{"A=b"}
		}
		left.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := left.Start(); err != nil {
			panic(err)
		}
		fmt.Println(left.Process.Pid)
	case "leaves-and-hangs":
		play("leaves")
		select {}
	case "sleep":
		time.Sleep(time.Hour)
	}
}

func start(t *testing.T, scenario string, c Command) (*Process, chan string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	lines := make(chan string, 100)
	c.Args = []string{self, "play", scenario}
	c.Stdout = func(line []byte) { lines <- string(line) }
	c.Stderr = c.Stdout
	s := NewStarter()
	t.Cleanup(s.Close)
	p, err := s.Start(c)
	require.NoError(t, err)
	t.Cleanup(func() { p.Kill(); p.Exit() })
	return p, lines
}

// ended waits until no process with this pid runs; one that is dead but not reaped has ended.
func ended(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, retry.Until(t.Context(), time.Millisecond, func() (bool, error) { return !runs(pid), nil }))
}

func runs(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

func TestStart(t *testing.T) {
	dir := t.TempDir()
	p, lines := start(t, "echo", Command{Env: []string{"MARK=x"}, Dir: dir})
	exit := p.Exit()
	require.Equal(t, 7, exit.Code)
	require.NoError(t, exit.Err)
	close(lines)
	var got []string
	for line := range lines {
		got = append(got, line)
	}
	require.ElementsMatch(t, []string{"out x", "err", filepath.Base(dir)}, got)
}

// TestLeftIsNamed checks that what a process left is named, and that a process that left nothing
// left nothing.
func TestLeftIsNamed(t *testing.T) {
	needs(t, false)
	for scenario, left := range map[string]int{"leaves": 1, "echo": 0} {
		mark := "MARK=" + t.TempDir()
		p, _ := start(t, scenario, Command{Env: []string{mark}, Mark: mark})
		got := p.Exit().Left
		require.Len(t, got, left, scenario)
		for _, line := range got {
			require.Contains(t, line, "play sleep")
		}
	}
}

// What a process has started is killed when it ends, also what has a session of its own and keeps
// stdout open: by the mark in its environment, and by the cgroup.
func TestNothingIsLeft(t *testing.T) {
	for _, scenario := range []string{"leaves", "leaves-without-a-trace"} {
		t.Run(scenario, func(t *testing.T) {
			needs(t, scenario == "leaves-without-a-trace")
			mark := "MARK=" + t.TempDir()
			began := time.Now()
			p, lines := start(t, scenario, Command{Env: []string{mark}, Mark: mark})
			require.NoError(t, p.Exit().Err)
			require.Less(t, time.Since(began), AfterExit, "its output is not waited for")
			ended(t, number(t, <-lines))
		})
	}
}

func TestKill(t *testing.T) {
	needs(t, false)
	mark := "MARK=" + t.TempDir()
	p, lines := start(t, "leaves-and-hangs", Command{Env: []string{mark}, Mark: mark})
	left := number(t, <-lines)
	p.Kill()
	require.Equal(t, syscall.SIGKILL, p.Exit().Signal)
	ended(t, left)
	p.Kill() // of a process that has ended
}

// Without a mark, only the group is killed, and output is not waited for without a limit.
func TestTheGroupIsKilled(t *testing.T) {
	p, lines := start(t, "until-stdin-closes", Command{})
	require.Equal(t, "ready", <-lines)
	p.Kill()
	require.Equal(t, syscall.SIGKILL, p.Exit().Signal)
}

func TestSignal(t *testing.T) {
	p, lines := start(t, "sigterm", Command{})
	require.Equal(t, "ready", <-lines)
	p.Signal(syscall.SIGTERM)
	require.Equal(t, 0, p.Exit().Code)
}

// The marked processes of another process, such as a killed worker, are killed, and no others.
func TestKillMarked(t *testing.T) {
	needs(t, false)
	dir := t.TempDir()
	gone, lines := start(t, "until-stdin-closes", Command{Env: []string{"JOB=" + dir + "/a/job"}})
	<-lines
	stays, lines := start(t, "until-stdin-closes", Command{Env: []string{"JOB=" + dir + "-b/job"}})
	<-lines
	KillMarked(func(entry string) bool { return strings.HasPrefix(entry, "JOB="+dir+"/") })
	require.Equal(t, syscall.SIGKILL, gone.Exit().Signal)
	select {
	case <-stays.Ended():
		t.Fatal("a process without the mark was killed")
	default:
	}
}

func TestStartOfNothing(t *testing.T) {
	s := NewStarter()
	defer s.Close()
	_, err := s.Start(Command{Args: []string{"no-such-program-anywhere"}})
	require.ErrorIs(t, err, exec.ErrNotFound)
	_, err = s.Start(Command{Args: []string{"./nothing"}, Dir: t.TempDir(), Mark: "A=b"})
	require.ErrorIs(t, err, os.ErrNotExist)
	cgroupsAreGone(t)
}

func TestEnviron(t *testing.T) {
	given := []string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=s", "LC_ALL=C", "CUDA_VISIBLE_DEVICES=4,5", "HF_HOME=/h", "XLA_FLAGS=f", "TAILSWEEP_JOB=x", "NOVALUE"}
	require.Equal(t, []string{"PATH=/bin", "LC_ALL=C", "CUDA_VISIBLE_DEVICES=4,5"}, Environ(given, Also{}, ""))
	require.Equal(t, []string{"PATH=/bin", "LC_ALL=C", "HF_HOME=/h", "XLA_FLAGS=f", "CUDA_VISIBLE_DEVICES=5"},
		Environ(given, Also{Variables: []string{"HF_HOME"}, Prefixes: []string{"XLA_"}}, "5"))
}

func TestExitFailure(t *testing.T) {
	for name, c := range map[string]struct {
		exit   Exit
		output string
		class  sweep.FailureClass
		says   string
	}{
		"by the kernel": {Exit{Code: -1, Signal: syscall.SIGKILL, OOMKilled: true}, "", sweep.FailOutOfMemory, "the kernel killed the program for memory"},
		"killed":        {Exit{Code: -1, Signal: syscall.SIGKILL}, "out of memory", sweep.FailLost, "the program was killed (signal 9); its last output:\nout of memory"},
		"says so":       {Exit{Code: 1}, "torch.cuda.OutOfMemoryError: CUDA out of memory", sweep.FailOutOfMemory, "the program ran out of memory"},
		"terminated":    {Exit{Code: -1, Signal: syscall.SIGTERM}, "", sweep.FailLost, "the program was ended by terminated"},
	} {
		failure := c.exit.Failure("the program", c.output)
		require.NotNil(t, failure, name)
		require.Equal(t, c.class, failure.Class, name)
		require.Contains(t, failure.Message, c.says, name)
	}
	require.Nil(t, Exit{Code: 1}.Failure("the program", "Traceback"))
	require.Nil(t, Exit{Code: -1, Signal: syscall.SIGSEGV}.Failure("the program", ""))
}

func number(t *testing.T, line string) int {
	t.Helper()
	n, err := strconv.Atoi(line)
	require.NoError(t, err)
	return n
}
