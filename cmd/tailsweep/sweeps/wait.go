package sweeps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

// retryEvery is how long wait rests where the stack does not answer.
const retryEvery = time.Second

// Wait is the verb wait: it returns when a sweep has ended.
func Wait(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait SWEEP",
		Short: "Return when a sweep has ended, with the exit code of watch",
		Args:  cli.Args(1, 1, "one sweep"),
	}
	output := cli.OutputFlag(cmd)
	timeout := cmd.Flags().Duration("timeout", 0, fmt.Sprintf("exit with code %d after this time, such as 12h (default: none)", cli.ExitTimeout))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		if cmd.Flags().Changed("timeout") {
			if *timeout <= 0 {
				return cli.Usagef("wait: --timeout %s (valid: a time above 0, such as 90m or 12h)", *timeout)
			}
			limited, cancel := context.WithTimeout(ctx, *timeout)
			defer cancel()
			ctx = limited
		}
		err := waitFor(ctx, a, args[0], output)
		if ctx.Err() != nil && cmd.Context().Err() == nil {
			return cli.ExitWith(cli.ExitTimeout, fmt.Errorf("wait: sweep %s has not ended within %s", args[0], *timeout))
		}
		return err
	}
	return cmd
}

// waitFor prints the result of a sweep when it has ended.
func waitFor(ctx context.Context, a *cli.App, name string, output *cli.Choice) error {
	p, err := wait(ctx, a, name)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return cli.NoAnswer(err)
	}
	if err := a.PrintAs(output, p, fmt.Sprintf("%s: %s, %s finished", p.Name, p.Phase, english.Plural(p.Finished, "trial", ""))); err != nil {
		return err
	}
	return outcome(p)
}

// wait returns the progress of a sweep that has ended. It needs no worker, and waits for
// a stack that restarts.
func wait(ctx context.Context, a *cli.App, name string) (p conduct.Progress, err error) {
	known := false // Temporal has answered
	ended := retry.Until(ctx, retryEvery, func() (bool, error) {
		p, err = waitOnce(ctx, a, name, &known)
		return err == nil || !known || ctx.Err() != nil || cli.CodeOf(err) == cli.ExitNotFound || cli.CodeOf(err) == cli.ExitUsage, nil
	})
	return p, cmp.Or(ended, err)
}

func waitOnce(ctx context.Context, a *cli.App, name string, known *bool) (p conduct.Progress, err error) {
	c, err := a.Temporal(ctx)
	if err != nil {
		return p, err
	}
	defer c.Close()
	_, err = c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		if arc, err := a.Archive(ctx); err == nil {
			if err := elsewhere(ctx, a, c, arc, name); err != nil {
				return p, err
			}
		}
		return p, cli.NotFoundf("wait: Temporal has no sweep %q; `tailsweep list` lists the sweeps", name)
	}
	if err != nil {
		return p, fmt.Errorf("wait: %w", err)
	}
	*known = true
	_ = c.GetWorkflow(ctx, workflows.SweepID(name), "").Get(ctx, nil) // QueryProgress reads the result, or says why there is none
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	p, err = progress.QueryProgress(ctx, c, name)
	if err == nil && p.EndedAt == nil {
		err = errors.New("the sweep was continued")
	}
	return progress.Recovered(ctx, a.Archive, p), err
}
