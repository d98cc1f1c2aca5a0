package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/prometheus/procfs"
)

// cost is the time of one measurement, in seconds.
type cost struct {
	Wall      float64 `json:"seconds"`
	Processor float64 `json:"processor"` // summed over threads
}

// answer is one line of a measured process.
type answer struct {
	cost
	ownSaving
	Parameters int     `json:"parameters"`
	Version    string  `json:"version"`
	FLOPs      float64 `json:"flops"`
	Error      string  `json:"error"`
}

// process is a measured process: it answers each line with one.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
	hello answer
	rare  bool // measured fewer times, since it is slow
}

func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.hello, err = p.read()
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *process) ask(line string) (answer, error) {
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		return answer{}, err
	}
	a, err := p.read()
	if err != nil {
		return a, fmt.Errorf("%s: %w", line, err)
	}
	return a, nil
}

func (p *process) read() (a answer, err error) {
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("no answer: %w", err)
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("answer %q: %w", line, err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// stop ends the process, which reads its stdin.
func (p *process) stop() {
	_ = p.in.Close()
	_ = p.cmd.Wait() // its errors are in its answers
}

// peak returns the peak resident memory of the process, in bytes.
func (p *process) peak() (int64, error) {
	proc, err := procfs.NewProc(p.cmd.Process.Pid)
	if err != nil {
		return 0, err
	}
	status, err := proc.NewStatus()
	return int64(status.VmHWM), err
}

// least and median return statistics of the wall-clock or the processor time.
func (s series) least(of func(cost) float64) float64  { return s.sorted(of)[0] }
func (s series) median(of func(cost) float64) float64 { return s.sorted(of)[len(s)/2] }

func (s series) sorted(of func(cost) float64) []float64 {
	values := make([]float64, len(s))
	for i, c := range s {
		values[i] = of(c)
	}
	slices.Sort(values)
	return values
}

func wall(c cost) float64      { return c.Wall }
func processor(c cost) float64 { return c.Processor }
