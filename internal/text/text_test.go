package text_test

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/text"
)

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in         string
		max        int
		start, end string
	}{
		{"abcdef", 6, "abcdef", "abcdef"},
		{"abcdefg", 6, "...efg", "abc..."},
		{"äöüäöü", 8, "...öü", "äö..."},
		{"äöüäöü", 9, "...äöü", "äöü..."},
		{"日本語", 4, "...", "..."},
		{"日本語", 2, "", ""},
		{"a\xffb", 9, "a\uFFFDb", "a\uFFFDb"},
	} {
		require.Equal(t, c.end, text.Clip(c.in, c.max), "%q to %d", c.in, c.max)
		require.Equal(t, c.start, text.ClipStart(c.in, c.max), "%q to %d", c.in, c.max)
	}
}

func FuzzClip(f *testing.F) {
	f.Add("日本語 text \xe6", 5)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 0 {
			return
		}
		for _, got := range []string{text.Clip(s, n), text.ClipStart(s, n)} {
			if len(got) > n || !utf8.ValidString(got) {
				t.Fatalf("%q clipped to %d is %q", s, n, got)
			}
		}
	})
}

func TestFit(t *testing.T) {
	const red, reset = "\x1b[31m", "\x1b[0m"
	for _, c := range []struct {
		in    string
		width int
		want  string
	}{
		{"abcdef", 0, "abcdef"},
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "abcd…"},
		{"äöüäöü", 5, "äöüä…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"}, // a CJK character takes two columns
		{"日本語", 4, "日…"},
		{red + "abc" + reset + "def", 6, red + "abc" + reset + "def"},
		{red + "abcdef" + reset, 6, red + "abcdef" + reset},
		{red + "abc" + reset + "def", 4, red + "abc" + reset + "…"},
		{red + "abcdef" + reset, 3, red + "ab…" + reset},
		{"abc" + red + "def" + reset, 3, "ab…" + red + reset},
	} {
		got := text.Fit(c.in, c.width)
		require.Equal(t, c.want, got, "%q to %d", c.in, c.width)
		if c.width > 0 {
			require.LessOrEqual(t, text.Width(got), c.width)
		}
	}
	require.Equal(t, 9, text.Width(red+"日本語"+reset+"abc"))
}

func TestUnits(t *testing.T) {
	require.Equal(t, "0 B", text.Bytes(-1))
	require.Equal(t, "1.5 KiB", text.Bytes(1536))
	require.Equal(t, "4.0 GiB", text.Bytes(4<<30))
	for want, d := range map[string]time.Duration{
		"0s": -time.Second, "4s": 4 * time.Second, "3m10s": 190 * time.Second, "2h05m": 125 * time.Minute, "3d4h": 76 * time.Hour,
	} {
		require.Equal(t, want, text.Duration(d))
	}
}

func TestList(t *testing.T) {
	require.Equal(t, "a, b", text.List([]string{"a", "b"}, 2))
	require.Equal(t, "a, b, ...", text.List([]string{"a", "b", "c"}, 2))
	require.Empty(t, text.List[string](nil, 2))
}

func TestNumbers(t *testing.T) {
	require.Equal(t, "1, 2", text.Numbers([]int{1, 2}, 2))
	require.Equal(t, "1, 2 and 3 more", text.Numbers([]int{1, 2, 3, 4, 5}, 2))
	require.Empty(t, text.Numbers(nil, 2))
}

func TestTrials(t *testing.T) {
	require.Equal(t, "trial 1", text.Trials([]int{1}, 20))
	require.Equal(t, "trials 1, 2 and 1 more", text.Trials([]int{1, 2, 3}, 2))
}
