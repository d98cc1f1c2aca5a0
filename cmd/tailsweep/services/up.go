package services

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/stack"
)

// Up is the verb up: it starts the embedded stack.
func Up(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the embedded stack and a local worker in the background",
		Long: `up starts Temporal with its UI, an S3 service, Prometheus and one worker, on
loopback and on free ports, as background processes. It starts only what does not
run yet, and continues from the saved state. The first time it builds the servers,
which takes minutes.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	output := cli.OutputFlag(cmd)
	s3 := &cli.Choice{Valid: stack.S3Kinds()}
	f := cmd.Flags()
	f.Var(s3, "s3", "S3 service, fixed when the state folder is created (default "+stack.S3Kinds()[0]+")")
	foreground := f.Bool("foreground", false, "run in the foreground; one Ctrl-C stops everything")
	noWorker := f.Bool("no-worker", false, "start the stack only")
	noPrometheus := f.Bool("no-prometheus", false, "do not build or start Prometheus")
	buildOnly := f.Bool("build-only", false, "build the servers and start nothing")
	slots := cli.SlotsFlag(f)
	commands := cli.AllowCommandsFlag(f, "the worker")
	device := cli.BackendFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o := a.StackOptions()
		o.S3, o.Worker, o.NoPrometheus = s3.Value, !*noWorker, *noPrometheus
		if f.Changed("backend") { // otherwise the worker reads the environment
			o.Backend = device.Value
		}
		o.Slots = *slots
		var err error
		if o.AllowCommands, err = commands(); err != nil {
			return err
		}
		if *buildOnly {
			return stack.Build(cmd.Context(), a.Err)
		}
		if o.Worker {
			if err := cli.RefuseOtherBackend(device.Value); err != nil {
				return err
			}
			before, err := stack.Read("")
			if err != nil {
				return err
			}
			if err := cli.RefuseWithoutCommands(before, o.AllowCommands); err != nil {
				return err
			}
		}
		if *foreground {
			return stack.Foreground(cmd.Context(), o, func(s stack.Status) { a.Log("%s", statusText(look(cmd.Context(), s))) })
		}
		status, err := stack.Up(cmd.Context(), o)
		if errors.Is(err, stack.ErrOtherS3) {
			return cli.ExitWith(cli.ExitUsage, err)
		}
		if err != nil {
			return err
		}
		s := look(cmd.Context(), status)
		return a.PrintAs(output, s, statusText(s))
	}
	return cmd
}
