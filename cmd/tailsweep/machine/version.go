package machine

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
)

// slowBuild is the warning about a binary without vector instructions.
const slowBuild = "this binary was built without GOEXPERIMENT=simd: the go backend is about ten times slower (build with `make build`)"

// Version is the verb version: it prints the version of this binary.
func Version(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{Use: "version", Short: "Print the version of this binary", Args: cli.Args(0, 0, "no arguments")}
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		b := cli.ReadBuild()
		if output.Value == cli.FormatJSON {
			return a.PrintJSON(b)
		}
		if !b.SIMD {
			a.Log("warning: %s", slowBuild)
		}
		return a.Print(fmt.Sprintf("tailsweep %s (%s, %s)", b.Version, b.Go, b.Platform))
	}
	return cmd
}
