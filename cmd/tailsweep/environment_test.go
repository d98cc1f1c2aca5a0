package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// TestEnvironmentVariablesAreDocumented checks that help and the guide list every variable
// that the code reads by its own name. Test and development variables are not for users.
func TestEnvironmentVariablesAreDocumented(t *testing.T) {
	r := cmdline(t, nil, "", "help", "environment")
	require.Equal(t, cli.ExitOK, r.Code)
	guide, err := os.ReadFile("../../docs/guide.md")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, v := range cli.Variables {
		names := strings.Split(v.Name, ", ")
		require.Contains(t, string(guide), "\n| `"+strings.Join(names, "`, `")+"` | "+v.Meaning+" |\n")
		for _, name := range names {
			require.Contains(t, r.out, name)
			listed[name] = true
		}
	}

	const root = "../.."
	read := map[string]string{}
	name := regexp.MustCompile(`"((?:TAILSWEEP|TEMPORAL|AWS|PJRT|PIP|XDG)_[A-Z0-9_]*[A-Z0-9])=?"|(?:Getenv|LookupEnv)\("([A-Z0-9_]+)"\)`)
	for _, dir := range []string{"activities", "cmd", "devstack", "internal", "report", "sweep", "trainer", "worker", "workflows"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && strings.HasSuffix(d.Name(), "test"):
				return filepath.SkipDir
			case filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range name.FindAllStringSubmatch(string(text), -1) {
				read[m[1]+m[2]] = path
			}
			return nil
		}))
	}
	require.Greater(t, len(read), 20)
	delete(read, job.ProgramVariable) // of programs of the user, see docs/trainer-protocol.md
	for name, path := range read {
		if name == "TEMPORAL_TLS" || name == "TAILSWEEP_JOB" { // a prefix; what programs get (docs/trainer-protocol.md)
			continue
		}
		require.True(t, listed[name], "%s reads %s, which cli.Variables does not have", path, name)
	}
}
