package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/tailsweep/tailsweep/internal/text"
)

// longestFolder is the longest name of a folder, in bytes, without its number.
const longestFolder = 100

// deviceNames cannot be the names of files on Windows, with any extension.
var deviceNames = strings.Fields("con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9")

// ClassFolders names a folder for the images of each class: the class's name where every file
// system takes it, else a similar name with the number of the class. No two names differ in
// case alone, and none is one of others, the names of files next to the folders.
func ClassFolders(classes []string, others ...string) []string {
	taken := map[string]bool{}
	for _, name := range others {
		taken[folded(name)] = true
	}
	names := make([]string, len(classes))
	for class, name := range classes {
		if name != "" && safe(name) == name && !taken[folded(name)] {
			names[class] = name
			taken[folded(name)] = true
		}
	}
	for class, name := range classes {
		if names[class] != "" {
			continue
		}
		names[class] = fmt.Sprintf("%s-%d", cmp.Or(safe(name), "class"), class)
		for taken[folded(names[class])] {
			names[class] += "-"
		}
		taken[folded(names[class])] = true
	}
	return names
}

// folded is equal for names that a file system may take for the same.
func folded(name string) string { return norm.NFC.String(strings.ToLower(name)) }

// safe replaces what a file system, or the reader of image folders, may not take.
func safe(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune(" -_.,+&()", r) {
			return r
		}
		return '_'
	}, text.Clip(name, longestFolder))
	name = strings.TrimRight(strings.TrimLeft(name, ". "), ". ")
	device, _, _ := strings.Cut(strings.ToLower(name), ".")
	if slices.Contains(deviceNames, device) || !Wanted(name+"/x.png") {
		name = "_" + name
	}
	return name
}
