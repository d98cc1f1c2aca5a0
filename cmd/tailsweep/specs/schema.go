package specs

import (
	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Schema is the verb schema: it prints the JSON Schema of specs.
func Schema(a *cli.App) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of specs, for editors",
		Args:  cli.Args(0, 0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			_, err := a.Out.Write(specfile.Schema())
			return err
		},
	}
}
