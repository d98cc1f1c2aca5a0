package trainerfiles

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// folder makes a folder with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o600))
	}
	return dir
}

func TestRead(t *testing.T) {
	dir := folder(t, map[string]string{
		"train.py": "abc", "lib/loss.py": "1", "lib/deep/x.py": "2", "lib/__pycache__/loss.pyc": "no", "lib/.git/config": "no", "lib/.env": "no",
		".hidden": "given by name", "other.py": "no",
	})
	require.NoError(t, os.Symlink("../other.py", filepath.Join(dir, "lib/link.py")))
	files, faults := Read(dir, &sweep.Trainer{Files: []string{"./train.py", "lib", "lib/loss.py", ".hidden"}})
	require.Empty(t, faults)
	require.Equal(t, Files{"train.py": []byte("abc"), "lib/loss.py": []byte("1"), "lib/deep/x.py": []byte("2"), ".hidden": []byte("given by name")}, files)
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", files.Digests()["train.py"]) // FIPS 180-2, B.1

	to := filepath.Join(t.TempDir(), "work")
	require.NoError(t, files.LayOut(to))
	data, err := os.ReadFile(filepath.Join(to, "lib/deep/x.py"))
	require.NoError(t, err)
	require.Equal(t, "2", string(data))
	info, err := os.Stat(filepath.Join(to, "train.py"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)
	require.Error(t, Files{"../out": nil}.LayOut(to))
	require.NoFileExists(t, filepath.Join(filepath.Dir(to), "out"))

	all, faults := Read(dir, &sweep.Trainer{Files: []string{"."}})
	require.Empty(t, faults)
	require.Len(t, all, 4, "without .hidden")

	none, faults := Read(dir, &sweep.Trainer{})
	require.Empty(t, faults)
	require.Nil(t, none.Digests())
}

func TestReadReportsAllFaults(t *testing.T) {
	dir := folder(t, map[string]string{"a.py": "", "empty/.x": "", "bad/a\nb": "", "real/b.py": ""})
	outside := folder(t, map[string]string{"secret": "s"})
	require.NoError(t, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link.py")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "linked")))
	for name, want := range map[string]string{
		"none.py":       "does not exist in " + dir,
		"../x":          "is not below the folder",
		"/etc/passwd":   "is not below the folder",
		"link.py":       "is a link",
		"linked":        "is a link",
		"linked/secret": "is a link",
		"a.py/b":        "cannot be",
		"empty":         "has no files",
		"bad":           `has a file "bad/a\nb"`,
	} {
		files, faults := Read(dir, &sweep.Trainer{Files: []string{"real", name, "none-either"}})
		require.Len(t, faults, 2, name)
		require.Equal(t, "trainer.files[1]", faults[0].Field)
		require.Equal(t, name, faults[0].Value)
		require.Contains(t, faults[0].Message, want)
		require.NotEmpty(t, faults[0].Valid)
		require.Equal(t, "trainer.files[2]", faults[1].Field)
		require.NotContains(t, files, "linked/secret")
	}
}

func TestReadLimits(t *testing.T) {
	many := map[string]string{}
	for i := range sweep.MaxTrainerFiles {
		many[fmt.Sprintf("m/%03d", i)] = ""
	}
	dir := folder(t, many)
	files, faults := Read(dir, &sweep.Trainer{Files: []string{"m"}})
	require.Empty(t, faults)
	require.Len(t, files, sweep.MaxTrainerFiles)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "one"), nil, 0o600))
	_, faults = Read(dir, &sweep.Trainer{Files: []string{"m", "one"}})
	require.Len(t, faults, 1)
	require.Equal(t, "trainer.files[1]", faults[0].Field)
	require.Contains(t, faults[0].Valid, "at most 100 files")

	dir = folder(t, map[string]string{"a": strings.Repeat("x", sweep.MaxTrainerBytes-1), "b": "x", "c": "x"})
	_, faults = Read(dir, &sweep.Trainer{Files: []string{"a", "b"}})
	require.Empty(t, faults)
	_, faults = Read(dir, &sweep.Trainer{Files: []string{"a", "b", "c"}})
	require.Len(t, faults, 1)
	require.Equal(t, "trainer.files[2]", faults[0].Field)
	require.Contains(t, faults[0].Valid, "at most 16 MiB")
}

func TestReadComparesTheDigests(t *testing.T) {
	dir := folder(t, map[string]string{"a.py": "abc", "b.py": "1"})
	files, faults := Read(dir, &sweep.Trainer{Files: []string{"a.py", "b.py"}})
	require.Empty(t, faults)
	digests := files.Digests()
	_, faults = Read(dir, &sweep.Trainer{Files: []string{"a.py", "b.py"}, Digests: digests})
	require.Empty(t, faults)

	digests["a.py"], digests["c.py"] = digests["b.py"], digests["b.py"]
	delete(digests, "b.py")
	_, faults = Read(dir, &sweep.Trainer{Files: []string{"a.py", "b.py"}, Digests: digests})
	var values []string
	for _, f := range faults {
		require.Equal(t, "trainer.digests", f.Field)
		values = append(values, f.Value+": "+f.Message)
	}
	require.Len(t, values, 3)
	require.Contains(t, values[0], "a.py: the file has the digest ba7816bf8f01")
	require.Contains(t, values[1], "c.py: trainer.files has no such file")
	require.Contains(t, values[2], "b.py: the file has no digest")
}
