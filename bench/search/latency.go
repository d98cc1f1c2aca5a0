package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// latency is the time of a suggestion after a number of trials.
type latency struct {
	engine string
	trials int
	millis float64 // median of latencyAsks
	mebi   float64 // peak resident memory of the process, MiB
}

const (
	latencyAsks = 5
	latencyDims = 10
)

// latencyTrials are the numbers of trials at which an engine is measured, until one
// suggestion takes longer than latencyPatience.
var latencyTrials = []int{100, 1000, 5000}

const latencyPatience = 20 * time.Second

// measureLatency times suggestions on a smooth function of ten parameters, after random
// trials that are injected at once. Each engine runs in a process of its own, with one
// thread.
func measureLatency(engines []engine) ([]latency, error) {
	var list []latency
	for _, e := range engines {
		if len(e.Command) == 0 || strings.HasPrefix(e.Name, "goptuna") { // trials cannot be injected
			continue
		}
		for _, n := range latencyTrials {
			l, err := measureOne(e, n)
			if err != nil {
				return list, fmt.Errorf("%s after %d trials: %w", e.Name, n, err)
			}
			list = append(list, l)
			if l.millis > 1000*latencyPatience.Seconds() {
				break
			}
		}
	}
	return list, nil
}

func measureOne(e engine, trials int) (latency, error) {
	space := make([]sweep.Parameter, latencyDims)
	for i := range space {
		space[i] = sweep.Parameter{Name: "x" + strconv.Itoa(i), Distribution: sweep.DistUniform, Max: 1}
	}
	f := func(params sweep.Params) []float64 {
		total := 0.0
		for i, p := range space {
			d := params[p.Name].Float() - 0.3 - 0.04*float64(i)
			total += float64(1+i) * d * d
		}
		return []float64{total}
	}
	p := problems.Problem{Name: "bowl", Space: space, Objectives: 1}
	s, err := start(e.Command, e.Method, p, clock.Options{Budget: trials + latencyAsks, Parallel: 1, Seed: 1}, e.Plain)
	if err != nil {
		return latency{}, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range trials {
		params := make(sweep.Params, len(space))
		for _, q := range space {
			params[q.Name] = sweep.Number(rng.Float64())
		}
		if _, err := s.say(request{Op: "inject", Params: params, Values: f(params)}); err != nil {
			return latency{}, err
		}
	}
	var times []float64
	for range latencyAsks {
		began := time.Now()
		id, params, err := s.Ask()
		if err != nil {
			return latency{}, err
		}
		times = append(times, 1000*time.Since(began).Seconds())
		if err := s.Tell(id, f(params), nil, false); err != nil {
			return latency{}, err
		}
	}
	if err := s.close(); err != nil {
		return latency{}, err
	}
	l := latency{engine: strings.TrimPrefix(e.Name, "asktell-"), trials: trials, millis: median(times)}
	if usage, ok := s.command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		l.mebi = float64(usage.Maxrss) / 1024 // kilobytes on Linux
	}
	return l, nil
}

func (r report) latencies() {
	if len(r.speed) == 0 {
		return
	}
	r.printf("## Time of a suggestion\n\n%d parameters, one thread, earlier trials random; median of %d.\n\n| engine | trials | ms | peak memory, MiB |\n|---|---:|---:|---:|\n", latencyDims, latencyAsks)
	for _, l := range r.speed {
		r.printf("| %s | %d | %.3g | %.0f |\n", l.engine, l.trials, l.millis, l.mebi)
	}
}
