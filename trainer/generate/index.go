package generate

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/precheck"
)

// The values of Row.Source and Row.Status.
const (
	SourceGenerated = "generated"
	SourceReal      = "real"
	Kept            = "kept"
	Refused         = "refused"
)

// Row is a line of index.csv: an image that was drawn, or a real one.
type Row struct {
	File    string // relative to the folder, slash-separated; "" of a refused image
	Class   string
	Source  string // SourceGenerated or SourceReal
	Status  string // Kept or Refused
	Reasons []string

	// Of generated images.
	Seed        int64
	Index       int
	Guidance    float64
	Label       string  // the classifier's; "" without one
	Probability float64 // of Label
	Nearest     float64 // distance to the nearest training image in grey levels; see checked
	Checked     bool    // whether Nearest is known
}

var columns = []string{"file", "class", "source", "seed", "index", "guidance", "label", "label_probability", "nearest_training", "status", "reason"}

func (r Row) record() []string {
	record := []string{r.File, r.Class, r.Source, "", "", "", "", "", "", r.Status, strings.Join(r.Reasons, " ")}
	if r.Source != SourceGenerated {
		return record
	}
	record[3], record[4], record[5] = strconv.FormatInt(r.Seed, 10), strconv.Itoa(r.Index), strconv.FormatFloat(r.Guidance, 'g', -1, 64)
	if r.Label != "" {
		record[6], record[7] = r.Label, strconv.FormatFloat(r.Probability, 'f', 4, 64)
	}
	if r.Checked {
		record[8] = strconv.FormatFloat(r.Nearest, 'f', distanceDigits, 64)
	}
	return record
}

func parseRow(record []string) (r Row, err error) {
	if len(record) != len(columns) {
		return r, fmt.Errorf("%d columns, want %d", len(record), len(columns))
	}
	r = Row{File: record[0], Class: record[1], Source: record[2], Label: record[6], Status: record[9], Reasons: strings.Fields(record[10])}
	if r.Source != SourceGenerated {
		return r, nil
	}
	var errs [5]error
	r.Seed, errs[0] = strconv.ParseInt(record[3], 10, 64)
	r.Index, errs[1] = strconv.Atoi(record[4])
	r.Guidance, errs[2] = strconv.ParseFloat(record[5], 64)
	if record[7] != "" {
		r.Probability, errs[3] = strconv.ParseFloat(record[7], 64)
	}
	if r.Checked = record[8] != ""; r.Checked {
		r.Nearest, errs[4] = strconv.ParseFloat(record[8], 64)
	}
	return r, errors.Join(errs[:]...)
}

// encodeRows formats rows as CSV.
func encodeRows(rows []Row) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, r := range rows {
		_ = w.Write(r.record()) // a buffer takes every write
	}
	w.Flush()
	return b.Bytes()
}

func header() []byte { return []byte(strings.Join(columns, ",") + "\n") }

// sortRows puts generated images in order of class and index, and real ones after them in
// order of class and file.
func sortRows(rows []Row, classes []string) {
	at := map[string]int{}
	for class, name := range classes {
		at[name] = class
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(at[a.Class], at[b.Class]), cmp.Compare(a.Index, b.Index), cmp.Compare(a.File, b.File))
	})
}

// ReadIndex reads the complete lines of an index; there are none where the file is
// missing. complete is their length in bytes: a write that was cut off leaves more.
func ReadIndex(path string) (rows []Row, complete int64, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	if len(data) == 0 {
		return nil, 0, nil
	}
	if !bytes.HasPrefix(data, header()) {
		return nil, 0, fmt.Errorf("%s does not have the columns %s", path, strings.Join(columns, ","))
	}
	records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	for i, record := range records[1:] {
		row, err := parseRow(record)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
		rows = append(rows, row)
	}
	return rows, int64(len(data)), nil
}

// HasReal reports whether a folder that Run made has training images among the generated
// ones; false for any other folder.
func HasReal(dir string) (bool, error) {
	path := filepath.Join(dir, indexName)
	if _, err := os.Stat(filepath.Join(dir, settingsName)); err != nil {
		return false, nil //nolint:nilerr // Run has not made it
	}
	rows, _, err := ReadIndex(path)
	if err != nil {
		return false, precheck.BadData(err)
	}
	return slices.ContainsFunc(rows, func(r Row) bool { return r.Source == SourceReal }), nil
}
