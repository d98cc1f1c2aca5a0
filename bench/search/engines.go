package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// engine is one way to search.
type engine struct {
	Name    string
	Version string   // results of another version are not reused; see version
	Command []string // of a peer; empty for a method of this module, in process
	Method  string   // of this module, or of `tailsweep asktell`
	Plain   bool     // a peer without conditions
	Budget  bool     // its suggestions depend on the budget: a run of 50 is not the first half of one of 100
	Single  bool     // one objective only
}

// The programs, relative to the repository's root.
const (
	pythonPath   = "bench/search/.venv/bin/python"    // with Optuna, peers/requirements.txt
	pythonGPPath = "bench/search/.venv-gp/bin/python" // with torch as well, peers/requirements-gp.txt
	goptunaPath  = "bench/search/.bin/goptuna"        // of peers/goptuna
	binaryPath   = "bin/tailsweep"
)

// The peers' versions, as pinned in requirements.txt and peers/goptuna/go.mod.
const (
	optunaVersion  = "5.0.0"
	goptunaVersion = "0.9.0"
)

// find resolves an engine's name: a method, asktell-METHOD, optuna-SAMPLER or
// goptuna-SAMPLER.
func find(name string) (engine, error) {
	family, method, dashed := strings.Cut(name, "-")
	switch {
	case slices.Contains(sweep.Methods(), sweep.Method(name)):
		v, err := version(name)
		return engine{Name: name, Version: v, Method: name, Budget: true}, err
	case family == "asktell" && dashed:
		v, err := version(method)
		return engine{Name: name, Version: v, Method: method, Budget: true, Command: []string{binaryPath, "asktell"}}, err
	case family == "optuna" && dashed:
		python := pythonPath
		if method == "gp" {
			python = pythonGPPath
		}
		return engine{Name: name, Version: optunaVersion, Plain: true, Single: method == "cmaes",
			Command: []string{python, "bench/search/peers/optuna_peer.py", method}}, nil
	case family == "goptuna" && dashed:
		return engine{Name: name, Version: goptunaVersion, Plain: true, Single: true, Command: []string{goptunaPath, method}}, nil
	}
	return engine{}, fmt.Errorf("unknown engine %q (valid: a method, asktell-METHOD, optuna-{tpe,gp,cmaes,nsga2,random}, goptuna-{tpe,cmaes})", name)
}

// supports reports whether the engine can search p.
func (e engine) supports(p problems.Problem) bool {
	switch {
	case e.Single && p.Objectives > 1:
		return false
	case e.Name == "optuna-cmaes" && p.Constraints > 0: // it ignores constraints
		return false
	case e.Name == "goptuna-cmaes":
		// Its CMA-ES panics where a parameter is categorical.
		return p.Constraints == 0 && !slices.ContainsFunc(p.Space, func(q sweep.Parameter) bool { return q.Distribution == sweep.DistCategorical })
	case e.Name == "goptuna-tpe":
		return p.Constraints == 0
	}
	return true
}

// open starts a search, and returns a function that ends it.
func (e engine) open(p problems.Problem, o clock.Options) (clock.Engine, func() error, error) {
	if len(e.Command) == 0 {
		s, err := clock.NewSearch(p, sweep.Method(e.Method), o)
		return s, func() error { return nil }, err
	}
	s, err := start(e.Command, e.Method, p, o, e.Plain)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", strings.Join(e.Command, " "), err)
	}
	return s, s.close, nil
}
