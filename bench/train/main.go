package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	own := flags.String("own", "", "run as the measured process of this case, given as JSON")
	var p plan
	flags.StringVar(&p.python, "python", "bench/train/.venv/bin/python", "Python with peers/requirements.txt")
	flags.IntVar(&p.rounds, "rounds", 12, "timed steps of each")
	flags.IntVar(&p.goRounds, "go-rounds", 4, "timed steps of backend go, which takes several times as long")
	flags.IntVar(&p.ddim, "ddim", 10, "DDIM steps that are timed, of 50")
	flags.IntVar(&p.checkpoints, "checkpoints", 12, "checkpoints that are timed")
	archs := flags.String("archs", "dit,unet", "architectures, separated by commas")
	names := flags.String("backends", strings.Join([]string{backend.XLACPU, backend.Go}, ","), "backends, separated by commas")
	quick := flags.Bool("quick", false, "fewer rounds, for a first result: the minimum of a few is above the minimum of many")
	document := flags.String("report", "", "file to write the report to: docs/benchmarks/train.md")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *own != "" {
		return serve(*own, os.Stdin, os.Stdout)
	}
	if *quick {
		p.rounds, p.goRounds, p.ddim, p.checkpoints = 3, 1, 2, 3
	}
	p.archs, p.backends = strings.Split(*archs, ","), strings.Split(*names, ",")
	r, err := p.measure()
	if err != nil {
		return err
	}
	return errors.Join(measure.Publish(r.text(), *document), r.unequal())
}

// The sizes of the benchmark. The models are the ones of docs/benchmarks/train.md.
const (
	batch       = 64
	sampleBatch = 100 // as in an evaluation
	ddimSteps   = 50
	samples     = 10_000 // of the complete evaluation
)

// plan lists the measurements and how often each is repeated.
type plan struct {
	python      string
	archs       []string
	backends    []string
	rounds      int
	goRounds    int
	ddim        int
	checkpoints int
}

// series are the costs of one thing of one process.
type series []cost

// results is everything measured.
type results struct {
	plan    plan
	version string // JAX's
	cases   []result
	saving  []saving
}

// result is one case: an architecture with or without the second pass.
type result struct {
	arch string
	both bool
	jax  measured
	own  []measured // by plan.backends
}

// measured is one process of a case.
type measured struct {
	parameters int
	flops      float64 // of a step, by XLA's count of the JAX program
	steps      series
	sampling   series   // of sampleBatch images in plan.ddim steps
	memory     int64    // peak resident bytes after the steps
	forward    cost     // of one forward pass over a batch
	host       cost     // of drawing one batch
	evaluate   float64  // seconds of an evaluation without sampling
	profile    []string // the functions that most time is spent in
}

func (p plan) measure() (*results, error) {
	r := &results{plan: p}
	for _, arch := range p.archs {
		for _, both := range []bool{false, true} {
			c, err := p.compare(r, arch, both)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", caseName(arch, both), err)
			}
			r.cases = append(r.cases, c)
		}
	}
	for _, name := range p.backends {
		s, err := p.save(name)
		if err != nil {
			return nil, fmt.Errorf("checkpoints on %s: %w", name, err)
		}
		r.saving = append(r.saving, s)
	}
	return r, nil
}

func caseName(arch string, both bool) string {
	if both {
		return arch + ", both losses"
	}
	return arch + ", plain"
}

// unequal returns an error if a model of JAX has another number of parameters.
func (r *results) unequal() error {
	var wrong error
	for _, c := range r.cases {
		for i, m := range c.own {
			if m.parameters != c.jax.parameters {
				wrong = errors.Join(wrong, fmt.Errorf("%s: %d parameters on %s, %d in JAX",
					caseName(c.arch, c.both), m.parameters, r.plan.backends[i], c.jax.parameters))
			}
		}
	}
	return wrong
}
