package services

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/internal/stack"
)

// Down is the verb down: it stops the embedded stack.
func Down(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Save running trainings, then stop the worker and the stack",
		Args:  cli.Args(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			before, err := stack.Read("")
			if err != nil {
				return err
			}
			if err := stack.Down(cmd.Context(), before.Dir, a.Err); err != nil {
				return err
			}
			if !slices.ContainsFunc(before.Processes, func(p stack.Process) bool { return p.Running }) {
				a.Log("nothing was running")
				return nil
			}
			a.Log("stopped; running sweeps continue at the next `tailsweep up` (data: %s)", before.Dir)
			return nil
		},
	}
}
