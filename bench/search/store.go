package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// store keeps results in a folder, one CSV file an engine, so that only missing runs
// are made and anybody can compute the table again.
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
		file := filepath.Join(folder, e.Name+".csv")
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows, err := csv.NewReader(f).ReadAll()
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for i, row := range rows[min(1, len(rows)):] {
			r, err := parse(e.Name, row)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, i+2, err)
			}
			s.results[r.key] = r
		}
	}
	return s, nil
}

// add keeps a result, on disk at once.
func (s *store) add(r result) error {
	s.results[r.key] = r
	if s.folder == "" {
		return nil
	}
	file := filepath.Join(s.folder, r.Engine+".csv")
	_, statErr := os.Stat(file)
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	if statErr != nil {
		_ = w.Write(header) // Flush's error comes with Error
	}
	_ = w.Write(r.row())
	w.Flush()
	return errors.Join(w.Error(), f.Close())
}

// tidy rewrites an engine's file with the results of its version, in order.
func (s *store) tidy(e engine) error {
	if s.folder == "" {
		return nil
	}
	var rows [][]string
	for k, r := range s.results {
		if k.Engine == e.Name && k.Version == e.Version {
			rows = append(rows, r.row())
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, func(a, b []string) int { return slices.Compare(sortable(a), sortable(b)) })
	file := filepath.Join(s.folder, e.Name+".csv")
	f, err := os.Create(file + ".new")
	if err != nil {
		return err
	}
	w := csv.NewWriter(f)
	_ = w.Write(header) // WriteAll's error comes after it
	if err := errors.Join(w.WriteAll(rows), f.Close()); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// sortable is problem, budget, parallel, seed.
func sortable(row []string) []string {
	wide := func(s string) string { return fmt.Sprintf("%20s", s) }
	return []string{row[1], wide(row[3]), wide(row[4]), wide(row[5])}
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
	var errs [4]error
	r.Budget, errs[0] = strconv.Atoi(row[3])
	r.Parallel, errs[1] = strconv.Atoi(row[4])
	r.Seed, errs[2] = strconv.ParseUint(row[5], 10, 64)
	r.AskMillis, errs[3] = strconv.ParseFloat(row[6], 64)
	if err := errors.Join(errs[:]...); err != nil {
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
