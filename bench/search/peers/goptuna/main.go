package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/c-bata/goptuna"
	"github.com/c-bata/goptuna/cmaes"
	"github.com/c-bata/goptuna/tpe"
)

type parameter struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	Log     bool    `json:"log"`
	Zero    float64 `json:"zero"`
	Choices []any   `json:"choices"`
}

type request struct {
	Op     string      `json:"op"`
	Space  []parameter `json:"space"`
	Nobj   int         `json:"nobj"`
	Seed   int64       `json:"seed"`
	ID     int         `json:"id"`
	Values []float64   `json:"values"`
	Status string      `json:"status"`
}

// session is one study and its running trials, by id.
type session struct {
	sampler string
	space   []parameter
	study   *goptuna.Study
	running map[int]running
	next    int
}

// running is a trial that waits for its value.
type running struct {
	value chan float64 // closed when the trial failed
	done  chan error
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "goptuna: want one argument: tpe or cmaes")
		os.Exit(2)
	}
	s := &session{sampler: os.Args[1], running: make(map[int]running)}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r request
		reply, err := any(map[string]any{"ok": true}), json.Unmarshal(lines.Bytes(), &r)
		if err == nil && r.Op == "quit" {
			_ = out.Encode(reply) // a client that quits may not read
			return
		}
		if err == nil {
			reply, err = s.answer(r)
		}
		if err != nil {
			reply = map[string]string{"error": err.Error()}
		}
		if out.Encode(reply) != nil {
			return
		}
	}
}

func (s *session) answer(r request) (any, error) {
	ok := map[string]any{"ok": true}
	switch r.Op {
	case "init":
		return ok, s.init(r)
	case "ask":
		return s.ask()
	case "tell":
		return ok, s.tell(r)
	}
	return nil, fmt.Errorf("unknown op %q", r.Op)
}

func (s *session) init(r request) error {
	if r.Nobj != 1 {
		return errors.New("goptuna has one objective")
	}
	options := []goptuna.StudyOption{goptuna.StudyOptionDirection(goptuna.StudyDirectionMinimize), goptuna.StudyOptionLogger(nil)}
	switch s.sampler {
	case "tpe":
		options = append(options, goptuna.StudyOptionSampler(tpe.NewSampler(tpe.SamplerOptionSeed(r.Seed))))
	case "cmaes":
		options = append(options,
			goptuna.StudyOptionSampler(goptuna.NewRandomSampler(goptuna.RandomSamplerOptionSeed(r.Seed))),
			goptuna.StudyOptionRelativeSampler(cmaes.NewSampler(cmaes.SamplerOptionSeed(r.Seed))))
	default:
		return fmt.Errorf("unknown sampler %q (valid: tpe, cmaes)", s.sampler)
	}
	var err error
	s.space = r.Space
	s.study, err = goptuna.CreateStudy("bench", options...)
	return err
}

func (s *session) ask() (any, error) {
	trial := running{value: make(chan float64), done: make(chan error, 1)}
	params := make(chan map[string]any, 1)
	go func() {
		trial.done <- s.study.Optimize(func(t goptuna.Trial) (float64, error) {
			suggested, err := s.suggest(t)
			if err != nil {
				return 0, err
			}
			params <- suggested
			value, ok := <-trial.value
			if !ok {
				return 0, errors.New("failed")
			}
			return value, nil
		}, 1)
	}()
	select {
	case p := <-params:
		id := s.next
		s.next++
		s.running[id] = trial
		return map[string]any{"id": id, "params": p}, nil
	case err := <-trial.done:
		return nil, fmt.Errorf("ask: %w", err)
	}
}

func (s *session) suggest(t goptuna.Trial) (map[string]any, error) {
	params := make(map[string]any, len(s.space))
	for _, p := range s.space {
		var v any
		var err error
		switch {
		case p.Type == "cat":
			names := make([]string, len(p.Choices))
			for i, c := range p.Choices {
				names[i] = fmt.Sprint(c)
			}
			var name string
			if name, err = t.SuggestCategorical(p.Name, names); err == nil {
				v = p.Choices[slices.Index(names, name)]
			}
		case p.Type == "int" && p.Log: // goptuna has no such distribution
			var f float64
			f, err = t.SuggestLogFloat(p.Name, p.Low, p.High+1)
			v = min(math.Floor(f), p.High)
		case p.Type == "int":
			v, err = t.SuggestInt(p.Name, int(p.Low), int(p.High))
		case p.Log:
			var f float64
			f, err = t.SuggestLogFloat(p.Name, p.Low*math.Exp(-p.Zero/(1-p.Zero)*math.Log(p.High/p.Low)), p.High)
			if p.Zero > 0 && f < p.Low {
				f = 0
			}
			v = f
		default:
			v, err = t.SuggestFloat(p.Name, p.Low, p.High)
		}
		if err != nil {
			return nil, err
		}
		params[p.Name] = v
	}
	return params, nil
}

func (s *session) tell(r request) error {
	trial, ok := s.running[r.ID]
	if !ok {
		return fmt.Errorf("no trial %d is running", r.ID)
	}
	delete(s.running, r.ID)
	if r.Status == "failed" {
		close(trial.value)
		<-trial.done // the failure that was just reported
		return nil
	}
	if len(r.Values) != 1 {
		return fmt.Errorf("want 1 value, got %d", len(r.Values))
	}
	trial.value <- r.Values[0]
	return <-trial.done
}
