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
