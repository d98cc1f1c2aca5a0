package specfile

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tailsweep/tailsweep/internal/address"
	clip "github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Fault is one thing that is wrong in a spec file, and where it is.
type Fault struct {
	File   string `json:"file"`
	Line   int    `json:"line"`   // from 1
	Column int    `json:"column"` // from 1, in characters
	sweep.FieldError
}

// Error writes the fault as one line: file:line:column: field: message (value; valid: ...).
func (f Fault) Error() string {
	e := f.FieldError
	e.Field, e.Value = oneLine(e.Field), oneLine(e.Value)
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, e.Error())
}

// Faults are all faults of a spec file, by position. Test with errors.As.
type Faults []Fault

// Error writes each fault on a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}
	return strings.Join(lines, "\n")
}

// Of returns the faults of a field, of the fields in it, and of the file itself.
func (f Faults) Of(field string) Faults {
	of, _ := f.Split(field)
	return of
}

// Split returns what Of returns, and the other faults.
func (f Faults) Split(field string) (of, others Faults) {
	for _, fault := range f {
		if fault.Field == "" || fault.Field == field || strings.HasPrefix(fault.Field, field+".") {
			of = append(of, fault)
		} else {
			others = append(others, fault)
		}
	}
	return of, others
}

// Merged returns the faults of two lists by position, each once.
func Merged(a, b Faults) Faults {
	all := slices.Concat(a, b)
	all.sort()
	return slices.CompactFunc(all, func(a, b Fault) bool { return a.Error() == b.Error() })
}

func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Field, b.Field))
	})
}

// maxShown is how many bytes of a text from the file a fault shows.
const maxShown = 60

// oneLine makes a text from the file safe for one line of a terminal. Secrets are hidden
// before the text is cut: half of an address cannot be recognised.
func oneLine(text string) string {
	text = clip.Clip(address.Redact(text), maxShown)
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

// nearest returns the word of choices that word is a likely misspelling of, or "".
func nearest(word string, choices []string) string {
	best, least := "", 1+len(word)/3
	for _, c := range choices {
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d <= least && (best == "" || d < least) {
			best, least = c, d
		}
	}
	return best
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours between a and b (optimal string alignment), up to 64 bytes of each.
func editDistance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
