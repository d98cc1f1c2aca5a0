package sweeps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/earlier"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/measure"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/progress"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trainerfiles"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/trialview"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/trainer/backend"
	"github.com/tailsweep/tailsweep/worker"
	"github.com/tailsweep/tailsweep/workflows"
)

// Run is the verb run: it starts a sweep and watches it.
func Run(a *cli.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run SPEC",
		Short: "Start a sweep and watch it; Ctrl-C only detaches",
		Long: `run starts the sweep of a spec and watches it. If no address is configured, it starts
the embedded stack and a local worker first, with as many training slots as
max_concurrent_trials and the machine allow, unless ` + "`tailsweep up --slots`" + ` asked for
a number. If the sweep exists already, run with the
same spec attaches to it; with another spec of the same name it lists what differs.

A spec with trainer.command needs workers that run commands. --allow-commands is for the
worker that run starts; one that runs already keeps its setting.

--from names earlier sweeps that the search learns from, as they are now. Results of the
same dataset, model, train and evaluate count as the new sweep's own; others are a prior,
which its own results outweigh. ` + "`tailsweep explain`" + ` shows which sweeps a suggestion used.`,
		Args: cli.Args(1, 1, "one spec"),
	}
	detach := cmd.Flags().BoolP("detach", "d", false, "start the sweep and return at once")
	from := earlier.Flag(cmd.Flags())
	commands := cli.AllowCommandsFlag(cmd.Flags(), "the worker that is started")
	output := cli.OutputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx := cmd.Context()
		spec, text, err := a.ReadChecked(ctx, args[0])
		if err != nil {
			return err
		}
		allow, err := commands()
		if err != nil {
			return err
		}
		files, err := a.ReadTrainer(args[0], text, spec)
		if err != nil {
			return err
		}
		return begin(ctx, &launch{app: a, spec: spec, path: args[0], text: text, files: files, from: *from, commands: allow}, *detach, output)
	}
	return cmd
}

// Begun is the output of run and rerun with --detach.
type Begun struct {
	Name     string `json:"name"`
	Workflow string `json:"workflow"`
	Run      string `json:"run"`   // of the workflow, the latest
	Ended    bool   `json:"ended"` // the sweep has ended before: nothing was started

	phase conduct.Phase // of a sweep that existed; "" where it is not known
}

// text says what the sweep does now.
func (b Begun) text() string {
	text := fmt.Sprintf("sweep %s is %s; `tailsweep watch %[1]s` follows it", b.Name, cmp.Or(b.phase, conduct.PhaseRunning))
	if b.phase == conduct.PhasePaused {
		text += fmt.Sprintf(", `tailsweep resume %s` continues it", b.Name)
	}
	return text
}

// begin starts the sweep of a spec, or attaches to it, and watches it unless detach is
// set; where the output is JSON, it waits for its end and prints the sweep's progress.
func begin(ctx context.Context, l *launch, detach bool, output *cli.Choice) error {
	a, spec := l.app, l.spec
	a.Warn(spec)
	if err := l.prepare(ctx); err != nil {
		return err
	}
	b, err := l.start(ctx)
	if err != nil {
		return err
	}
	if detach && !b.Ended {
		a.Log("%s", b.text())
	}
	switch {
	case detach && output.Value == cli.FormatJSON:
		return a.PrintJSON(b)
	case detach && !b.Ended:
		return nil
	case output.Value == cli.FormatJSON:
		return waitFor(ctx, a, spec.Name, output)
	}
	return watch(ctx, a, spec.Name)
}

// launch is what run and rerun do before a sweep starts.
type launch struct {
	app   *cli.App
	spec  *sweep.Spec
	path  string // of the file of the spec
	text  []byte
	files trainerfiles.Files // of the spec's trainer
	from  []string           // earlier sweeps of --from

	commands *bool  // --allow-commands; nil: not given
	asked    string // backend
}

// prepare refuses a name that is in use, or checks the data that is on this machine. Where no
// stack is configured it also downloads and reads the dataset, starts the embedded stack and
// prints its backend and speed.
func (l *launch) prepare(ctx context.Context) error {
	target, err := connect.Resolve(l.app.Flags)
	if err != nil {
		return err
	}
	steps := preparation{answers: !target.Embedded, look: l.look, data: l.checkData}
	if target.Embedded {
		if l.asked, err = cli.AskedBackend(); err != nil {
			return err
		}
		if err := cli.RefuseOtherBackend(l.asked); err != nil {
			return err
		}
		status, err := stack.Read("")
		if err != nil {
			return err
		}
		steps.commands = func(exists bool) error {
			if exists && status.Process(stack.ProcessWorker).Running {
				return nil // it goes on as it was started
			}
			return cli.CheckCommand(status, l.commands, l.spec)
		}
		steps.answers = target.Address() != "" && !slices.ContainsFunc(status.Processes, func(p stack.Process) bool {
			return !p.Running && p.Name != stack.ProcessWorker && p.Name != stack.ProcessPrometheus
		})
		steps.data, steps.up = l.readData, l.startStack
	}
	return steps.run(ctx)
}

// preparation has the steps of prepare. What takes long is left out for a sweep that exists.
type preparation struct {
	answers  bool                                                                      // the stack runs: its store and Temporal can be asked
	look     func(ctx context.Context) (exists bool, err error)                        // returns an error for a name that is in use
	data     func(ctx context.Context) error                                           // checks and reads the data
	commands func(exists bool) error                                                   // refuses a worker that does not run the command of the spec; nil: workers decide themselves
	up       func(ctx context.Context) (report func(context.Context) error, err error) // starts the stack; report measures this machine; nil: it is not this machine's
}

// run carries out the steps: first the look, as soon as the stack answers.
func (p preparation) run(ctx context.Context) (err error) {
	exists := false
	if p.answers {
		exists, err = p.look(ctx)
		if _, unanswered := errors.AsType[*unansweredError](err); err != nil && !unanswered {
			return err
		}
		p.answers = err == nil
	}
	if p.commands != nil {
		if err := p.commands(exists); err != nil {
			return err
		}
	}
	if !exists {
		if err := p.data(ctx); err != nil { // also where the stack does not answer
			return err
		}
	}
	report := func(context.Context) error { return nil }
	if p.up != nil {
		if report, err = p.up(ctx); err != nil {
			return err
		}
	}
	if !p.answers {
		if exists, err = p.look(ctx); err != nil {
			return err
		}
	}
	if exists {
		return nil
	}
	return report(ctx)
}

// unansweredError means that Temporal or the object store does not answer.
type unansweredError struct{ err error }

// Error implements error.
func (e *unansweredError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *unansweredError) Unwrap() error { return e.err }

// checkData checks the data. The files of the trainer have been read.
func (l *launch) checkData(ctx context.Context) error {
	spec := *l.spec
	if spec.Trainer != nil {
		trainer := *spec.Trainer
		trainer.Files, trainer.Digests = nil, nil
		spec.Trainer = &trainer
	}
	return l.app.CheckData(ctx, l.path, l.text, &spec)
}

// readData downloads, checks and reads the data.
func (l *launch) readData(ctx context.Context) error {
	if !l.spec.HasDataset() {
		return l.checkData(ctx)
	}
	if err := l.app.Download(ctx, l.spec.Dataset); err != nil {
		return err
	}
	if err := l.checkData(ctx); err != nil {
		return err
	}
	return readDataset(ctx, l.app, l.spec.Dataset)
}

// startStack starts what does not run of the embedded stack. report prints its slots, and its
// backend and speed.
func (l *launch) startStack(ctx context.Context) (report func(context.Context) error, err error) {
	a := l.app
	choice, _, err := backend.Choose(l.asked)
	if err != nil {
		return nil, err
	}
	slots, why, err := measure.Slots(l.spec, choice)
	if err != nil {
		return nil, err
	}
	before, err := stack.Read("")
	if err != nil {
		return nil, err
	}
	o := a.StackOptions()
	o.Unasked, o.Measured, o.AllowCommands = true, slots, l.commands
	status, err := stack.Up(ctx, o)
	if err != nil {
		return nil, err
	}
	a.Log("Temporal UI: %s   object store: %s   (`tailsweep status` shows all)", status.UI, status.S3)
	return func(ctx context.Context) error {
		if status.NoWorker {
			target, err := connect.Resolve(a.Flags)
			if err != nil {
				return err
			}
			c, err := a.Temporal(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			a.Log("%s", otherWorkers(ctx, c, target.Namespace(), l.spec.Resources.Queue))
			return nil
		}
		has := cmp.Or(status.WorkerSlots, max(1, len(worker.Devices())))
		if before.Process(stack.ProcessWorker).Running || has != slots {
			why = workerSlots(has, slots)
		}
		a.Log("%s", why)
		if l.spec.Trainer != nil {
			return nil // it has no backend; `tailsweep plan` measures it
		}
		return measure.ReportBackend(ctx, a, l.spec, cmp.Or(status.WorkerBackend, l.asked))
	}, nil
}

// look adds what the search learns from earlier sweeps to the spec, and reports whether start
// would attach to a sweep. The error says why it would refuse the name.
func (l *launch) look(ctx context.Context) (exists bool, err error) {
	a := l.app
	arc, err := a.Archive(ctx)
	if err != nil {
		return false, &unansweredError{err}
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return false, &unansweredError{err}
	}
	defer c.Close()
	here, err := a.Here(ctx, c)
	if err != nil {
		return false, &unansweredError{err}
	}
	target, err := connect.Resolve(a.Flags)
	if err != nil {
		return false, err
	}
	if err := target.CheckAttributes(ctx, c, workflows.SearchAttributes()); err != nil {
		return false, err
	}
	if err := arc.CheckTemporal(ctx, l.spec.Name, here); errors.As(err, new(*archive.ElsewhereError)) { // before the earlier sweeps, which say less
		return false, refusal(err)
	}
	text, lessons, err := earlier.Learn(ctx, arc, l.spec, l.text, l.from)
	if err != nil {
		return false, fmt.Errorf("run: %w", err)
	}
	l.text = text
	for _, lesson := range lessons {
		a.Log("%v", lesson)
	}
	exists, err = arc.Attaches(ctx, l.spec, here, &sweepWorkflow{client: c, spec: l.spec})
	if _, taken := errors.AsType[*archive.NameTakenError](err); taken {
		err = l.refuseOther(ctx, arc)
		return err == nil, err
	}
	return exists, refusal(err)
}

// refusal gives the errors of a name that is in use the exit code of bad input.
func refusal(err error) error {
	_, forgotten := errors.AsType[*archive.ForgottenError](err)
	_, removing := errors.AsType[*archive.RemovingError](err)
	_, remnant := errors.AsType[*archive.RemnantError](err)
	_, lost := errors.AsType[*archive.LostSpecError](err)
	switch _, elsewhere := errors.AsType[*archive.ElsewhereError](err); {
	case elsewhere:
		return cli.Usagef("%w; for another sweep choose another name, or a prefix that only this namespace uses (--s3-prefix, TAILSWEEP_S3_PREFIX)", err)
	case forgotten, removing, remnant, lost:
		return cli.ExitWith(cli.ExitUsage, err)
	}
	return err
}

// workerSlots describes the slots of a worker whose number was not chosen for this sweep, which
// could use others.
func workerSlots(has, could int) string {
	if has < could {
		return fmt.Sprintf("the running worker has %s, and this sweep could use %d: `tailsweep down`, then this command again", english.Plural(has, "training slot", ""), could)
	}
	return english.Plural(has, "training slot", "") + " of the running worker"
}

// otherWorkers says which workers do the work of a sweep on a stack without one of its own.
func otherWorkers(ctx context.Context, c client.Client, namespace, queue string) string {
	const none = "the stack runs without a worker of its own (`tailsweep up --no-worker`), and none polls the queue %s: "
	switch control, training := progress.WorkerPolls(ctx, c), progress.TrainerPolls(ctx, c, namespace, queue); {
	case !control:
		return fmt.Sprintf(none+"the sweep waits until `tailsweep up` or `tailsweep worker` starts one", workflows.ControlQueue)
	case !training:
		return fmt.Sprintf(none+"trials wait until `tailsweep up` or `tailsweep worker --only training --queue %[1]s` starts one", queue)
	}
	return "the stack runs without a worker of its own (`tailsweep up --no-worker`): the workers that poll its queues do the work"
}

// readDataset reads the images that this machine will train on, if the spec has a dataset: a
// trial finds them in the cache.
func readDataset(ctx context.Context, a *cli.App, d sweep.Dataset) error {
	if info, _ := sweep.LookupDataset(d.Name); info.BuiltIn || d.Name == "" {
		return nil
	}
	_, err := a.Load(ctx, d) // CheckData has reported what is left out
	return err
}

// start reserves the sweep's name and starts its workflow, or attaches to it.
func (l *launch) start(ctx context.Context) (Begun, error) {
	a, spec := l.app, l.spec
	b := Begun{Name: spec.Name, Workflow: workflows.SweepID(spec.Name)}
	arc, err := a.Archive(ctx)
	if err != nil {
		return b, err
	}
	c, err := a.Temporal(ctx)
	if err != nil {
		return b, err
	}
	defer c.Close()
	here, err := a.Here(ctx, c)
	if err != nil {
		return b, err
	}
	w := &sweepWorkflow{client: c, spec: spec, before: func(ctx context.Context, owner sweep.Identity) error {
		return arc.PutTrainerFiles(ctx, spec.Name, owner, l.files)
	}}
	text, err := specfile.WithPaths(l.text, spec)
	if err != nil {
		return b, err
	}
	created, err := arc.Begin(ctx, spec, text, here, w)
	if _, taken := errors.AsType[*archive.NameTakenError](err); taken {
		if created, err = false, l.refuseOther(ctx, arc); err == nil {
			_, err = w.Started(ctx)
		}
	}
	b.Run = w.runID
	switch {
	case err != nil:
		return b, refusal(err)
	case !created:
		noteChanges(ctx, a, arc, spec)
		// A sweep whose query fails still runs.
		p, err := progress.QueryProgress(ctx, c, spec.Name)
		if err == nil {
			b.phase = p.Phase
		}
		if err == nil && p.EndedAt != nil {
			a.Log("sweep %s has already ended (%s); nothing was started. %s", spec.Name, p.Phase, continuing(p))
			b.Ended = true
			return b, nil
		}
	}
	a.Log("sweep %s: workflow %s, run %s", b.Name, b.Workflow, b.Run)
	return b, nil
}

// noteChanges says that commands have changed the sweep that has a spec's name, if they have.
func noteChanges(ctx context.Context, a *cli.App, arc *archive.Archive, spec *sweep.Spec) {
	inForce, err := arc.Spec(ctx, spec.Name)
	if err != nil {
		return // the sweep says more about it
	}
	if list := conduct.Differences(spec, inForce); len(list) > 0 {
		a.Log("sweep %s was started with this spec, and commands have changed it since (`tailsweep describe %[1]s`):\n\n%s\n", spec.Name, strings.Join(differenceText(list), "\n"))
	}
}

// refuseOther lists what differs between the sweep that has a spec's name and the spec,
// and says what can be done. The error is nil where nothing differs: an edit has given the
// sweep this spec.
func (l *launch) refuseOther(ctx context.Context, arc *archive.Archive) error {
	a, spec, path := l.app, l.spec, l.path
	inForce, _, err := arc.LoadSpec(ctx, spec.Name)
	if err != nil {
		return err
	}
	changed, fixed := conduct.Edited(inForce, spec)
	if len(changed)+len(fixed) == 0 {
		return nil
	}
	a.Log("sweep %s has another spec:\n\n%s\n", spec.Name, strings.Join(differenceText(conduct.Differences(inForce, spec)), "\n"))
	if files := otherFiles(inForce.Trainer, spec.Trainer); len(files) > 0 {
		return cli.Usagef("run: the trainer's files cannot change in a sweep, and %s differs from what sweep %s was started with: give the spec another name; `tailsweep run %s --from %[2]s` then starts with the results of this one",
			strings.Join(files, ", "), spec.Name, path)
	}
	if len(fixed) > 0 {
		return cli.Usagef("run: %s cannot change in a sweep: give the spec another name; `tailsweep run %s --from %s` then starts with the results of this one",
			strings.Join(fixed, ", "), path, spec.Name)
	}
	return cli.Usagef("run: the spec differs from that of sweep %s: `tailsweep edit %[1]s %s` changes the sweep, another name starts another sweep", spec.Name, path)
}

// otherFiles lists the files of two trainers that differ.
func otherFiles(before, after *sweep.Trainer) (paths []string) {
	if before == nil || after == nil {
		return nil
	}
	for path, digest := range before.Digests {
		if after.Digests[path] != digest {
			paths = append(paths, path)
		}
	}
	for path := range after.Digests {
		if _, ok := before.Digests[path]; !ok {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// continuing says how an ended sweep can be continued.
func continuing(p conduct.Progress) string {
	how := "`tailsweep extend %[1]s --trials +N` continues it"
	if p.Phase != conduct.PhaseCompleted {
		how = "`tailsweep resume %[1]s` continues it"
	}
	return fmt.Sprintf(how+", `tailsweep rerun %[1]s` runs its spec afresh", p.Name)
}

// sweepWorkflow is the workflow of a spec's sweep in Temporal.
type sweepWorkflow struct {
	client client.Client
	spec   *sweep.Spec
	before func(ctx context.Context, owner sweep.Identity) error // stores what the trials of the sweep need
	runID  string                                                // the latest
}

// The memos of a sweep's workflow that say what it was started with.
const (
	memoDigest = "spec_digest"
	memoOwner  = "owner" // a sweep.Identity
)

// Started implements archive.Workflow.
func (w *sweepWorkflow) Started(ctx context.Context) (archive.Existing, error) {
	var existing archive.Existing
	d, err := w.client.DescribeWorkflowExecution(ctx, workflows.SweepID(w.spec.Name), "")
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return existing, nil
	}
	if err != nil {
		return existing, fmt.Errorf("look for sweep %q: %w", w.spec.Name, err)
	}
	info := d.GetWorkflowExecutionInfo()
	w.runID = info.GetExecution().GetRunId()
	status := info.GetStatus()
	existing.Ended = status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && status != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
	for name, value := range map[string]any{memoDigest: &existing.Digest, memoOwner: &existing.Owner} {
		payload, ok := info.GetMemo().GetFields()[name]
		if !ok {
			return existing, fmt.Errorf("workflow %s was not started by `tailsweep run`: it has no memo %s", workflows.SweepID(w.spec.Name), name)
		}
		if err := converter.GetDefaultDataConverter().FromPayload(payload, value); err != nil {
			return existing, fmt.Errorf("memo %s of sweep %q: %w", name, w.spec.Name, err)
		}
	}
	return existing, nil
}

// Start implements archive.Workflow.
func (w *sweepWorkflow) Start(ctx context.Context, owner sweep.Identity) error {
	if err := w.before(ctx, owner); err != nil {
		return fmt.Errorf("start sweep %q: %w", w.spec.Name, err)
	}
	options := startOptions(w.spec, w.spec.Digest(), owner)
	options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
	run, err := w.client.ExecuteWorkflow(ctx, options, workflows.TypeSweep, workflows.SweepInput{Spec: *w.spec, Digest: w.spec.Digest(), Owner: owner})
	if err != nil {
		return fmt.Errorf("start sweep %q: %w", w.spec.Name, err)
	}
	w.runID = run.GetRunID()
	return nil
}

// startOptions are the options of a sweep's workflow; digest is that of the spec that
// the sweep was first started with.
func startOptions(spec *sweep.Spec, digest string, owner sweep.Identity) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: workflows.SweepID(spec.Name), TaskQueue: workflows.ControlQueue,
		StaticSummary: fmt.Sprintf("%s, %s", spec.Method, trialview.TrialCount(spec)),
		StaticDetails: spec.Description,
		Memo:          map[string]any{memoDigest: digest, memoOwner: owner},
	}
}
