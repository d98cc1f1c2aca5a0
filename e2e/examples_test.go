package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// python runs a Python from the root of the repository and returns its output.
func python(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = repository(t), append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q\n%s", program, args, out)
	return string(out)
}

// The examples of trainers have tests of their own.
func TestExamplesOfTrainers(t *testing.T) {
	for _, folder := range []string{"python", "shell"} {
		t.Run(folder, func(t *testing.T) {
			python(t, "python3", "-m", "unittest", "discover", filepath.Join("examples", folder))
		})
	}
	t.Run("sklearn", func(t *testing.T) {
		python(t, scikit(t), "-m", "unittest", "discover", "examples/sklearn")
	})
}

// scikit makes a Python environment with the packages of examples/sklearn and returns its
// Python. The test is skipped where there is no package index.
func scikit(t *testing.T) string {
	t.Helper()
	venv := t.TempDir()
	python(t, "python3", "-m", "venv", venv)
	cmd := exec.CommandContext(t.Context(), filepath.Join(venv, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "examples/sklearn/requirements.txt")
	cmd.Dir = repository(t)
	out, err := cmd.CombinedOutput()
	if err != nil && !strings.Contains(string(out), "do not match the hashes") {
		t.Skipf("the packages of examples/sklearn cannot be installed: %s", out)
	}
	require.NoError(t, err, "%s", out)
	return filepath.Join(venv, "bin/python")
}
