package services

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/worker"
)

// Status is the verb status: it lists the processes of the stack.
func Status(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "status", Short: "Show the processes and addresses of the embedded stack", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		status, err := stack.Read("")
		if err != nil {
			return err
		}
		s := look(cmd.Context(), status)
		return a.PrintAs(output, s, statusText(s))
	}
	return cmd
}

// shown is the output of `tailsweep status -o json` and `tailsweep up -o json`.
type shown struct {
	stack.Status
	WorkerResting bool `json:"worker_resting,omitempty"` // the running worker takes no trials for a time
}

// look asks the worker of the stack whether it rests.
func look(ctx context.Context, s stack.Status) shown {
	return shown{Status: s, WorkerResting: resting(ctx, s.WorkerMetrics)}
}

// metricsTimeout bounds the request for the worker's metrics.
const metricsTimeout = 2 * time.Second

// resting reports whether the worker with these metrics takes no trials for a time. It is false
// where this is not known.
func resting(ctx context.Context, metrics string) bool {
	if metrics == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, metrics, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // read only
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if lines.Text() == "tailsweep_worker_resting 1" {
			return true
		}
	}
	return false
}

// statusText formats the status of the stack.
func statusText(s shown) string {
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
	if s.WorkerResting {
		lines = append(lines, "the worker takes no trials for a time, since attempts failed because of its",
			"machine, build or configuration: `tailsweep logs worker` shows the cause")
	}
	if s.Process(stack.ProcessWorker).Running {
		lines = append(lines, fmt.Sprintf("worker's training slots: %d", cmp.Or(s.WorkerSlots, max(1, len(worker.Devices())))))
	}
	if s.Process(stack.ProcessWorker).Running {
		lines = append(lines, "worker runs commands of specs: "+commandsText(s.RunsCommands))
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

// commandsText says whether a worker runs the commands of specs.
func commandsText(runs bool) string {
	if runs {
		return "yes"
	}
	return "no (`tailsweep up --allow-commands`)"
}

// backendText formats the backend that a worker was started with.
func backendText(name string) string {
	choice, why, err := backend.Choose(name)
	if err != nil || choice == name {
		return name
	}
	return fmt.Sprintf("%s (%s: %s)", choice, name, why)
}
