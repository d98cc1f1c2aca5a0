package stack

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A home folder of another user is a state folder that cannot be read.
func TestUnreadableStateFolderSaysWhatToDo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // not even root reads a folder in a file
	dir = filepath.Join(dir, "state")
	for name, err := range map[string]error{
		"read": second(Read(dir)), "up": second(Up(t.Context(), Options{Dir: dir})), "credentials": third(Credentials(dir)),
	} {
		require.Error(t, err, name)
		require.ErrorContains(t, err, filepath.Dir(dir), name)
		require.ErrorContains(t, err, "TAILSWEEP_STATE_DIR", name)
	}
}

func second(_ Status, err error) error   { return err }
func third(_, _ string, err error) error { return err }

func TestKeysAreMadeOnceAndPrivate(t *testing.T) {
	l := testLayout(t)
	_, _, err := Credentials(string(l))
	require.ErrorIs(t, err, os.ErrNotExist)

	first, err := loadKeys(l)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(first.Secret), 32)
	again, err := loadKeys(l)
	require.NoError(t, err)
	require.Equal(t, first, again)
	info, err := os.Stat(l.credentials())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	other, err := loadKeys(testLayout(t))
	require.NoError(t, err)
	require.NotEqual(t, first.Access, other.Access)
	require.NotEqual(t, first.Secret, other.Secret)
}

func TestPortsAreKeptWhileFree(t *testing.T) {
	var p ports
	require.NoError(t, p.choose(t.Context(), 0))
	seen := map[int]bool{}
	for _, port := range p.all() {
		require.True(t, firstPort <= *port && *port <= lastPort, *port)
		require.False(t, seen[*port], "port %d twice", *port)
		seen[*port] = true
	}

	before := p
	require.NoError(t, p.choose(t.Context(), 0))
	require.Equal(t, before, p)

	taken, err := net.Listen("tcp", loopback(p.UI))
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	require.NoError(t, p.choose(t.Context(), 0))
	require.NotEqual(t, before.UI, p.UI)
	p.UI = before.UI
	require.Equal(t, before, p)
}

func TestPortsWaitForTheOnesJustLeft(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, text, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	time.AfterFunc(20*time.Millisecond, func() { _ = taken.Close() })
	p := ports{S3: port}
	require.NoError(t, p.choose(t.Context(), time.Minute))
	require.Equal(t, port, p.S3)
}

func TestLastLines(t *testing.T) {
	file := t.TempDir() + "/log"
	require.NoError(t, os.WriteFile(file, []byte("one\ntwo\nthree\n"), 0o600))
	require.Equal(t, "  two\n  three", lastLines(file, 2))
	require.Contains(t, lastLines(file+"x", 2), "no such file")
}
