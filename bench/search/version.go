package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// probes are the short runs that version digests: ranges, exact zeros, a condition,
// categories, noise, a constraint, two and three objectives, and enough trials for a
// model that leaves results out.
var probes = []struct {
	problem          string
	budget, parallel int
}{
	{"hartmann6", 40, 8},
	{"tail-noisy", 30, 4},
	{"tail-limited", 30, 4},
	{"tail-head", 25, 4},
	{"svm-digits", 30, 1},
	{"boosting-diabetes", 30, 8},
	{"c2dtlz2", 20, 4},
	{"dtlz2-3", 15, 4},
	{"branin", 220, 16},
}

// version identifies the search behaviour of a method of this module: a digest of
// the configurations that it suggests in the probes. It stays when only the source
// text changes, so that kept results stay valid, and changes with a suggestion.
func version(method string) (string, error) {
	versions.Lock()
	defer versions.Unlock()
	if known, has := versions.known[method]; has {
		return known, nil
	}
	h := sha256.New()
	for _, probe := range probes {
		p, _ := problems.Lookup(probe.problem)
		o := clock.Options{Budget: probe.budget, Parallel: probe.parallel, Seed: 1}
		search, err := clock.NewSearch(p, sweep.Method(method), o)
		if err != nil {
			return "", err
		}
		trace, err := clock.Run(p, search, o)
		if err != nil {
			return "", err
		}
		for _, t := range trace {
			_, _ = fmt.Fprintf(h, "%s %d %s\n", p.Name, t.Number, t.Params.Key()) // a hash's Write cannot fail
		}
	}
	versions.known[method] = hex.EncodeToString(h.Sum(nil)[:4])
	return versions.known[method], nil
}

// versions keeps what version found.
var versions = struct {
	sync.Mutex
	known map[string]string
}{known: make(map[string]string)}
