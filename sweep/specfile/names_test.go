package specfile

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every field of a spec that a message or an error names exists: "train.steps".
func TestNamedFieldsExist(t *testing.T) {
	field := regexp.MustCompile(`(?:^|[^-\w./*{])((?:dataset|model|train|trainer|evaluate|early_terminate|repeats|gates|budget|resources|checkpoints)(?:\.[a-z_]+)+)($|[^-\w/(*{%])`)
	files := regexp.MustCompile(`\.(go|yaml|json|jsonl|safetensors|txt|bin|npz|npy|py|sh)$`)
	found := 0
	for _, root := range []string{"sweep", "trainer", "activities", "workflows", "worker", "internal", "report", "cmd"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("../..", root), func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				for _, match := range field.FindAllStringSubmatch(text, -1) {
					if name := match[1]; !files.MatchString(name) {
						found++
						require.Truef(t, exists(path(name)) || reservedField(path(name)), "%s names %s, which is not a field of a spec", file, name)
					}
				}
				return true
			})
			return nil
		}))
	}
	require.Greater(t, found, 100)
}

// exists reports whether the schema has a field.
func exists(p path) bool {
	s := target(compiled())
	return !slices.ContainsFunc(strings.Split(string(p), "."), func(name string) bool {
		if s.Properties[name] == nil {
			return true
		}
		s = target(s.Properties[name])
		return false
	})
}
