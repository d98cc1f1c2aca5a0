package specs

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// Init is the verb init: it prints a commented spec.
func Init(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [NAME]",
		Short: "Print a commented spec to start from",
		Example: `  tailsweep init my-sweep > my-sweep.yaml
  tailsweep init --method bayes my-search > my-search.yaml`,
		Args: cli.Args(0, 1, "at most one name"),
	}
	method := &cli.Choice{Value: string(sweep.MethodGrid), Valid: cli.Words(sweep.Methods())}
	cmd.Flags().Var(method, "method", method.Usage("how to search"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		name := "my-sweep"
		if len(args) == 1 {
			name = args[0]
		}
		text, err := specfile.Init(name, sweep.Method(method.Value))
		if err != nil {
			return cli.Usagef("init: %v", err)
		}
		_, err = io.WriteString(a.Out, text)
		return err
	}
	return cmd
}
