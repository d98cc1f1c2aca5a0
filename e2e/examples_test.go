package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
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
}
