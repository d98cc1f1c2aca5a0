package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/child"
)

// logged returns the file of a log with these lines.
func logged(t *testing.T, write func(l *child.Lines)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log.txt")
	log, err := createLog(path)
	require.NoError(t, err)
	l := &child.Lines{Emit: log.line}
	write(l)
	l.Flush()
	require.NoError(t, log.close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// The log of an attempt is stored and printed: neither its beginning nor its end has the
// secrets of addresses, also where the end begins or a line is cut within one.
func TestTheLogHidesSecrets(t *testing.T) {
	const line = "get https://ann:hunter2@store:9000/b?X-Amz-Signature=hunter3&part=1 of ann:hunter4@host:22\n"
	const hidden = "get https://***@store:9000/b?X-Amz-Signature=***&part=1 of ***@host:22\n"
	require.Equal(t, hidden, logged(t, func(l *child.Lines) { _, _ = fmt.Fprint(l, line) }))

	long := logged(t, func(l *child.Lines) {
		for range (maxLogHead + 3*maxLogTail) / len(line) {
			_, _ = fmt.Fprint(l, line)
		}
	})
	require.Less(t, len(long), maxLogHead+2*maxLogTail)
	before, after, _ := strings.Cut(long, "... ")
	left, after, _ := strings.Cut(after, " bytes left out ...\n")
	require.Equal(t, 0, len(before)%len(hidden))
	require.Equal(t, 0, len(after)%len(hidden), "the end begins with a line")
	var bytes int
	_, err := fmt.Sscan(left, &bytes)
	require.NoError(t, err)
	require.Equal(t, (maxLogHead+3*maxLogTail)/len(line)*len(line), (len(before)+len(after))/len(hidden)*len(line)+bytes)
	require.NotContains(t, long, "hunter")

	cut := logged(t, func(l *child.Lines) {
		_, _ = fmt.Fprint(l, strings.Repeat("x", child.MaxLine-20), " https://ann:hunter2-and-more@store:9000/b\n", strings.Repeat("y", 2*child.MaxLine))
	})
	require.True(t, strings.Contains(cut, "xxx \nyyy"))
	require.False(t, strings.Contains(cut, "hunter"))
}

// A line longer than the end that is kept is kept.
func TestTheLogKeepsItsLastLine(t *testing.T) {
	text := logged(t, func(l *child.Lines) {
		_, _ = fmt.Fprint(l, strings.Repeat(strings.Repeat("a", 127)+"\n", maxLogHead/100), strings.Repeat("z", 2*child.MaxLine))
	})
	require.True(t, strings.HasSuffix(text, "\n"+strings.Repeat("z", child.MaxLine)+"\n"))
}
