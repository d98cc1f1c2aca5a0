package console

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSafeKeepsOnlyItsOwnCodes(t *testing.T) {
	for in, want := range map[string]string{
		"two\nlines\tof text":                                "two\nlines\tof text",
		Painter(true)(Red, "bad") + Painter(true)(Bold, "x"): "\x1b[31mbad\x1b[0m\x1b[1mx\x1b[0m",
		"\x1b[2Jcleared\x07":                                 " [2Jcleared ",
		"\x1b]0;title\x1b\\ \x1b[8mhidden":                   " ]0;title \\  [8mhidden",
		"\u009b31mC1, \r overwritten, \u202eorder":           " 31mC1,   overwritten,  order",
		"not UTF-8 \xff\x9b":                                 "not UTF-8 \ufffd\ufffd",
		"äöü, 東京, 👩‍🔬":                                       "äöü, 東京, 👩‍🔬",
	} {
		require.Equal(t, want, Safe(in))
	}
}

func TestTableHidesAPasswordThatIsCut(t *testing.T) {
	table := NewTable("NAME", "URL")
	table.Row("a", "https://ada:"+strings.Repeat("pass", 20)+"@example.com/images.tar")
	for _, width := range []int{0, 40} {
		rendered := strings.Join(table.Render(width, Painter(false)), "\n")
		require.NotContains(t, rendered, "pass")
		require.Contains(t, rendered, "https://***@example.com")
	}
}

func TestWrapTo(t *testing.T) {
	require.Equal(t, []string{"max_concurrent_trials and", "the machine"}, WrapTo(26, "max_concurrent_trials and the machine"))
	require.Equal(t, []string{"  tailsweep watch my", "  sweep"}, WrapTo(20, "  tailsweep watch my sweep"))
	require.Equal(t, []string{"averylongword", "b"}, WrapTo(4, "averylongword b"))
	require.Equal(t, []string{"東京 東京", "東京"}, WrapTo(10, "東京 東京 東京"), "columns, not characters")
	require.Equal(t, []string{"as it is"}, WrapTo(0, "as it is"))
	require.Empty(t, WrapTo(80, ""))
}

func TestReflow(t *testing.T) {
	in := "a paragraph that ends early\nand continues here " + strings.TrimSpace(strings.Repeat("word ", 12)) + "\n\n    name   means this\n           and that\n  $ example --flag\nend"
	require.Equal(t, strings.Join([]string{
		"a paragraph that ends early and continues here word word word word word word",
		"word word word word word word", "", "    name   means this and that", "  $ example --flag", "end",
	}, "\n"), Reflow(in))
}
