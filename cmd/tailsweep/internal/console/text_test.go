package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 59 * time.Second: "59s", 60 * time.Second: "1m00s", 3661 * time.Second: "1h01m", 50 * time.Hour: "2d2h",
	} {
		require.Equal(t, want, Short(d))
	}
}

func TestClip(t *testing.T) {
	require.Equal(t, "abc", Clip("abc", 3))
	require.Equal(t, "ab…", Clip("abcd", 3))
	require.Equal(t, "äö…", Clip("äöüß", 3))
	require.Equal(t, Bold+"ab…"+reset, Clip(Bold+"abcd"+reset, 3))
	require.Equal(t, "abcd", Clip("abcd", 0), "no limit")
}
