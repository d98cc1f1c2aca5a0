package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
)

// deck deals the faults of the catalogue in random order, all before any comes again.
type deck struct {
	rand *rand.Rand
	only string // only faults whose name contains this
	left []fault
}

func (d *deck) draw() fault {
	if len(d.left) == 0 {
		d.left = slices.DeleteFunc(slices.Clone(catalogue), func(f fault) bool { return !strings.Contains(f.name, d.only) })
		d.rand.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
	}
	f := d.left[0]
	d.left = d.left[1:]
	return f
}

// putBack deals a fault that could not be injected a second time, later.
func (d *deck) putBack(f fault) {
	d.left = slices.Insert(d.left, min(len(d.left), 4+d.rand.IntN(8)), f)
}

// table returns a table of faults as docs/reliability.md has it, by the catalogue.
func table(faults []*record) string {
	type row struct {
		fault       string
		n           int
		most, limit float64
		place       int
	}
	rows := map[string]*row{}
	for _, f := range faults {
		if rows[f.Fault] == nil {
			rows[f.Fault] = &row{fault: f.Fault, limit: f.Limit, place: slices.IndexFunc(catalogue, func(c fault) bool { return c.name == f.Fault })}
		}
		rows[f.Fault].n++
		rows[f.Fault].most = max(rows[f.Fault].most, f.Seconds)
	}
	var list []*row
	for _, r := range rows {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *row) int { return cmp.Or(cmp.Compare(a.place, b.place), strings.Compare(a.fault, b.fault)) })
	text := "| fault | times | continued after at most | limit |\n|---|---|---|---|\n"
	for _, r := range list {
		text += fmt.Sprintf("| %s | %d | %.0f s | %.0f s |\n", r.fault, r.n, r.most, r.limit)
	}
	return text
}

// printFile prints the table of a file of results.
func printFile(path string) (lost int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	var faults []*record
	for lines := json.NewDecoder(f); lines.More(); {
		var r record
		if err := lines.Decode(&r); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		faults = append(faults, &r)
		if r.Lost != "" {
			lost++
		}
	}
	fmt.Printf("%s\n%d faults, %d lost\n", table(faults), len(faults), lost)
	return lost, nil
}
