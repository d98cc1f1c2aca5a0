package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/tailsweep/tailsweep/bench/search/clock"
	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// peer is an engine in another process that speaks the protocol of `tailsweep
// asktell`, one JSON object per line each way.
type peer struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

// request is a line to a peer.
type request struct {
	Op string `json:"op"`
	// init
	Space    []dimension `json:"space,omitempty"`
	Nobj     int         `json:"nobj,omitempty"`
	Ncon     *int        `json:"ncon,omitempty"`
	Noisy    *bool       `json:"noisy,omitempty"`
	Seed     *uint64     `json:"seed,omitempty"`
	Budget   int         `json:"budget,omitempty"`
	Parallel int         `json:"parallel,omitempty"`
	Method   string      `json:"method,omitempty"`
	// tell
	ID          *int      `json:"id,omitempty"`
	Values      []float64 `json:"values,omitempty"`
	Constraints []float64 `json:"constraints,omitempty"`
	Status      string    `json:"status,omitempty"`
	// inject
	Params sweep.Params `json:"params,omitempty"`
}

// reply is a peer's line.
type reply struct {
	ID     *int         `json:"id"`
	Params sweep.Params `json:"params"`
	Error  string       `json:"error"`
}

// dimension is a parameter in the protocol.
type dimension struct {
	Name    string        `json:"name"`
	Type    string        `json:"type"`
	Low     *float64      `json:"low,omitempty"`
	High    *float64      `json:"high,omitempty"`
	Log     bool          `json:"log,omitempty"`
	Zero    float64       `json:"zero,omitempty"`
	Choices []sweep.Value `json:"choices,omitempty"`
	When    string        `json:"when,omitempty"`
}

// start starts a command and opens a session on p. Numerical libraries are limited to
// one thread, so that times per suggestion are comparable. plain omits conditions, for
// peers without them.
func start(command []string, method string, p problems.Problem, o clock.Options, plain bool) (*peer, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", "GOMAXPROCS=1", "PYTHONHASHSEED=0")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	e := &peer{command: cmd, in: in, out: bufio.NewReader(out)}
	space, err := dimensions(p.Space, plain)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	noisy := p.Noise > 0
	_, err = e.say(request{Op: "init", Space: space, Nobj: p.Objectives, Ncon: &p.Constraints, Noisy: &noisy, Seed: &o.Seed,
		Budget: o.Budget, Parallel: o.Parallel, Method: method})
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// dimensions describes a space in the protocol.
func dimensions(space []sweep.Parameter, plain bool) ([]dimension, error) {
	list := make([]dimension, len(space))
	for i, p := range space {
		d := dimension{Name: p.Name, Zero: p.Zero}
		switch p.Distribution {
		case sweep.DistCategorical:
			d.Type, d.Choices = "cat", p.Values
		case sweep.DistIntUniform, sweep.DistQLogUniform:
			d.Type, d.Low, d.High, d.Log = "int", &p.Min, &p.Max, p.Distribution == sweep.DistQLogUniform
			if d.Log && p.Q != 1 {
				return nil, fmt.Errorf("parameter %s: peers have no logarithmic step of %v", p.Name, p.Q)
			}
		case sweep.DistUniform, sweep.DistLogUniform:
			d.Type, d.Low, d.High, d.Log = "float", &p.Min, &p.Max, p.Distribution == sweep.DistLogUniform
		default:
			return nil, fmt.Errorf("parameter %s: peers have no %s", p.Name, p.Distribution)
		}
		if p.When != nil && !plain {
			d.When = p.When.String()
		}
		list[i] = d
	}
	return list, nil
}

// say writes a line and reads the reply.
func (e *peer) say(r request) (reply, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return reply{}, err
	}
	if _, err := e.in.Write(append(line, '\n')); err != nil {
		return reply{}, fmt.Errorf("%s: %w", r.Op, err)
	}
	line, err = e.out.ReadBytes('\n')
	if err != nil {
		return reply{}, fmt.Errorf("%s: the peer ended: %w", r.Op, err)
	}
	var answer reply
	if err := json.Unmarshal(line, &answer); err != nil {
		return reply{}, fmt.Errorf("%s: reply %q: %w", r.Op, line, err)
	}
	if answer.Error != "" {
		return reply{}, fmt.Errorf("%s: %s", r.Op, answer.Error)
	}
	return answer, nil
}

// Ask implements clock.Engine.
func (e *peer) Ask() (int, sweep.Params, error) {
	r, err := e.say(request{Op: "ask"})
	if err != nil {
		return 0, nil, err
	}
	if r.ID == nil || len(r.Params) == 0 {
		return 0, nil, errors.New("ask: the reply has no id or no params")
	}
	return *r.ID, r.Params, nil
}

// Tell implements clock.Engine.
func (e *peer) Tell(id int, values, constraints []float64, failed bool) error {
	r := request{Op: "tell", ID: &id, Values: values, Constraints: constraints}
	if failed {
		r.Status = "failed"
	}
	_, err := e.say(r)
	return err
}

// close ends the session and waits for the process.
func (e *peer) close() error {
	_, sayErr := e.say(request{Op: "quit"})
	_ = e.in.Close() // it is closed already when the peer has ended
	return errors.Join(sayErr, e.command.Wait())
}
