package deploytest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// root is the repository.
const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	require.NoError(t, err)
	return string(data)
}

// parseGo parses the Go files of a folder of the main module, tests left out.
func parseGo(t *testing.T, folder string) []*ast.File {
	t.Helper()
	var files []*ast.File
	err := filepath.WalkDir(filepath.Join(root, folder), func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		files = append(files, file)
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, files, "no Go files in %s", folder)
	return files
}

// mainSource is all of the main module's code, tests left out.
var mainSource = sync.OnceValues(func() (string, error) {
	var all strings.Builder
	err := walkSource(func(_ string, text []byte) error {
		all.Write(text)
		return nil
	})
	return all.String(), err
})

// walkSource calls f with each Go file of the main module, tests left out.
func walkSource(f func(path string, text []byte) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "bin", "out", "devstack", "deploy", "tools", "testdata":
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return f(path, text)
	})
}

// knowsVariable fails unless the main module's sources name the environment variable.
func knowsVariable(t *testing.T, name string) {
	t.Helper()
	source, err := mainSource()
	require.NoError(t, err)
	// What Temporal's and AWS's libraries and XLA read themselves.
	for _, prefix := range []string{"TEMPORAL_", "AWS_", "XLA_", "LD_", "HOME", "POD_IP"} {
		if strings.HasPrefix(name, prefix) {
			return
		}
	}
	require.Contains(t, source, `"`+name+`"`, "the worker reads no variable of this name")
}

// drain is how long a worker may take to hand its trainings back and end.
func drain(t *testing.T) time.Duration {
	t.Helper()
	source := read(t, "worker/worker.go")
	number := func(pattern string) time.Duration {
		m := regexp.MustCompile(pattern).FindStringSubmatch(source)
		require.NotNil(t, m, "worker/worker.go has no constant like %s", pattern)
		n, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		return time.Duration(n)
	}
	return number(`\bDrain\s+= (\d+) \* time\.Minute`)*time.Minute + number(`\bcontrolDrain\s+= (\d+) \* time\.Second`)*time.Second
}

// searchAttributes reads SearchAttributes of workflows/messages.go.
func searchAttributes(t *testing.T) map[string]string {
	t.Helper()
	constants, got := map[string]string{}, map[string]string{}
	text := func(e ast.Expr) string {
		lit, ok := e.(*ast.BasicLit)
		require.True(t, ok)
		s, err := strconv.Unquote(lit.Value)
		require.NoError(t, err)
		return s
	}
	for _, file := range parseGo(t, "workflows") {
		ast.Inspect(file, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 && strings.HasPrefix(v.Names[0].Name, "Attr") {
				if _, ok := v.Values[0].(*ast.BasicLit); ok {
					constants[v.Names[0].Name] = text(v.Values[0])
				}
			}
			return true
		})
	}
	for _, file := range parseGo(t, "workflows") {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Name.Name != "SearchAttributes" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if kv, ok := n.(*ast.KeyValueExpr); ok {
					key, ok := kv.Key.(*ast.Ident)
					require.True(t, ok)
					require.Contains(t, constants, key.Name)
					got[constants[key.Name]] = text(kv.Value)
				}
				return true
			})
		}
	}
	require.NotEmpty(t, got, "found no SearchAttributes in workflows")
	return got
}
