package dataset

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// LeftOut is the files of an image folder that are ignored for one reason.
type LeftOut struct {
	Reason string   `json:"reason"`
	Count  int      `json:"count"`
	First  []string `json:"first"` // the first few, relative to the folder; a folder ends in /
}

// String is one line for people.
func (l LeftOut) String() string {
	names := strings.Join(l.First, ", ")
	if l.Count > len(l.First) {
		names += ", ..."
	}
	return fmt.Sprintf("left out %d: %s (%s)", l.Count, l.Reason, names)
}

// The reasons why something is left out.
var (
	leftUnreadable = "an image or video in a format that is not read (" + imagefile.Formats() + " are)"
	leftOutside    = "an image that is in no class folder"
	leftNoClass    = "a folder without an image"
	leftOther      = "not an image"
	leftSystem     = "made by a file manager or file system"
	leftBroken     = "an image that cannot be read (dataset.skip_unreadable)"
	leftLink       = "a symbolic link (dataset.follow_links: true follows those inside the folder)"
	leftDeadLink   = "a symbolic link to nothing"
	leftOutLink    = "a symbolic link that is absolute or leads out of the folder"
	leftLoop       = "a symbolic link to a folder that it is in"
)

// firstLeftOut is how many names a LeftOut has.
const firstLeftOut = 3

// leave counts name as left out for a reason.
func (l *listing) leave(reason, name string) {
	i := slices.IndexFunc(l.leftOut, func(o LeftOut) bool { return o.Reason == reason })
	if i < 0 {
		i = len(l.leftOut)
		l.leftOut = append(l.leftOut, LeftOut{Reason: reason})
	}
	o, most := &l.leftOut[i], firstLeftOut
	if reason == leftBroken {
		most = shownUnreadable
	}
	if o.Count++; len(o.First) < most {
		o.First = append(o.First, name)
	}
}

// systemNames are the names, in lower case, of the files and folders that file managers,
// network storage and operating systems make. Hidden files, such as .DS_Store and ._x.png, are
// not listed: they are recognised by the dot.
var systemNames = []string{
	"@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", "@tmp", // Synology, QNAP
	"__macosx", "icon\r", // macOS
	"thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information", // Windows
	"lost+found",
}

// IsSystemFile reports whether a file or folder of this name was made by a file manager or
// file system, and so belongs to no dataset.
func IsSystemFile(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || slices.Contains(systemNames, name)
}

// Wanted reports whether a file of this slash-separated path can belong to an image
// folder: as an image that is read, or as a split file.
func Wanted(name string) bool {
	if slices.ContainsFunc(strings.Split(name, "/"), IsSystemFile) {
		return false
	}
	return imagefile.Readable(name) || strings.EqualFold(path.Ext(name), ".txt")
}
