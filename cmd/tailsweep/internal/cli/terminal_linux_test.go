package cli

import (
	"bufio"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo-terminal of a width.
func openTerminal(t *testing.T, width uint16) (program, screen *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = screen.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = program.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(program.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: width}))
	return program, screen
}

func TestMessagesFitTheTerminal(t *testing.T) {
	program, screen := openTerminal(t, 30)
	a := App{Err: program}
	require.True(t, a.Attended())
	a.Log("the worker takes no trials for a time\n  since attempts of it have failed")
	lines := bufio.NewScanner(screen)
	for _, want := range []string{"the worker takes no trials for", "a time", "  since attempts of it have", "  failed"} {
		require.True(t, lines.Scan())
		require.Equal(t, want, lines.Text())
	}
}
