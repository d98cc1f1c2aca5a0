package sweeps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// commandTimeout is how long a verb waits for the answer to a command.
const commandTimeout = 30 * time.Second

// The verbs that send a command to a sweep.
var (
	Pause  = steering(conduct.CommandPause, "Start no new trials until resume")
	Resume = steering(conduct.CommandResume, "Continue after pause")
	Stop   = steering(conduct.CommandStop, "End the sweep when its running trials have finished")
	Cancel = steering(conduct.CommandCancel, "End the sweep now; checkpoints are kept")
)

// steering makes a verb that sends a command to a sweep.
func steering(update, short string) func(*cli.App) *cobra.Command {
	return func(a *cli.App) *cobra.Command { return steeringVerb(a, update, short) }
}

func steeringVerb(a *cli.App, update, short string) *cobra.Command {
	cmd := &cobra.Command{Use: update + " SWEEP", Short: short, Args: cli.Args(1, 1, "one sweep")}
	output := cli.OutputFlag(cmd)
	reason := cmd.Flags().String("reason", "", "reason, stored in the audit log of the sweep")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), commandTimeout)
		defer cancel()
		c, err := a.Temporal(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		p, err := steer(ctx, c, args[0], update, conduct.Command{By: userAtHost(), Reason: *reason})
		if err != nil {
			return err
		}
		return a.PrintAs(output, p, fmt.Sprintf("%s: %s, %s finished, %d running", p.Name, p.Phase, trialview.CountOf(p.Finished, p.Planned), len(p.Running)))
	}
	return cmd
}

func steer(ctx context.Context, c client.Client, name, update string, command conduct.Command) (conduct.Progress, error) {
	var p conduct.Progress
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.SweepID(name), UpdateName: update, Args: []any{command},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &p)
	}
	_, gone := errors.AsType[*serviceerror.NotFound](err)
	switch {
	case gone:
		return p, cli.NotFoundf("%s: no sweep %q is running; `tailsweep list` lists the sweeps and how they ended", update, name)
	case errors.Is(err, context.DeadlineExceeded):
		return p, fmt.Errorf("%s %s: no answer within %s; is a worker running? (`tailsweep status`): %w", update, name, commandTimeout, err)
	case err != nil:
		return p, fmt.Errorf("%s %s: %w", update, name, err)
	}
	return p, nil
}

// userAtHost returns user@host, for the audit.
func userAtHost() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}
