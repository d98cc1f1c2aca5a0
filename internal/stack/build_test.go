package stack

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// write makes a tree of files.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func TestSourceIDFollowsWhatIsCompiled(t *testing.T) {
	dir := t.TempDir()
	src := source{dir: dir}
	_, err := src.id()
	require.ErrorContains(t, err, "none in "+dir)

	write(t, dir, map[string]string{"main.go": "package main", "go.mod": "module m", "go.sum": ""})
	first, err := src.id()
	require.NoError(t, err)
	for _, tt := range []struct {
		file  string
		other bool
	}{
		{"main_test.go", false}, {"README.md", false}, {"testdata/x.go", false},
		{"other.go", true}, {"go.sum", true}, {"go.mod", true}, {"main.go", true},
	} {
		before, err := src.id()
		require.NoError(t, err)
		write(t, dir, map[string]string{tt.file: "package main // " + tt.file})
		after, err := src.id()
		require.NoError(t, err)
		require.Equal(t, tt.other, before != after, tt.file)
	}
	last, err := src.id()
	require.NoError(t, err)
	require.NotEqual(t, first, last)
}

func TestCloneAbove(t *testing.T) {
	dir := t.TempDir()
	clone := filepath.Join(dir, "clone")
	write(t, dir, map[string]string{
		"clone/go.mod":             "module github.com/tailsweep/tailsweep\n\ngo 1.26\n",
		"clone/devstack/go.mod":    "module github.com/tailsweep/tailsweep/devstack\n",
		"clone/cmd/tailsweep/x.go": "",
		"other/go.mod":             "module github.com/tailsweep/tailsweep2\n",
		"other/devstack/go.mod":    "",
		"vendored/go.mod":          "module github.com/tailsweep/tailsweep\n", // without devstack
	})
	for from, want := range map[string]string{
		"clone": clone, "clone/cmd/tailsweep": clone, "clone/devstack": clone, "other": "", "vendored": "",
	} {
		got, ok := cloneAbove(filepath.Join(dir, from))
		require.Equal(t, want != "", ok, from)
		require.Equal(t, want, got, from)
	}
}

func TestThisCloneIsFound(t *testing.T) {
	src, err := findSource()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(src.dir, "temporal.go"))
}

// The Go compiler builds a small module.
func TestRecipeBuilds(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"src/go.mod":  "module example.test/hello\n\ngo 1.26\n",
		"src/main.go": "package main\n\nfunc main() { println(\"hello\") }\n",
	})
	r := recipe{program: "devstack", id: "1", dir: filepath.Join(dir, "src")}
	file := r.file(dir)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, r.build(t.Context(), file, &bytes.Buffer{}))
	out, err := exec.Command(file).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "hello\n", string(out))

	write(t, dir, map[string]string{"src/main.go": "package main\n\nfunc main() { undefined() }\n"})
	err = r.build(t.Context(), r.file(dir)+"x", &bytes.Buffer{})
	require.ErrorContains(t, err, "main.go:3:15: undefined: undefined")
	require.NoFileExists(t, r.file(dir)+"x")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.build(ctx, r.file(dir)+"y", &bytes.Buffer{}), context.Canceled)

	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1, "temporary folders stay behind")
}

func TestEnsureDoesNotBuildAgain(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("PATH", "") // nothing can be built
	write(t, cache, map[string]string{"bin/minio-" + minioVersion: "built before"})
	file, err := ensure(t.Context(), cache, &bytes.Buffer{}, minioRecipe)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(cache, "bin", "minio-"+minioVersion), file)

	_, err = ensure(t.Context(), cache, &bytes.Buffer{}, prometheusRecipe)
	require.ErrorContains(t, err, "build prometheus: no `go` on the PATH")
}

// Without Prometheus `up` prints a warning, without devstack it fails.
func TestStackWithoutPrometheus(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("PATH", "")
	t.Setenv("TAILSWEEP_CACHE_DIR", cache)
	r, err := devstackRecipe()
	require.NoError(t, err)
	_, err = build(t.Context(), &bytes.Buffer{}, S3Versitygw, true)
	require.ErrorContains(t, err, "build devstack")

	write(t, cache, map[string]string{"bin/" + filepath.Base(r.file(cache)): "built before"})
	var out bytes.Buffer
	p, err := build(t.Context(), &out, S3Versitygw, true)
	require.NoError(t, err)
	require.Equal(t, programs{devstack: r.file(cache)}, p)
	require.Contains(t, out.String(), "warning: no Prometheus")
	require.ErrorContains(t, Build(t.Context(), &out), "prometheus was not built")
}

func TestBuildEnvironDropsVariablesOfTheMainModule(t *testing.T) {
	env := buildEnviron([]string{"HOME=/h", "GOEXPERIMENT=simd", "GOOS=plan9", "GOWORK=/w", "GOFLAGS=-buildvcs=false", "GOBIN=/b"}, "/tmp/x")
	require.Equal(t, []string{"HOME=/h", "GOFLAGS=-buildvcs=false", "GOWORK=off", "GOBIN=/tmp/x"}, env)
}

func TestProgressCountsTheLinesOfGo(t *testing.T) {
	var p progress
	require.Empty(t, p.String())
	p.line("go: downloading go.temporal.io/server v1.32.1")
	require.Equal(t, ", 1 modules downloaded", p.String())
	for _, line := range []string{"internal/abi", "golang.org/x/net/http2", "# example.test/x", "x/main.go:3:2: undefined: y", "command-line-arguments"} {
		p.line(line)
	}
	require.Equal(t, ", 3 packages compiled", p.String())
	require.Equal(t, "  # example.test/x\n  x/main.go:3:2: undefined: y", p.errors())
}

func TestPruneKeepsTheNewest(t *testing.T) {
	cache := t.TempDir()
	now := time.Now()
	for i, name := range []string{"devstack-d", "devstack-c", "devstack-b", "devstack-a", "prometheus-a"} {
		write(t, cache, map[string]string{"bin/" + name: ""})
		at := now.Add(time.Duration(i) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(cache, "bin", name), at, at))
	}
	require.NoError(t, prune(cache, "devstack"))
	entries, err := os.ReadDir(filepath.Join(cache, "bin"))
	require.NoError(t, err)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	require.Equal(t, "devstack-a devstack-b devstack-c prometheus-a", strings.Join(left, " "))

	files, err := newestFirst(cache, "devstack")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(cache, "bin", "devstack-a"), files[0])
}
