package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/workflows"
)

func newUp(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the embedded stack and a local worker in the background",
		Long: `up starts Temporal with its UI, an S3 service, Prometheus and one worker, on
loopback and on free ports, as background processes. It starts only what does not
run, on the state that the last ` + "`tailsweep down`" + ` left. The first time it builds the
servers, which takes minutes.`,
		Args: args(0, 0, "no arguments"),
	}
	output := outputFlag(cmd)
	s3 := &choice{valid: []string{stack.S3Versitygw, stack.S3MinIO}}
	f := cmd.Flags()
	f.Var(s3, "s3", "S3 service; a state folder keeps the one it was made with (default versitygw)")
	foreground := f.Bool("foreground", false, "stay here; one Ctrl-C stops all")
	noWorker := f.Bool("no-worker", false, "start the stack only")
	noPrometheus := f.Bool("no-prometheus", false, "do not build or start Prometheus")
	buildOnly := f.Bool("build-only", false, "build the servers and start nothing")
	slots := f.Int("slots", 0, "trainings at a time (default: one a GPU, or one)")
	device := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := a.stackOptions()
		o.S3, o.Worker, o.NoPrometheus = s3.value, !*noWorker, *noPrometheus
		if f.Changed("backend") { // else the worker reads the environment itself
			o.Backend = device.value
		}
		if *slots > 0 {
			o.WorkerArgs = []string{"--slots", strconv.Itoa(*slots)}
		}
		switch {
		case cmd.Flags().Changed("slots") && *slots < 1:
			return usagef("up: --slots is %d, want 1 or more", *slots)
		case *buildOnly:
			return stack.Build(cmd.Context(), "", a.err)
		}
		if o.Worker {
			if err := refuseOtherBackend(device.value); err != nil {
				return err
			}
		}
		if *foreground {
			return stack.Foreground(cmd.Context(), o, func(s stack.Status) { a.say("%s", statusText(s)) })
		}
		status, err := stack.Up(cmd.Context(), o)
		if err != nil {
			return err
		}
		if output.value == "json" {
			return a.printJSON(status)
		}
		return a.print(statusText(status))
	}
	return cmd
}

// stackOptions are those that every start of the stack shares.
func (a *app) stackOptions() stack.Options {
	return stack.Options{Worker: true, Out: a.err, SearchAttributes: workflows.SearchAttributes()}
}

func newDown(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop the worker, which saves its trainings, and the stack; state is kept",
		Args:  args(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := stack.Read("")
			if err != nil {
				return err
			}
			if err := stack.Down(cmd.Context(), before.Dir, a.err); err != nil {
				return err
			}
			if !slices.ContainsFunc(before.Processes, func(p stack.Process) bool { return p.Running }) {
				a.say("nothing was running")
				return nil
			}
			a.say("stopped; what ran goes on at the next `tailsweep up` (state: %s)", before.Dir)
			return nil
		},
	}
}

func newStatus(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "What of the embedded stack runs, and where", Args: args(0, 0, "no arguments")}
	output := outputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		status, err := stack.Read("")
		if err != nil {
			return err
		}
		if output.value == "json" {
			return a.printJSON(status)
		}
		return a.print(statusText(status))
	}
	return cmd
}

// statusText is the stack for people.
func statusText(s stack.Status) string {
	t := newTable("PROCESS", "STATE", ">PID", "LOG")
	for _, p := range s.Processes {
		state, pid := "stopped", ""
		if p.Running {
			state, pid = "running", strconv.Itoa(p.PID)
		}
		t.row(p.Name, state, pid, p.Log)
	}
	lines := t.render(0, painter(false))
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
	text := ""
	for i, line := range append(lines, "state: "+s.Dir) {
		if i > 0 {
			text += "\n"
		}
		text += line
	}
	return text
}

// backendText is a backend that a worker was started with, for people.
func backendText(name string) string {
	choice, why, err := backend.Choose(name)
	if err != nil || choice == name {
		return name
	}
	return fmt.Sprintf("%s (%s: %s)", choice, name, why)
}
