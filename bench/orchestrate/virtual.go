package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/simulate"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// virtual is a sweep that was played in virtual time: what the decisions alone take.
type virtual struct {
	Trials  int     `json:"trials"`
	Slots   int     `json:"slots"`
	Machine machine `json:"machine"`
	CPU     float64 `json:"cpu"`     // seconds of processor time
	Steps   int     `json:"steps"`   // events that the machine took
	State   int     `json:"state"`   // bytes of the largest state that was looked at
	Running int     `json:"running"` // trials in it
	Pending int     `json:"pending"` // bytes of these trials as each suggestion is given them
}

// stateEvery is how many steps are between two looks at the state, whose JSON takes long.
const stateEvery = 997

// play plays a sweep given as TRIALS/SLOTS.
func play(text string) (virtual, error) {
	v := virtual{Machine: thisMachine()}
	if _, err := fmt.Sscanf(text, "%d/%d", &v.Trials, &v.Slots); err != nil || v.Trials < 1 || v.Slots < 1 {
		return v, fmt.Errorf("-virtual: %q is not TRIALS/SLOTS", text)
	}
	spec, err := specfile.Parse("virtual.yaml", []byte(scenario{Method: "random", Sleep: 10, Slots: v.Slots, Trials: v.Trials}.spec()))
	if err != nil {
		return v, err
	}
	before, err := readCPU(os.Getpid())
	if err != nil {
		return v, err
	}
	var fault error
	played, err := simulate.Play(spec, simulate.DryRun{
		Objective: simulate.LossWeights, Workers: v.Slots, Seed: 1, Step: time.Millisecond, Sample: time.Microsecond,
		Stepped: func(s *conduct.State) {
			if v.Steps++; v.Steps%stateEvery != 0 {
				return
			}
			pending := make(conduct.Assignments, len(s.Running))
			for i, r := range s.Running {
				pending[i] = r.Assignment
			}
			state, err := json.Marshal(s)
			given, err2 := json.Marshal(pending)
			if fault == nil {
				fault = errors.Join(err, err2)
			}
			v.Pending = max(v.Pending, len(given))
			if len(state) > v.State {
				v.State, v.Running = len(state), len(s.Running)
			}
		},
	})
	after, err2 := readCPU(os.Getpid())
	err = errors.Join(err, err2)
	v.CPU = after.own - before.own
	if err == nil && len(played.Trials) != v.Trials {
		err = fmt.Errorf("%d trials are in the ledger, want %d", len(played.Trials), v.Trials)
	}
	if err == nil {
		err = fault
	}
	return v, err
}

// text is a played sweep in a line.
func (v virtual) text() string {
	return fmt.Sprintf("virtual: %d trials on %d slots: %.1f s of CPU, %.0f us a trial, %d steps, state %.0f kB with %d trials running, which are %.0f kB of each suggestion's input",
		v.Trials, v.Slots, v.CPU, 1e6*v.CPU/float64(v.Trials), v.Steps, float64(v.State)/1e3, v.Running, float64(v.Pending)/1e3)
}
