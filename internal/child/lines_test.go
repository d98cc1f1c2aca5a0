package child

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLastLinesKeepsTheBeginningOfACrash(t *testing.T) {
	var l LastLines
	for range 50 {
		l.Add([]byte("chatter"))
	}
	l.Add([]byte("panic: the cause"))
	for range 500 {
		l.Add([]byte("goroutine 7 [running]:"))
	}
	require.True(t, strings.HasPrefix(l.Text(), "panic: the cause\n"))
	require.LessOrEqual(t, strings.Count(l.Text(), "\n"), maxLastLines)
}

func TestLastLinesHideAPasswordThatIsCut(t *testing.T) {
	url := "GET https://ada:" + strings.Repeat("pass", MaxLastText) + "@example.com/images.tar"
	for _, start := range []string{"", "panic: "} {
		var l LastLines
		l.Add([]byte(start + url))
		require.NotContains(t, l.Text(), "pass")
		require.Contains(t, l.Text(), "https://***@example.com")
	}
}

func TestLinesCutsAndSplits(t *testing.T) {
	var got []int
	l := &Lines{Emit: func(line []byte) { got = append(got, len(line)) }}
	long := strings.Repeat("x", MaxLine+10)
	for _, part := range []string{"ab", "c\n\nde\n", long, long + "\nf"} {
		n, err := l.Write([]byte(part))
		require.NoError(t, err)
		require.Equal(t, len(part), n)
	}
	l.Flush()
	require.Equal(t, []int{3, 2, MaxLine, 1}, got)
}
