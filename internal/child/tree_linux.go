//go:build linux && !portable

package child

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/internal/text"
)

// FindsAll reports whether this system finds and kills processes that left the group.
const FindsAll = true

// cgroup is a control group of version 2 with one process and all that it starts, which
// cannot leave it.
type cgroup struct {
	dir  string
	file *os.File // the open folder
}

// Limits on the removal of what a process leaves.
const (
	killEvery = 2 * time.Millisecond // between two looks
	killFor   = 5 * time.Second      // then it is given up: a process in the kernel's hands cannot be killed
)

var cgroups atomic.Int64 // that this process has made

// newCgroup makes a cgroup below this process's, or returns nil where that is not possible:
// cgroups of version 1, a read-only file system, no permission, or a kernel before 5.14,
// which has no cgroup.kill.
func newCgroup() *cgroup {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(own)) {
		path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} { // the latter besides version 1
			if c := newCgroupIn(filepath.Join(mount, path)); c != nil {
				return c
			}
		}
	}
	return nil
}

func newCgroupIn(parent string) *cgroup {
	removeStale(parent)
	dir := filepath.Join(parent, "tailsweep-"+strconv.Itoa(os.Getpid())+"-"+strconv.FormatInt(cgroups.Add(1), 10))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil
	}
	c := &cgroup{dir: dir}
	_, err := os.Lstat(filepath.Join(dir, "cgroup.kill"))
	if err == nil {
		c.file, err = os.Open(dir)
	}
	if err != nil {
		c.remove()
		return nil
	}
	return c
}

// removeStale removes the cgroups of processes that were killed. One with a process in it stays.
func removeStale(parent string) {
	groups, _ := filepath.Glob(filepath.Join(parent, "tailsweep-*-*")) // the pattern is valid
	for _, dir := range groups {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), "tailsweep-"), "-")
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, fs.ErrNotExist) {
			_ = removeGroups(dir) // it is empty, or in use
		}
	}
}

// enter makes a process start in the cgroup.
func (c *cgroup) enter(attr *syscall.SysProcAttr) {
	attr.UseCgroupFD, attr.CgroupFD = true, int(c.file.Fd())
}

// kill kills all processes of the cgroup. An error is ignored: KillMarked follows.
func (c *cgroup) kill() { _ = os.WriteFile(filepath.Join(c.dir, "cgroup.kill"), []byte("1"), 0) }

// remove removes the cgroup and those that were made in it, once their processes are gone,
// for at most killFor. What cannot be removed is an empty folder of the kernel.
func (c *cgroup) remove() {
	if c.file != nil {
		_ = c.file.Close() // a folder
	}
	_ = until(func() bool {
		err := removeGroups(c.dir)
		return !errors.Is(err, syscall.EBUSY)
	})
}

// removeGroups removes a cgroup with those in it. Its files go with it.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return syscall.Rmdir(dir)
}

// KillMarked kills the processes of this user with an entry "NAME=value" in their environment for which marked is
// true, except this process, until there is none, for at most 5 seconds. It reads the environment
// that a process was started with.
func KillMarked(marked func(entry string) bool) {
	_ = until(func() bool { return killMarked(marked) == 0 })
}

// until calls done until it returns true, and reports whether it did within killFor.
func until(done func() bool) bool {
	for deadline := time.Now().Add(killFor); ; time.Sleep(killEvery) {
		if done() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// killMarked kills those that run now, and returns how many it found.
func killMarked(marked func(entry string) bool) (found int) {
	for _, pid := range processes() {
		if killIf(pid, marked) {
			found++
		}
	}
	return found
}

// processes lists the pids of the running processes except this one.
func processes() (pids []int) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer proc.Close() //nolint:errcheck // only read
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Limits on what marked returns.
const (
	maxLeft     = 8   // command lines
	maxLeftLine = 200 // bytes of one
)

// marked lists the command lines of the running processes with a marked entry in their
// environment.
func marked(is func(entry string) bool) (lines []string) {
	for _, pid := range processes() {
		if len(lines) == maxLeft {
			break
		}
		if !hasMark(pid, is) { // so has a dead one: it has no environment
			continue
		}
		line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil || len(line) == 0 { // it has just ended
			continue
		}
		lines = append(lines, text.Clip(strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " ")), maxLeftLine))
	}
	return lines
}

// killIf kills the process if it is marked. The handle is taken before the environment is
// read, so that a process that gets the same pid meanwhile is not killed.
func killIf(pid int, marked func(entry string) bool) bool {
	if !hasMark(pid, marked) { // most are not: they cost no handle
		return false
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }() // the handle only
	return hasMark(pid, marked) && p.Kill() == nil
}

// maxEnviron is more than Linux allows for an environment.
const maxEnviron = 16 << 20

func hasMark(pid int, marked func(entry string) bool) bool {
	f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false // it has ended, or belongs to another user
	}
	defer f.Close() //nolint:errcheck // only read
	environ, err := io.ReadAll(io.LimitReader(f, maxEnviron))
	if err != nil && !errors.Is(err, fs.ErrNotExist) && len(environ) == 0 {
		return false
	}
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if marked(string(entry)) {
			return true
		}
	}
	return false
}
