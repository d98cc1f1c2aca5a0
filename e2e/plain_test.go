package e2e

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTenFaultsAreReportedAtOnce(t *testing.T) {
	h := newHome(t)
	r := h.try(time.Minute, "validate", "testdata/ten-faults.yaml")
	require.Equal(t, 2, r.code)
	line := regexp.MustCompile(`^testdata/ten-faults\.yaml:\d+:\d+: \S`)
	faults := strings.Split(strings.TrimSpace(r.stdout+r.stderr), "\n")
	require.Len(t, faults, 10, r.stdout+r.stderr)
	for _, fault := range faults {
		require.Regexp(t, line, fault)
	}
}

func TestExamplesValidate(t *testing.T) {
	h := newHome(t)
	for _, name := range []string{"quickstart", "fashion-small", "asha"} {
		h.must(time.Minute, "validate", "examples/"+name+".yaml")
	}
}

func TestBinaryLinksNoServer(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/tailsweep")
	cmd.Dir = repository(t)
	out, err := cmd.Output()
	require.NoError(t, err)
	for _, server := range []string{"go.temporal.io/server", "github.com/minio/minio", "github.com/prometheus/prometheus", "github.com/versity"} {
		for _, dep := range strings.Split(string(out), "\n") {
			require.Falsef(t, dep == server || strings.HasPrefix(dep, server+"/"), "the binary links %s", dep)
		}
	}
}

// The embedded stack trains on this machine: missing data is a fault of the spec, and is
// reported before anything starts or reserves the sweep's name.
func TestRunWithoutItsData(t *testing.T) {
	h := newHome(t)
	text := strings.Replace(small, "{name: fashion-mnist-10k, size: 16,", "{name: fashion-mnist, path: /nowhere, size: 16,", 1)
	r := h.try(time.Minute, "run", writeSpec(t, text))
	require.Equal(t, 2, r.code, r.stderr)
	require.Contains(t, r.stderr, "dataset.path: ")
	require.NotContains(t, r.stderr, "bad_data: bad_data")
	require.NoDirExists(t, filepath.Join(h.dir, "state", "run"))
}

func TestNothingListens(t *testing.T) {
	h := newHome(t)
	cmd := h.command(t.Context(), "list")
	cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS=127.0.0.1:1", "TAILSWEEP_S3_ENDPOINT=http://127.0.0.1:1", "TAILSWEEP_S3_BUCKET=tailsweep",
		"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=very-secret-key")
	out, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "127.0.0.1:1")
	require.Contains(t, string(out), "tailsweep up")
	require.NotContains(t, string(out), "very-secret-key")
}
