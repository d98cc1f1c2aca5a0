//go:build unix && (!linux || portable)

package child

import "syscall"

// FindsAll reports whether this system finds and kills processes that left the group.
const FindsAll = false

// cgroup is a control group of Linux; this build has none.
type cgroup struct{}

func newCgroup() *cgroup { return nil }

func (*cgroup) enter(*syscall.SysProcAttr) {}
func (*cgroup) kill()                      {}
func (*cgroup) remove()                    {}

// KillMarked does nothing where the environment of a process cannot be read.
func KillMarked(func(entry string) bool) {}

// marked finds none where the environment of a process cannot be read.
func marked(func(entry string) bool) []string { return nil }
