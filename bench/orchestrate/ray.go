package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
)

// runRay runs the scenario's trials in Ray Tune.
func (p programs) runRay(ctx context.Context, r *result) (err error) {
	dir, err := os.MkdirTemp("", "ray-orchestrate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cmd := exec.CommandContext(ctx, p.python, "bench/orchestrate/peers/ray_peer.py", strconv.Itoa(r.Trials), strconv.Itoa(r.Slots),
		strconv.FormatFloat(r.Sleep, 'g', -1, 64), dir)
	cmd.Env = append(os.Environ(), "RAY_USAGE_STATS_ENABLED=0", "RAY_AUTH_MODE=disabled")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ray_peer.py: %w", err)
	}
	var answer struct {
		Version      string
		Began, Ended []float64
	}
	if err := json.Unmarshal(lastLine(out), &answer); err != nil {
		return fmt.Errorf("ray_peer.py: %w", err)
	}
	r.Machine.Version = answer.Version
	r.Failed = r.Trials - len(answer.Ended)
	return r.pace(answer.Began, answer.Ended)
}

// lastLine is the last line of a program's output.
func lastLine(out []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return lines[len(lines)-1]
}
