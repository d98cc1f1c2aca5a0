package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/metrics"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/worker"
)

// envOr is an environment variable, or else a default.
func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// backendFlag adds --backend, whose default is the environment's.
func backendFlag(cmd *cobra.Command) *choice {
	c := &choice{value: envOr(backendVariable, backend.Auto), valid: backend.Names()}
	cmd.Flags().Var(c, "backend", "what trainings compute with ("+backendVariable+")")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("backend") {
			return nil
		}
		_, err := askedBackend()
		return err
	}
	return c
}

const backendVariable = "TAILSWEEP_BACKEND"

// askedBackend is the environment's backend, auto where it has none; an unknown one
// is bad input.
func askedBackend() (string, error) {
	name := envOr(backendVariable, backend.Auto)
	if !slices.Contains(backend.Names(), name) {
		return "", usagef("%s is %q, want one of %s", backendVariable, name, strings.Join(backend.Names(), ", "))
	}
	return name, nil
}

// refuseOtherBackend is otherBackend of the embedded stack's worker.
func refuseOtherBackend(asked string) error {
	status, err := stack.Read("")
	if err != nil {
		return err
	}
	return otherBackend(asked, status.WorkerBackend)
}

// otherBackend refuses a backend that a running worker, started with another, does
// not train on. auto asks for none in particular; no worker ("") may have any.
func otherBackend(asked, worker string) error {
	if asked == backend.Auto || worker == "" {
		return nil
	}
	running, _, err := backend.Choose(worker)
	if err == nil && running != asked {
		return usagef("backend %s is asked for, and the running worker trains on %s: `tailsweep down` ends that worker, then try again", asked, running)
	}
	return err
}

func newWorker(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Do the work of sweeps until told to stop",
		Long: `worker connects to Temporal and the object store and runs what sweeps ask for.
SIGTERM or Ctrl-C drains it: trainings save a checkpoint and are handed back, to
go on at any other worker. A second signal ends it at once.`,
		Args: args(0, 0, "no arguments"),
	}
	f := cmd.Flags()
	only := &choice{value: worker.OnlyBoth, valid: []string{worker.OnlyBoth, worker.OnlyControl, worker.OnlyTraining}}
	f.Var(only, "only", "which part to run: control needs no GPU, training nothing but one")
	slots := f.Int("slots", 0, "trainings at a time (default: one a GPU, or one)")
	queue := f.String("queue", sweep.DefaultQueue, "task queue of trainings, as resources.queue of specs")
	listen := f.String("metrics-addr", envOr("TAILSWEEP_METRICS_ADDR", "127.0.0.1:0"), "where /metrics listens (TAILSWEEP_METRICS_ADDR)")
	staging := f.String("staging", worker.DefaultStaging(), "folder for checkpoints on their way")
	device := backendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		if cmd.Flags().Changed("slots") && *slots < 1 {
			return usagef("worker: --slots is %d, want 1 or more", *slots)
		}
		target, err := connect.Resolve(a.flags)
		if err != nil {
			return err
		}
		objects, err := target.OpenStore(ctx)
		if err != nil {
			return err
		}
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this executable: %w", err)
		}
		m := metrics.New(version)
		c, err := target.Dial(ctx, m.Temporal())
		if err != nil {
			return err
		}
		defer c.Close()
		return worker.Run(ctx, worker.Config{
			Client: c, Archive: archive.New(objects), Metrics: m, Log: slog.New(slog.NewTextHandler(a.err, nil)),
			Only: only.value, Queue: *queue, Slots: *slots, Devices: worker.Devices(), Backend: device.value,
			Datasets: a.fetcher(), MetricsAddr: *listen, StagingRoot: *staging, Executable: self,
		})
	}
	return cmd
}
