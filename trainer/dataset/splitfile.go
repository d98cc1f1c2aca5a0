package dataset

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/dataset/format"
	"github.com/tailsweep/tailsweep/trainer/dataset/imagefile"
)

// Limits of a split file, in bytes.
const (
	maxSplit = 1 << 30
	maxLine  = 8 << 10
)

// listSplit lists the images of d.SplitFile.
func listSplit(d sweep.Dataset) (l listing, err error) {
	name := d.SplitFile
	if !filepath.IsAbs(name) {
		name = filepath.Join(d.Path, filepath.FromSlash(name))
	}
	size, err := regularSize(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l, badField("dataset.split", "%w", err)
	case err != nil:
		return l, openError(d, err)
	case size > maxSplit:
		return l, badField("dataset.split", "%s is larger than %d MiB (valid: a smaller list)", name, maxSplit>>20)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return l, openError(d, err)
	}
	if l, err = parseSplit(name, data, maxImages); err != nil {
		return l, badField("dataset.split", "%w", err)
	}
	return l, nil
}

// maxClasses bounds the labels of a split file; it is the spec's own bound.
const maxClasses = 10000

// byteOrderMark is what some editors begin a UTF-8 file with.
const byteOrderMark = "\ufeff"

// parseSplit reads lines "relative/image.jpg label", as the published splits of
// ImageNet-LT and Places-LT have them. Labels count from 0, and every label up to the
// largest must occur. A path must stay in its folder and occur once. The order of the lines
// has no effect. More images than most are an error. Errors are *format.Error.
func parseSplit(name string, data []byte, most int) (l listing, err error) {
	text := bytes.TrimPrefix(data, []byte(byteOrderMark))
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxLine)
	seen := map[string]int{} // line
	offset, number, greatest := len(data)-len(text), 0, -1
	bad := func(text string, args ...any) (listing, error) {
		return listing{}, &format.Error{File: name + ":" + strconv.Itoa(number), Offset: int64(offset), Reason: fmt.Sprintf(text, args...)}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return bad("is UTF-16, want UTF-8")
	}
	for lines.Scan() {
		number++
		line := lines.Text()
		file, labelText := cutLast(strings.TrimSpace(line))
		label, err := strconv.Atoi(labelText)
		switch {
		case strings.TrimSpace(line) == "":
			offset += len(line) + 1
			continue
		case file == "":
			return bad("want two fields, an image and its label, not %q", line)
		case err != nil || label < 0 || label >= maxClasses:
			return bad("label %q, want a number from 0 to %d", labelText, maxClasses-1)
		case !fs.ValidPath(file) || strings.ContainsAny(file, "\\\x00"):
			return bad("path %q, want one relative to the folder, without . and ..", file)
		case !imagefile.Readable(file):
			return bad("%q is not a supported image file (supported: %s)", file, strings.Join(imagefile.Extensions(), ", "))
		case seen[file] > 0:
			return bad("%q comes twice, first in line %d", file, seen[file])
		case len(l.files) == most:
			return bad("more than %d images", most)
		}
		seen[file] = number
		l.files, l.labels = append(l.files, file), append(l.labels, label)
		greatest = max(greatest, label)
		offset += len(line) + 1
	}
	if lines.Err() != nil {
		number++
		return bad("a line of more than %d bytes", maxLine)
	}
	counts := make([]int, greatest+1)
	for _, label := range l.labels {
		counts[label]++
	}
	switch empty := slices.Index(counts, 0); {
	case greatest < 0:
		return bad("no images")
	case empty >= 0:
		return bad("no image of class %d, and the greatest label is %d", empty, greatest)
	}
	l.classes = folderNames(l, greatest+1)
	l.sort()
	return l, nil
}

// sort orders the files by name.
func (l *listing) sort() {
	order := make([]int, len(l.files))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(l.files[a], l.files[b]) })
	files, labels := make([]string, len(order)), make([]int, len(order))
	for place, i := range order {
		files[place], labels[place] = l.files[i], l.labels[i]
	}
	l.files, l.labels = files, labels
}

// cutLast cuts text at its last run of white space.
func cutLast(text string) (before, after string) {
	i := strings.LastIndexAny(text, " \t")
	return strings.TrimRight(text[:i+1], " \t"), text[i+1:]
}

// folderNames names each class after the folder of its images. A class whose images are
// in several folders, or whose folder has the name of another class's, is named by its
// number. A folder called "images" (TinyImageNet) is replaced by its parent.
func folderNames(l listing, classes int) []string {
	folders := make([]string, classes)
	several := make([]bool, classes)
	for i, file := range l.files {
		folder := path.Dir(file)
		if path.Base(folder) == "images" {
			folder = path.Dir(folder)
		}
		folder = path.Base(folder)
		if own := &folders[l.labels[i]]; *own == "" {
			*own = folder
		} else if *own != folder {
			several[l.labels[i]] = true
		}
	}
	times := map[string]int{}
	for _, folder := range folders {
		times[folder]++
	}
	for class, folder := range folders {
		if several[class] || times[folder] > 1 || folder == "." {
			folders[class] = numberName(class)
		}
	}
	return folders
}

func numberName(class int) string { return "class " + strconv.Itoa(class) }

// numbered reports whether a class has no name but its number.
func numbered(name string, class int) bool { return name == numberName(class) }
