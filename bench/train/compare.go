package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tailsweep/tailsweep/trainer/backend"
)

// compare times one case; the processes take turns.
func (p plan) compare(r *results, arch string, both bool) (c result, err error) {
	c = result{arch: arch, both: both, own: make([]measured, len(p.backends))}
	losses := "plain"
	if both {
		losses = "both"
	}
	jax, err := start(p.python, "bench/train/peers/jax_peer.py", arch, losses, fmt.Sprint(batch))
	if err != nil {
		return c, err
	}
	all := []*process{jax}
	into := []*measured{&c.jax}
	defer func() {
		for _, one := range all {
			one.stop()
		}
	}()
	r.version = jax.hello.Version
	for i, name := range p.backends {
		one, err := p.startOwn(ownCase{Arch: arch, Both: both, Backend: name})
		if err != nil {
			return c, err
		}
		all, into = append(all, one), append(into, &c.own[i])
	}
	for i, one := range all {
		into[i].parameters = one.hello.Parameters
		if _, err := one.ask("step"); err != nil { // compiles
			return c, err
		}
	}
	for round := range p.rounds {
		for i, one := range all {
			if one.rare && round >= p.goRounds {
				continue
			}
			a, err := one.ask("step")
			if err != nil {
				return c, err
			}
			into[i].steps = append(into[i].steps, a.cost)
		}
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", caseName(arch, both), round+1, p.rounds)
	}
	for i, one := range all {
		if into[i].memory, err = one.peak(); err != nil {
			return c, err
		}
	}
	if err := p.count(jax, &c.jax); err != nil || both {
		return c, err // sampling is the same with any loss
	}
	return c, p.sampling(all, into)
}

// count asks for the number of operations of a step.
func (p plan) count(jax *process, m *measured) error {
	a, err := jax.ask("flops")
	m.flops = a.FLOPs
	return err
}

// sampling times DDIM, the parts of a step, and the rest of an evaluation.
func (p plan) sampling(all []*process, into []*measured) error {
	line := fmt.Sprintf("sample %d %d", sampleBatch, p.ddim)
	for round := range 1 + min(3, p.rounds) {
		for i, one := range all {
			if one.rare && round > 1 {
				continue
			}
			a, err := one.ask(line)
			if err != nil {
				return err
			}
			if round > 0 { // the first compiles
				into[i].sampling = append(into[i].sampling, a.cost)
			}
		}
	}
	for i, one := range all[1:] {
		m := into[i+1]
		for name, to := range map[string]*cost{"forward": &m.forward, "host": &m.host} {
			a, err := one.ask(name)
			if err != nil {
				return err
			}
			*to = a.cost
		}
		a, err := one.ask("evaluate")
		if err != nil {
			return err
		}
		m.evaluate = a.Wall
		if one.rare {
			if m.profile, err = profile(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// profile returns the functions in which backend go spends a step.
func profile(one *process) ([]string, error) {
	dir, err := os.MkdirTemp("", "tailsweep-bench-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	file := filepath.Join(dir, "cpu.prof")
	if _, err := one.ask("profile " + file); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	out, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=10", self, file).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	var lines []string
	_, table, _ := strings.Cut(string(out), "cum%\n")
	for line := range strings.Lines(table) {
		// flat, flat%, sum%, cum, cum%, name
		if words := strings.Fields(line); len(words) > 5 {
			lines = append(lines, words[1]+" "+strings.Join(words[5:], " "))
		}
	}
	return lines, nil
}

// saving is the cost of checkpoints on a backend.
type saving struct {
	backend string
	ownSaving
}

func (p plan) save(name string) (s saving, err error) {
	one, err := p.startOwn(ownCase{Arch: "dit", Backend: name, Every: 4})
	if err != nil {
		return s, err
	}
	defer one.stop()
	count := p.checkpoints
	if one.rare {
		count = max(2, count/3)
	}
	a, err := one.ask(fmt.Sprintf("checkpoints %d", count))
	return saving{name, a.ownSaving}, err
}

func (p plan) startOwn(c ownCase) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	one, err := start(self, "-own", string(text))
	if err == nil {
		one.rare = c.Backend == backend.Go
	}
	return one, err
}
