package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tailsweep/tailsweep/internal/file"
)

// store keeps results in a folder, one CSV file an engine, so that only missing runs
// are made, and the table can be computed again from the files.
type store struct {
	folder  string // "" keeps nothing
	results map[key]result
}

var header = []string{"version", "problem", "fingerprint", "budget", "parallel", "seed", "ask_ms", "losses"}

// load reads the kept results of engines.
func load(folder string, engines []engine) (*store, error) {
	s := &store{folder: folder, results: make(map[key]result)}
	if folder == "" {
		return s, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	for _, e := range engines {
		path := filepath.Join(folder, e.Name+".csv")
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, err := csv.NewReader(f).ReadAll()
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i, row := range rows[min(1, len(rows)):] {
			r, err := parse(e.Name, row)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+2, err)
			}
			s.results[r.key] = r
		}
	}
	return s, nil
}

// add keeps a result, on disk at once: it rewrites the engine's file with the results of
// this version, in order.
func (s *store) add(r result) error {
	s.results[r.key] = r
	if s.folder == "" {
		return nil
	}
	var list []result
	for k, other := range s.results {
		if k.Engine == r.Engine && k.Version == r.Version {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.Problem, b.Problem), cmp.Compare(a.Budget, b.Budget), cmp.Compare(a.Parallel, b.Parallel), cmp.Compare(a.Seed, b.Seed))
	})
	rows := [][]string{header}
	for _, other := range list {
		rows = append(rows, other.row())
	}
	return file.Create(filepath.Join(s.folder, r.Engine+".csv"), 0o644, func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) })
}

func (r result) row() []string {
	losses := make([]string, len(r.Losses))
	for i, l := range r.Losses {
		losses[i] = strconv.FormatFloat(l, 'g', 4, 64)
	}
	return []string{r.Version, r.Problem, r.Fingerprint, strconv.Itoa(r.Budget), strconv.Itoa(r.Parallel),
		strconv.FormatUint(r.Seed, 10), strconv.FormatFloat(r.AskMillis, 'g', 3, 64), strings.Join(losses, " ")}
}

func parse(name string, row []string) (result, error) {
	r := result{key: key{Engine: name, Version: row[0], Problem: row[1], Fingerprint: row[2]}}
	if _, err := fmt.Sscan(strings.Join(row[3:7], " "), &r.Budget, &r.Parallel, &r.Seed, &r.AskMillis); err != nil {
		return result{}, err
	}
	for _, text := range strings.Fields(row[7]) {
		l, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return result{}, err
		}
		r.Losses = append(r.Losses, l)
	}
	if len(r.Losses) == 0 {
		return result{}, errors.New("no losses")
	}
	return r, nil
}
