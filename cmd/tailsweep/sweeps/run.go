package sweeps

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

// Run is the verb run: it starts a sweep and watches it.
func Run(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run SPEC",
		Short: "Start a sweep and watch it; Ctrl-C only detaches",
		Long: `run starts the sweep of a spec and watches it. Where no address is configured it
starts the embedded stack and a local worker first. Run with the same spec again, it
attaches to the existing sweep; another spec with the same name is refused.`,
		Args: cli.Args(1, 1, "one spec"),
	}
	detach := cmd.Flags().BoolP("detach", "d", false, "start the sweep and return at once")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		spec, text, err := a.ReadSpec(args[0])
		if err != nil {
			return err
		}
		a.Warn(spec)
		if err := prepare(ctx, a, spec, args[0], text); err != nil {
			return err
		}
		ended, err := start(ctx, a, spec, text)
		if err != nil {
			return err
		}
		if *detach && !ended {
			a.Log("sweep %s is running; `tailsweep watch %s` follows it", spec.Name, spec.Name)
			return nil
		}
		return watch(ctx, a, spec.Name)
	}
	return cmd
}

// prepare checks the data that is on this machine. Where no stack is configured it also
// downloads and reads the dataset, starts the embedded stack and prints its backend and
// speed.
func prepare(ctx context.Context, a *cli.App, spec *sweep.Spec, path string, text []byte) error {
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return err
	}
	if !target.Embedded {
		return a.CheckData(path, text, spec)
	}
	asked, err := cli.AskedBackend()
	if err != nil {
		return err
	}
	if err := cli.RefuseOtherBackend(asked); err != nil {
		return err
	}
	if err := a.Download(ctx, spec.Dataset); err != nil {
		return err
	}
	if err := a.CheckData(path, text, spec); err != nil {
		return err
	}
	if err := readDataset(ctx, a, spec.Dataset); err != nil {
		return err
	}
	status, err := stack.Up(ctx, a.StackOptions())
	if err != nil {
		return err
	}
	a.Log("Temporal UI: %s   object store: %s   (`tailsweep status` shows all)", status.UI, status.S3)
	return measure.ReportBackend(ctx, a, spec, cmp.Or(status.WorkerBackend, asked))
}

// readDataset reads the images that this machine will train on, so that a broken one
// is found before a trial starts.
func readDataset(ctx context.Context, a *cli.App, d sweep.Dataset) error {
	if info, _ := sweep.LookupDataset(d.Name); info.BuiltIn {
		return nil
	}
	_, err := a.Load(ctx, d) // CheckData has reported what is left out
	return err
}

// start reserves the sweep's name and starts its workflow, or attaches to it; ended
// reports that the sweep has ended before.
func start(ctx context.Context, a *cli.App, spec *sweep.Spec, text []byte) (ended bool, err error) {
	arc, err := a.Archive(ctx)
	if err != nil {
		return false, err
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return false, err
	}
	defer c.Close()
	w := &sweepWorkflow{client: c, spec: spec}
	created, err := arc.Begin(ctx, spec, text, w)
	_, taken := errors.AsType[*archive.NameTakenError](err)
	_, forgotten := errors.AsType[*archive.ForgottenError](err)
	switch {
	case taken, forgotten:
		return false, cli.ExitWith(cli.ExitUsage, err)
	case err != nil:
		return false, err
	case !created:
		// A sweep whose query fails still runs.
		if p, err := progress.QueryProgress(ctx, c, spec.Name); err == nil && p.EndedAt != nil {
			a.Log("sweep %s has ended (%s), nothing is started: to run it again give the spec another name", spec.Name, p.Phase)
			return true, nil
		}
	}
	a.Log("sweep %s: workflow %s, run %s", spec.Name, workflows.SweepID(spec.Name), w.runID)
	return false, nil
}

// sweepWorkflow is the workflow of a spec's sweep in Temporal.
type sweepWorkflow struct {
	client client.Client
	spec   *sweep.Spec
	runID  string // after Start
}

// memoDigest is the memo of a sweep's workflow with the digest of its spec.
const memoDigest = "spec_digest"

// Digest implements archive.Workflow.
func (w *sweepWorkflow) Digest(ctx context.Context) (digest string, err error) {
	d, err := w.client.DescribeWorkflowExecution(ctx, workflows.SweepID(w.spec.Name), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for sweep %q: %w", w.spec.Name, err)
	}
	payload, ok := d.GetWorkflowExecutionInfo().GetMemo().GetFields()[memoDigest]
	if !ok {
		return "", fmt.Errorf("workflow %s was not started by `tailsweep run`: it has no memo %s", workflows.SweepID(w.spec.Name), memoDigest)
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &digest); err != nil {
		return "", fmt.Errorf("memo %s of sweep %q: %w", memoDigest, w.spec.Name, err)
	}
	return digest, nil
}

// Start implements archive.Workflow.
func (w *sweepWorkflow) Start(ctx context.Context) error {
	run, err := w.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.SweepID(w.spec.Name), TaskQueue: workflows.ControlQueue,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            fmt.Sprintf("%s, %s", w.spec.Method, trialview.TrialCount(w.spec)),
		StaticDetails:            w.spec.Description,
		Memo:                     map[string]any{memoDigest: w.spec.Digest()},
	}, workflows.TypeSweep, workflows.SweepInput{Spec: *w.spec, Digest: w.spec.Digest()})
	if err != nil {
		return fmt.Errorf("start sweep %q: %w", w.spec.Name, err)
	}
	w.runID = run.GetRunID()
	return nil
}
