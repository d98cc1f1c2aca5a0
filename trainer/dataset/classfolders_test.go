package dataset

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFoldersOfClasses(t *testing.T) {
	require.Equal(t, []string{"t-shirt", "ankle boot", "Größe", "猫"}, ClassFolders([]string{"t-shirt", "ankle boot", "Größe", "猫"}), "the names of classes, where they can be")
	require.Equal(t, []string{
		"a_b-0-", "a_b", "class-2", "_nul.x-3", "hidden-4", "Bag", "bag-6", "CARD.md-7", "_eadir-8", "class-9", "dot-10", "_-11", "a_b-0",
	}, ClassFolders([]string{"a/b", "a_b", "..", "nul.x", ".hidden", "Bag", "bag", "CARD.md", "@eadir", "", "dot.", "\n", "a_b-0"}, "index.csv", "card.md"))
}

// Whatever the classes are called, their folders are below the folder and differ.
func FuzzFolders(f *testing.F) {
	f.Add("a/b", "a_b-0")
	f.Add("..", strings.Repeat("ä", 300))
	f.Add("COM1.png", "com1")
	f.Add("É", "É")
	f.Fuzz(func(t *testing.T, one, two string) {
		names := ClassFolders([]string{one, two}, "index.csv")
		require.NotEqual(t, folded(names[0]), folded(names[1]))
		for _, name := range names {
			require.True(t, filepath.IsLocal(name), name)
			require.Equal(t, name, filepath.Base(name))
			require.Less(t, len(name), 130)
			require.NotEqual(t, "index.csv", name)
		}
	})
}
