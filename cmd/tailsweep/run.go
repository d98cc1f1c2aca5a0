package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

func newRun(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run SPEC",
		Short: "Run a sweep and watch it; Ctrl-C only detaches",
		Long: `run starts the sweep of a spec and watches it. Where no address is configured it
starts the embedded stack and a local worker first. The same spec again attaches
to the sweep that is there; another spec of the same name is refused.`,
		Args: args(1, 1, "one spec"),
	}
	detach := cmd.Flags().BoolP("detach", "d", false, "start it and come back at once")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		spec, text, err := a.readSpec(args[0])
		if err != nil {
			return err
		}
		a.warn(spec)
		if err := a.ready(ctx, spec); err != nil {
			return err
		}
		ended, err := a.start(ctx, spec, text)
		if err != nil {
			return err
		}
		if *detach && !ended {
			a.say("sweep %s runs; `tailsweep watch %s` follows it", spec.Name, spec.Name)
			return nil
		}
		return a.watch(ctx, spec.Name)
	}
	return cmd
}

// ready starts the embedded stack when nothing else is configured, and then says
// what to expect of this machine.
func (a *app) ready(ctx context.Context, spec *sweep.Spec) error {
	target, err := connect.Resolve(a.flags)
	if err != nil || !target.Embedded {
		return err
	}
	asked, err := askedBackend()
	if err != nil {
		return err
	}
	if err := refuseOtherBackend(asked); err != nil {
		return err
	}
	if err := a.haveDataset(ctx, spec.Dataset); err != nil {
		return err
	}
	status, err := stack.Up(ctx, a.stackOptions())
	if err != nil {
		return err
	}
	a.say("Temporal UI: %s   object store: %s   all of it: `tailsweep status`", status.UI, status.S3)
	return a.expect(ctx, spec, cmp.Or(status.WorkerBackend, asked))
}

// haveDataset fetches and reads what this machine will train on: three failed trials
// later is too late.
func (a *app) haveDataset(ctx context.Context, d sweep.Dataset) error {
	if info, _ := sweep.LookupDataset(d.Name); info.BuiltIn {
		return nil
	}
	if err := a.fetch(ctx, d); err != nil {
		return err
	}
	_, err := a.loader(ctx).Load(d)
	return asBadInput(err)
}

// refuseRerun keeps a sweep from starting on another's ledger: one that has
// results, but whose workflow Temporal has forgotten, cannot be attached to.
func refuseRerun(ctx context.Context, arc *archive.Archive, c client.Client, name string) error {
	_, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
	var gone *serviceerror.NotFound
	if !errors.As(err, &gone) {
		return err
	}
	trials, err := arc.Trials(ctx, name)
	if err != nil || len(trials) == 0 {
		return err
	}
	return usagef("sweep %q has %d finished trials, but Temporal does not know it (any more, or it ran elsewhere): "+
		"look at it with `tailsweep trials %s`, or choose another name", name, len(trials), name)
}

// start reserves the sweep's name and starts its workflow, unless it is there;
// ended says that it is, and over.
func (a *app) start(ctx context.Context, spec *sweep.Spec, text []byte) (ended bool, err error) {
	arc, err := a.archive(ctx)
	if err != nil {
		return false, err
	}
	c, err := a.temporal(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	var taken *archive.NameTakenError
	created, err := arc.Reserve(ctx, spec, text)
	if errors.As(err, &taken) {
		return false, &codedError{exitUsage, err}
	}
	if err == nil && !created {
		err = refuseRerun(ctx, arc, c, spec.Name)
	}
	if err != nil {
		return false, err
	}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.SweepID(spec.Name), TaskQueue: workflows.ControlQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("%s, %s", spec.Method, plannedText(spec)),
		StaticDetails:            spec.Description,
	}, workflows.TypeSweep, workflows.SweepInput{Spec: *spec, Digest: spec.Digest()})
	if err != nil {
		return false, fmt.Errorf("start sweep %q: %w", spec.Name, err)
	}
	if !created {
		// A sweep that cannot be asked is one that still runs.
		if p, err := queryProgress(ctx, c, spec.Name); err == nil && p.EndedAt != nil {
			a.say("sweep %s has ended (%s), nothing is started: to run it again give the spec another name", spec.Name, p.Phase)
			return true, nil
		}
	}
	a.say("sweep %s: workflow %s, run %s", spec.Name, run.GetID(), run.GetRunID())
	return false, nil
}
