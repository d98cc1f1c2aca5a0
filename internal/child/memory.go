package child

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// oomKills returns how many processes the kernel has killed for lack of memory in this
// process's cgroup, or on the machine where the cgroup has no count. When it grew
// while a child was killed by signal 9, the child was most likely one of them. ok is
// false where the system has no such count.
func oomKills() (n int64, ok bool) { return oomKillsUnder("/") }

// oomKillsUnder is oomKills with proc and sys below root.
func oomKillsUnder(root string) (n int64, ok bool) {
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err == nil {
		for line := range strings.Lines(string(own)) {
			parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
			if len(parts) != 3 {
				continue
			}
			switch {
			case parts[0] == "0":
				n, ok = readCounter(filepath.Join(root, "sys/fs/cgroup", parts[2], "memory.events"), "oom_kill")
			case strings.Contains(","+parts[1]+",", ",memory,"):
				n, ok = readCounter(filepath.Join(root, "sys/fs/cgroup/memory", parts[2], "memory.oom_control"), "oom_kill")
			}
			if ok {
				return n, true
			}
		}
	}
	return readCounter(filepath.Join(root, "proc/vmstat"), "oom_kill")
}

// readCounter returns the value of the line "name value" of a file.
func readCounter(path, name string) (int64, bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
