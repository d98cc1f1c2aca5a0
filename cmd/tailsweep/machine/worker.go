package machine

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/metrics"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/worker"
	"github.com/tailsweep/tailsweep/workflows"
)

// Worker is the verb worker: it does the work of sweeps.
func Worker(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Run a worker, which does the work of sweeps",
		Long: `worker connects to Temporal and to the object store and does the work of sweeps.
SIGTERM or Ctrl-C drains it: trainings save a checkpoint and continue on another
worker. A second signal ends it at once.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	f := cmd.Flags()
	only := &cli.Choice{Value: worker.OnlyBoth, Valid: []string{worker.OnlyBoth, worker.OnlyControl, worker.OnlyTraining}}
	f.Var(only, "only", "part to run: both, control (needs no GPU), or training (trainings and evaluations)")
	slots := cli.SlotsFlag(f)
	queue := f.String("queue", sweep.DefaultQueue, "task queue of trainings, resources.queue of specs")
	listen := f.String("metrics-addr", cmp.Or(os.Getenv(address.MetricsVariable), "127.0.0.1:0"), "address of the /metrics endpoint ("+address.MetricsVariable+")")
	staging := f.String("staging", worker.DefaultStaging(), "folder for checkpoints before they are uploaded")
	trainer := f.String("trainer", "", "program that trains and evaluates, with the verbs and the protocol of package trainer/job (default: this one)")
	commands := cli.AllowCommandsFlag(f, "this worker")
	device := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		stop, err := profile()
		if err != nil {
			return err
		}
		defer stop()
		ctx := cmd.Context()
		program, err := child(*trainer)
		if err != nil {
			return err
		}
		allow, err := commands()
		if err != nil {
			return err
		}
		target, err := connect.Resolve(a.Flags)
		if err != nil {
			return err
		}
		log := address.NewLogger(a.Err, slog.LevelInfo)
		m := metrics.New(cli.Version, log)
		target.OnRequest(m.StoreRequest)
		objects, err := target.OpenStore(ctx)
		if err != nil {
			return err
		}
		var polls worker.Polls
		c, err := target.Dial(ctx, m.Temporal(), polls.Intercept)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := target.CheckAttributes(ctx, c, workflows.SearchAttributes()); err != nil {
			return err
		}
		arc := archive.New(objects)
		if err := arc.CheckConditions(ctx); err != nil {
			return err
		}
		return worker.Run(ctx, worker.Config{
			Client: c, Polls: &polls, Archive: arc, Metrics: m, Log: log,
			Only: only.Value, Queue: *queue, Slots: *slots, Devices: worker.Devices(), Backend: device.Value, Build: cli.ReadBuild().String(),
			Datasets: a.Downloader(), MetricsAddr: *listen, Hosts: address.Hosts(), StagingRoot: *staging, Executable: program,
			AllowCommands: allow != nil && *allow,
		})
	}
	return cmd
}

// child returns the path of the program that trains and evaluates: this one unless named.
func child(trainer string) (string, error) {
	if trainer == "" {
		self, err := os.Executable()
		if err != nil {
			return "", fmt.Errorf("find this executable: %w", err)
		}
		return self, nil
	}
	path, err := exec.LookPath(trainer)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", cli.Usagef("worker: --trainer %s: %w (valid: a program on this machine)", trainer, err)
	}
	return path, nil
}
