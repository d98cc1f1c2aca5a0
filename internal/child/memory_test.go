package child

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The files that the kernel writes when a cgroup's limit or the machine's memory is exceeded.
func TestOOMKills(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
		ok    bool
	}{
		"cgroup v2": {map[string]string{
			"proc/self/cgroup":                          "0::/kubepods/pod1\n",
			"sys/fs/cgroup/kubepods/pod1/memory.events": "low 0\nhigh 0\nmax 17\noom 2\noom_kill 2\noom_group_kill 0\n",
			"proc/vmstat":                               "oom_kill 9\n",
		}, 2, true},
		"cgroup v1": {map[string]string{
			"proc/self/cgroup": "11:cpu,cpuacct:/a\n4:memory:/docker/1\n",
			"sys/fs/cgroup/memory/docker/1/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
		}, 3, true},
		"the root cgroup, which has no events": {map[string]string{
			"proc/self/cgroup": "0::/\n",
			"proc/vmstat":      "nr_free_pages 1\noom_kill 9\nzswpin 0\n",
		}, 9, true},
		"no count":  {map[string]string{"proc/self/cgroup": "0::/\n"}, 0, false},
		"no number": {map[string]string{"proc/vmstat": "oom_kill x\n"}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for path, text := range c.files {
				path = filepath.Join(root, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
				require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			}
			n, ok := oomKillsUnder(root)
			require.Equal(t, c.want, n)
			require.Equal(t, c.ok, ok)
		})
	}
}
