package dataset

import (
	"context"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// surveyed makes a folder: an entry that ends in / is a folder, one with -> a link, any
// other an image, or a broken one where its name has "broken".
func surveyed(t *testing.T, entries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, entry := range entries {
		name, target, link := strings.Cut(entry, "->")
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case link:
			require.NoError(t, os.Symlink(target, path))
		case strings.HasSuffix(name, "/"):
			require.NoError(t, os.MkdirAll(path, 0o755))
		case strings.Contains(name, "broken"), !imagefile.Readable(name):
			require.NoError(t, os.WriteFile(path, []byte("nothing"), 0o600))
		default:
			require.NoError(t, os.WriteFile(path, pngOf(t, solid(12, 10, color.NRGBA{200, 100, 0, 255})), 0o600))
		}
	}
	return dir
}

func TestSurveyFolder(t *testing.T) {
	dir := surveyed(t, "a/1.png", "a/2.png", "a/sub/3.png", "b/1.png", "b/broken.png", "b/notes.txt", "b/2.png->../a/1.png", "b/dead.png->nowhere.png")
	s, err := SurveyFolder(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, s.Classes)
	require.Equal(t, []int{3, 2}, s.Images)
	require.Equal(t, 1, s.Links)
	require.False(t, s.FollowLinks)
	require.Equal(t, []LeftOut{{leftOther, 1, []string{"b/notes.txt"}}}, s.LeftOut)
	require.Len(t, s.Looks, 4, "the broken one is not among them")
	require.Equal(t, 10, s.Looks[0].Height)

	// A class that has only links is there only with them.
	s, err = SurveyFolder(t.Context(), surveyed(t, "a/1.png", "a/2.png", "c/1.png->../a/1.png"))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c"}, s.Classes)
	require.True(t, s.FollowLinks)
	require.Len(t, s.Looks, 3)
}

func TestSurveyLooksAtImagesOfEveryClass(t *testing.T) {
	var entries []string
	for class := range 10 {
		for k := range 30 {
			entries = append(entries, fmt.Sprintf("%d/%d.png", class, k))
		}
	}
	s, err := SurveyFolder(t.Context(), surveyed(t, entries...))
	require.NoError(t, err)
	require.Len(t, s.Looks, surveyLooks)
}

func TestSurveyRefusesAFolderThatIsArrangedOtherwise(t *testing.T) {
	file := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	archive := filepath.Join(t.TempDir(), "photos.ZIP")
	require.NoError(t, os.WriteFile(archive, nil, 0o600))
	loop := filepath.Join(t.TempDir(), "loop")
	require.NoError(t, os.Symlink(loop, loop))
	for want, dir := range map[string]string{
		"there is no folder /nowhere":                                             "/nowhere",
		"is a file (valid: a folder with a folder of images for each class)":      file,
		"is an archive: unpack it first":                                          archive,
		"too many levels of symbolic links":                                       loop,
		"is empty (valid: a folder of images for each class, as in ":              surveyed(t),
		"has 2 images and no folder of a class: move the images":                  surveyed(t, "1.png", "2.png", "notes.txt"),
		"has no image that can be read (PNG, JPEG":                                surveyed(t, "a/notes.txt", "b/"),
		"a contains no readable image (found x.heic;":                             surveyed(t, "a/x.heic", "b/1.png"),
		"has images of one class only, a (valid: two folders of images or more":   surveyed(t, "a/1.png", "b/notes.txt", "2.png"),
		"whose folders may be the classes: cat, dog (valid: ":                     surveyed(t, "data/cat/1.png", "data/cat/2.png", "data/dog/1.png"),
		"are parts of a dataset, not classes: test, train (valid: one of them":    surveyed(t, "train/cat/1.png", "test/cat/1.png"),
		"none of 2 images that were looked at can be read: ":                      surveyed(t, "a/broken.png", "b/broken.png"),
		"has images of one class only, nested (valid: two folders of images or m": surveyed(t, "nested/deep/1.png", "nested/1.png"),
	} {
		_, err := SurveyFolder(t.Context(), dir)
		require.ErrorContains(t, err, want)
	}
}

// A folder such as / or a home folder has millions of files: the listing ends.
func TestSurveyIsBounded(t *testing.T) {
	dir := surveyed(t, "a/1.png", "a/2.png", "b/1.png", "b/notes.txt")
	_, err := surveyFolder(t.Context(), dir, 6)
	require.NoError(t, err)
	_, err = surveyFolder(t.Context(), dir, 5)
	require.ErrorContains(t, err, dir+" has more than 5 files")

	// The files below folders that links lead to count, too.
	linked := surveyed(t, "a/1.png", "b/1.png", "c->a")
	_, err = surveyFolder(t.Context(), linked, 6)
	require.NoError(t, err)
	_, err = surveyFolder(t.Context(), linked, 5)
	require.EqualError(t, err, linked+" has more than 5 files, and no more are looked at (valid: a folder of fewer)")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = SurveyFolder(ctx, dir)
	require.ErrorIs(t, err, context.Canceled)
}
