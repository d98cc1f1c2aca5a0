package main

import (
	"os"
	"path/filepath"
	"regexp"
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
