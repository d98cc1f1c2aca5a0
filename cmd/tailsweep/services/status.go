package services

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
)

// Status is the verb status: it lists the processes of the stack.
func Status(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Show the processes and addresses of the embedded stack", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		status, err := stack.Read("")
		if err != nil {
			return err
		}
		return a.PrintAs(output, status, statusText(status))
	}
	return cmd
}

// statusText formats the status of the stack.
func statusText(s stack.Status) string {
	t := console.NewTable("PROCESS", "STATE", ">PID", "LOG")
	dead := false
	for _, p := range s.Processes {
		state, pid := "stopped", ""
		switch {
		case p.Running:
			state, pid = "running", strconv.Itoa(p.PID)
		case p.Dead:
			state, dead = "dead", true
		}
		log, err := filepath.Rel(s.Dir, p.Log)
		if err != nil {
			log = p.Log
		}
		t.Row(p.Name, state, pid, log)
	}
	lines := t.Plain()
	if dead {
		lines = append(lines, "`tailsweep up` starts what is dead; `tailsweep logs PROCESS` shows why it ended")
	}
	if s.NoWorker {
		lines = append(lines, "no worker, as asked for (--no-worker): `tailsweep up` starts one")
	}
	if s.WorkerBackend != "" {
		lines = append(lines, "worker's backend: "+backendText(s.WorkerBackend))
	}
	for _, service := range []struct{ name, address string }{
		{"Temporal", s.Temporal}, {"Temporal UI", s.UI}, {"S3 (" + s.S3Kind + ", bucket " + s.Bucket + ")", s.S3},
		{"Prometheus", s.Prometheus}, {"worker metrics", s.WorkerMetrics},
	} {
		if service.address != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", service.name, service.address))
		}
	}
	return strings.Join(append(lines, "state: "+s.Dir), "\n")
}

// backendText formats the backend that a worker was started with.
func backendText(name string) string {
	choice, why, err := backend.Choose(name)
	if err != nil || choice == name {
		return name
	}
	return fmt.Sprintf("%s (%s: %s)", choice, name, why)
}
