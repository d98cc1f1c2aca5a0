package machine

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/console"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/workflows"
)

// defaultRetention is how long Temporal keeps ended workflows in a namespace that setup
// makes, as in deploy/temporal/namespace.sh.
const defaultRetention = 30 * 24 * time.Hour

// Setup is the verb setup: it prepares Temporal and the object store for sweeps.
func Setup(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Create the namespace, attributes and bucket that sweeps need",
		Long: `setup creates what is missing: Temporal's namespace, its search attributes, the bucket, and
the id of the store in it. Then it checks that the store honours conditional writes. It
changes nothing that is there, and can be run again. The embedded stack and
docker-compose.yml do the same when they start, the Helm chart before it starts workers.`,
		Args: cli.Args(0, 0, "no arguments"),
	}
	output := cli.OutputFlag(cmd)
	retention := cmd.Flags().Duration("retention", defaultRetention, "how long a new namespace keeps ended workflows")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx := cmd.Context()
		target, err := connect.Resolve(a.Flags)
		if err != nil {
			return err
		}
		steps := []connect.Step{}
		did := func(s connect.Step) { steps = append(steps, s) }
		err = target.SetUp(ctx, workflows.SearchAttributes(), *retention, did)
		if err == nil {
			var arc *archive.Archive
			if arc, err = a.Archive(ctx); err == nil {
				err = prepareStore(cmd, arc, did)
			}
		}
		if printErr := a.PrintAs(output, steps, setupText(a, steps)...); printErr != nil {
			return printErr
		}
		return err
	}
	return cmd
}

// prepareStore makes the id of the store, and checks its conditional writes.
func prepareStore(cmd *cobra.Command, arc *archive.Archive, did func(connect.Step)) error {
	ctx := cmd.Context()
	repaired, err := arc.RepairStoreID(ctx)
	if err != nil {
		return err
	}
	made, err := arc.EnsureStoreID(ctx)
	if err != nil {
		return err
	}
	did(connect.Step{What: "id of the store", Made: made || repaired})
	return arc.CheckConditions(ctx)
}

func setupText(a *cli.App, steps []connect.Step) []string {
	t := console.NewTable("WHAT", "STATE")
	for _, s := range steps {
		state := "was there"
		if s.Made {
			state = "made"
		}
		t.Row(s.What, state)
	}
	return a.Lines(t)
}
