package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocsNameFilesThatExist checks the links of the documents, and the paths of this
// repository that they name. NAME, VERB and GROUP stand for a name.
func TestDocsNameFilesThatExist(t *testing.T) {
	const root = "../.."
	named := regexp.MustCompile("`((?:activities|bench|charts|cmd|deploy|docs|e2e|examples|internal|report|sweep|trainer|worker|workflows)/[A-Za-z0-9_./-]*)`")
	linked := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	docs, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	for _, doc := range append(docs, root+"/README.md", root+"/SECURITY.md") {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		var paths []string
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !regexp.MustCompile(`NAME|VERB|GROUP|logic-N`).MatchString(m[1]) {
				paths = append(paths, filepath.Join(root, m[1]))
			}
		}
		for _, m := range linked.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(m[1], "://") {
				paths = append(paths, filepath.Join(filepath.Dir(doc), m[1]))
			}
		}
		for _, path := range paths {
			_, err := os.Stat(path)
			require.NoError(t, err, "%s names it", doc)
		}
	}
}

// TestNoticeNamesWhatIsCompiledIn checks that NOTICE names the fonts, images and weights of other
// projects that are embedded, and has the licences that ask for their text.
func TestNoticeNamesWhatIsCompiledIn(t *testing.T) {
	var notice string
	for _, file := range []string{"NOTICE", "LICENSES/OFL-1.1.txt"} {
		text, err := os.ReadFile("../../" + file)
		require.NoError(t, err)
		notice += string(text)
	}
	// The licence of the module is that of these files, which are tables and schemas.
	own := []string{module + "/", "google.golang.org/protobuf/", "golang.org/x/net/publicsuffix", "github.com/santhosh-tekuri/jsonschema/"}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if .EmbedFiles}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(out))
	require.Contains(t, packages, "github.com/hajimehoshi/bitmapfont/v3")
	for _, name := range append(packages, "golang.org/x/image/font/basicfont", "Fashion-MNIST") {
		if !slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(name+"/", prefix) }) {
			require.Contains(t, notice, name, "find the licences of the embedded files, and say in NOTICE what they ask for")
		}
	}
	for _, text := range []string{
		"Copyright © 2017 Zalando SE", "THE SOFTWARE IS PROVIDED",
		"Copyright (c) 1986-2002 Kim Jeong-Hwan", "are registered trademarks owned by",
		"Copyright 2002-2005 COZ", "with Reserved Font Name", "SIL OPEN FONT LICENSE Version 1.1", "OTHER DEALINGS IN THE FONT SOFTWARE",
	} {
		require.Contains(t, notice, text)
	}
}

// TestPackagesAreDescribed checks that every package has a doc.go, which says what it
// imports or must not import.
func TestPackagesAreDescribed(t *testing.T) {
	const root = "../.."
	packages := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "shared"):
			return filepath.SkipDir
		case filepath.Ext(path) == ".go":
			packages[filepath.Dir(path)] = true
		}
		return nil
	}))
	require.Contains(t, packages, root+"/sweep/conduct")
	for dir := range packages {
		text, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		require.NoError(t, err)
		require.Regexp(t, `import`, string(text), dir)
		require.Regexp(t, `(?m)^// (Package|Command) `+filepath.Base(dir)+" ", string(text), dir)
	}
}
