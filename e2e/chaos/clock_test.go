package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheClockOfOneProcessIsWrong runs itself as a child, which prints its clock for each line.
func TestTheClockOfOneProcessIsWrong(t *testing.T) {
	if os.Getenv("CHAOS_PRINTS_ITS_CLOCK") != "" {
		began := time.Now()
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(time.Now().Unix(), time.Since(began) < time.Minute)
		}
		os.Exit(0)
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "CHAOS_PRINTS_ITS_CLOCK=1")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	answers := bufio.NewReader(out)
	off := func() time.Duration {
		_, err := fmt.Fprintln(in)
		require.NoError(t, err)
		var unix int64
		var monotonic bool
		_, err = fmt.Fscanln(answers, &unix, &monotonic)
		require.NoError(t, err)
		require.True(t, monotonic, "the monotonic clock jumped")
		return time.Until(time.Unix(unix, 0)).Round(time.Minute)
	}
	require.Zero(t, off())
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		correct, err := setClock(child.Process.Pid, by)
		require.NoError(t, err)
		require.Equal(t, by, off())
		require.NoError(t, correct())
		require.Zero(t, off())
	}
	require.NoError(t, in.Close())
	require.NoError(t, child.Wait())
}
