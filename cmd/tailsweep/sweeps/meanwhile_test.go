package sweeps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/connect"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
	"github.com/tailsweep/tailsweep/workflows"
)

// ran is what a verb printed.
type ran struct {
	out, log string
	err      error
}

// try runs a verb with a store and a FAKE of Temporal.
func try(t *testing.T, objects store.Store, temporal client.Client, verb func(*cli.App) *cobra.Command, args ...string) ran {
	t.Helper()
	return tryIn(t, &cli.App{Objects: objects, Workflows: temporal}, verb, args...)
}

// tryIn runs a verb of an App.
func tryIn(t *testing.T, a *cli.App, verb func(*cli.App) *cobra.Command, args ...string) ran {
	t.Helper()
	var out, log bytes.Buffer
	a.Out, a.Err = &out, &log
	a.Flags = connect.Flags{Address: "temporal:1", Endpoint: "http://store:1", Bucket: "b"}
	cmd := verb(a)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(t.Context())
	return ran{out.String(), log.String(), err}
}

// away is a store that does not answer.
type away struct{ store.Store }

var errStoreAway = &store.AccessError{Reason: block.Unreachable, Err: errAway}

func (away) Get(context.Context, string) (io.ReadCloser, store.Info, error) {
	return nil, store.Info{}, errStoreAway
}

func (away) Folders(context.Context, string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) { yield("", errStoreAway) }
}

// damagedIn is the store of clitest.Archived in which an object of the sweep done is damaged.
func damagedIn(t *testing.T, name string) store.Store {
	t.Helper()
	s := clitest.Archived(t)
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/done/"+name, strings.NewReader("{"), 1))
	return s
}

// simple are commands that need nothing of the store.
var simple = map[string][]string{
	conduct.CommandPause: nil, conduct.CommandResume: nil, conduct.CommandStop: nil, conduct.CommandCancel: nil,
	conduct.CommandExtend: {"--trials", "+1"}, conduct.CommandSet: {"--priority", "1"},
	conduct.CommandEnqueue: {"--param", "infonce.weight=0.5"}, conduct.CommandUnpin: {"1"},
}

func TestCommandsNeedOnlyTemporal(t *testing.T) {
	for title, objects := range map[string]store.Store{"state": damagedIn(t, "state.json"), "spec": damagedIn(t, "spec.json"), "away": away{}} {
		for name, args := range simple {
			f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{Name: "done", Phase: conduct.PhaseRunning})}
			r := try(t, objects, f, Steer(name), append([]string{"done"}, args...)...)
			require.NoError(t, r.err, "%s, %s", name, title)
			require.Equal(t, name, f.updates[0].UpdateName)
		}
	}
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)}
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(try(t, clitest.Archived(t), f, Steer(conduct.CommandPause), "nowhere").err))
	f = &fakeTemporal{}
	require.Equal(t, cli.ExitUsage, cli.CodeOf(try(t, clitest.Archived(t), f, Steer(conduct.CommandPause), "done/trial/000001").err))
	require.Empty(t, f.updates)
}

// A command that needs a damaged object says what to do.
func TestCommandsNameWhatIsDamaged(t *testing.T) {
	for _, object := range []string{"state.json", "spec.json"} {
		s := damagedIn(t, object)
		f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)}
		r := try(t, s, f, Steer(conduct.CommandResume), "done")
		require.ErrorContains(t, r.err, "v1/sweeps/done/"+object)
		require.ErrorContains(t, r.err, "`tailsweep doctor done")
		require.Equal(t, cli.ExitFailure, cli.CodeOf(r.err))
		require.ErrorContains(t, try(t, s, f, Steer(conduct.CommandEdit), "done", "../../../examples/quickstart.yaml").err, "`tailsweep doctor done")
	}
}

// retry and pin read the results of their trials, and not the ledger.
func TestRetryAndPinWorkWithADamagedLedger(t *testing.T) {
	s := clitest.Archived(t)
	arc := archive.New(s)
	trials, err := arc.Trials(t.Context(), "done")
	require.NoError(t, err)
	for _, trial := range trials {
		require.NoError(t, arc.PutResult(t.Context(), "done", trial))
	}
	require.NoError(t, s.Delete(t.Context(), "v1/sweeps/done/ledger/000000.jsonl"))
	f := &fakeTemporal{polled: polls, update: answers(conduct.Progress{Name: "done", Phase: conduct.PhaseRunning})}
	require.NoError(t, try(t, s, f, Steer(conduct.CommandRetry), "done", "2").err)
	require.Equal(t, 2, f.updates[0].Args[0].(conduct.Command).Retry[0].Number)
	require.ErrorContains(t, try(t, s, f, Steer(conduct.CommandPin), "done", "1").err, "the checkpoint of trial 1 is not in the store")
	require.ErrorContains(t, try(t, s, f, Steer(conduct.CommandRetry), "done", "9").err, "`tailsweep doctor done")
	for _, name := range []string{conduct.CommandRetry, conduct.CommandPin} {
		require.Equal(t, cli.ExitNotFound, cli.CodeOf(try(t, s, f, Steer(name), "nowhere", "1").err))
	}
}

// A trial that does not exist, or has not ended, is missing for retry as it is for explain.
func TestRetryOfAMissingTrial(t *testing.T) {
	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls}, name: "done", progress: conduct.Progress{Name: "done", Phase: conduct.PhaseRunning}}
	got := try(t, clitest.Archived(t), f, Steer(conduct.CommandRetry), "done", "9")
	require.EqualError(t, got.err, "sweep \"done\" has no finished trial 9; `tailsweep trials done` lists the finished trials")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(got.err))
}

// A trial that runs is not missing: retry says what can be done.
func TestRetryOfARunningTrial(t *testing.T) {
	p := conduct.Progress{Name: "done", Phase: conduct.PhaseRunning, Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 9}}}}
	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls}, name: "done", progress: p}
	got := try(t, clitest.Archived(t), f, Steer(conduct.CommandRetry), "done", "9")
	require.ErrorContains(t, got.err, "cannot retry sweep \"done\": trial 9 is running, or queued for a training slot (`tailsweep watch done`)")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(got.err))
	f.progress.Phase = conduct.PhaseTerminated
	f.progress.Digest = "1"
	got = try(t, clitest.Archived(t), f, Steer(conduct.CommandRetry), "done", "9")
	require.EqualError(t, got.err, "cannot retry sweep \"done\": trial 9 had not ended when the sweep did: `tailsweep resume done` continues it")
}

// A dry run refuses what the sweep refuses, and says where that is not known.
func TestDryRunOfAnEdit(t *testing.T) {
	text, err := specfile.Init("done", sweep.MethodGrid)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(text, "name: done", "name: done\ndescription: another", 1)), 0o600))
	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls}, name: "done", progress: conduct.Progress{Name: "done", Phase: conduct.PhaseRunning}}
	got := try(t, clitest.Archived(t), f, Steer(conduct.CommandEdit), "done", file, "--dry-run")
	require.NoError(t, got.err)
	require.Contains(t, got.out, "description")
	require.Contains(t, got.out, "\n2 of 3 finished trials fit the edited spec")
	for phase, want := range map[conduct.Phase]string{
		conduct.PhaseCancelling: "cannot edit a sweep that is cancelling: no command is valid until it has ended",
		conduct.PhaseStopping:   "cannot edit a sweep that is stopping: valid now: cancel, set, pin, unpin",
	} {
		f.progress.Phase = phase
		got = try(t, clitest.Archived(t), f, Steer(conduct.CommandEdit), "done", file, "--dry-run")
		require.EqualError(t, got.err, want)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(got.err))
	}
	f.name = "other" // no worker answers for done
	got = try(t, clitest.Archived(t), f, Steer(conduct.CommandEdit), "done", file, "--dry-run")
	require.NoError(t, got.err, "the store says that it runs")
}

// owned is a store whose sweep done belongs to another namespace.
func owned(t *testing.T) store.Store {
	t.Helper()
	s := clitest.Archived(t)
	const key = "v1/sweeps/done/spec.json"
	r, _, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	there := strings.Replace(string(data), `"namespace": "default"`, `"namespace": "theirs"`, 1)
	require.NotEqual(t, string(data), there)
	require.NoError(t, s.Put(t.Context(), key, strings.NewReader(there), int64(len(there))))
	return s
}

// The sweep of another namespace is not missing here, and `tailsweep run` does not start it: every
// verb says where it is and how to connect to it.
func TestASweepOfAnotherNamespace(t *testing.T) {
	const conflict = `the name "done" belongs to sweep `
	for name, c := range map[string]struct {
		verb func(*cli.App) *cobra.Command
		args []string
	}{
		"watch": {Watch, []string{"done"}}, "wait": {Wait, []string{"done"}}, "rm": {Rm, []string{"done", "--yes"}},
		"resume": {Steer(conduct.CommandResume), []string{"done"}}, "retry": {Steer(conduct.CommandRetry), []string{"done", "9"}},
	} {
		f := &stranger{fakeTemporal{polled: polls, update: answers(conduct.Progress{}, errClosed)}}
		got := try(t, owned(t), f, c.verb, c.args...)
		require.ErrorContains(t, got.err, conflict, name)
		require.ErrorContains(t, got.err, "connect to the sweep with --namespace theirs (TEMPORAL_NAMESPACE)", name)
		require.NotContains(t, got.err.Error(), "tailsweep run", name)
		require.Equal(t, cli.ExitUsage, cli.CodeOf(got.err), name)
	}
	got := try(t, owned(t), &stranger{fakeTemporal{polled: polls}}, Describe, "done")
	require.NoError(t, got.err)
	require.Contains(t, got.log, "the state of the sweep is unknown: "+conflict)
}

func TestListNamesTheNamespaceOfASweep(t *testing.T) {
	got := try(t, owned(t), &stranger{fakeTemporal{polled: polls}}, List)
	require.NoError(t, got.err)
	require.Regexp(t, `\ndone +unknown +3/`, got.out)
	require.Contains(t, got.out, "\ndone: the name \"done\" belongs to sweep ")
	require.Contains(t, got.out, "connect to the sweep with --namespace theirs (TEMPORAL_NAMESPACE)")
	got = try(t, clitest.Archived(t), &stranger{fakeTemporal{polled: polls}}, List)
	require.NoError(t, got.err)
	require.NotContains(t, got.out, "belongs to", "a sweep of this namespace that Temporal has forgotten")
}

// stranger is a FAKE of a Temporal that knows no workflow.
type stranger struct{ fakeTemporal }

func (*stranger) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.NewNotFound("no such workflow")
}

func (*stranger) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	return &workflowservice.ListWorkflowExecutionsResponse{}, nil
}

// blockedMemo is the memo of a sweep that is blocked.
func blockedMemo(t *testing.T) *commonpb.Memo {
	t.Helper()
	fields := map[string]*commonpb.Payload{}
	for name, text := range map[string]string{
		workflows.MemoBlocked: "cannot rank the trials (unreachable): connection refused",
		workflows.MemoHead:    "coverage.head", workflows.MemoTail: "kid.tail",
	} {
		payload, err := converter.GetDefaultDataConverter().ToPayload(text)
		require.NoError(t, err)
		fields[name] = payload
	}
	return &commonpb.Memo{Fields: fields}
}

func TestWithoutTheStoreWhatTemporalKnowsIsShown(t *testing.T) {
	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls}, name: "done", memo: blockedMemo(t), progress: conduct.Progress{
		Name: "done", Phase: conduct.PhaseRunning, Planned: 6, Finished: 2, Owner: sweep.Identity{ID: "x", Namespace: "default", Cluster: "c1", Build: "v2"},
		Objectives: []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}},
		Best:       &conduct.BestTrial{Number: 1, Metrics: map[string]float64{"fid.tail": 50}, Params: sweep.Params{"lr": sweep.Number(1)}},
	}}
	r := try(t, away{}, f, List)
	require.Equal(t, cli.ExitFailure, cli.CodeOf(r.err))
	require.Equal(t, "SWEEP  STATE    TRIALS  RUN  COVERAGE.HEAD  KID.TAIL  CREATED\n"+
		"done   running     2/6    -              -         -  -\n\n"+
		"done: blocked: cannot rank the trials (unreachable): connection refused\n", r.out)
	require.Contains(t, r.log, "only what Temporal knows is shown, since the object store does not answer: ")
	require.ErrorIs(t, try(t, away{}, nil, List).err, errAway, "neither answers")

	for title, objects := range map[string]store.Store{"away": away{}, "damaged": damagedIn(t, "state.json")} {
		r = try(t, objects, f, Describe, "done")
		require.Equal(t, cli.ExitFailure, cli.CodeOf(r.err), title)
		require.Empty(t, cli.Message(r.err))
		require.Equal(t, "done\nstarted by tailsweep v2 in namespace \"default\" on Temporal cluster c1\n"+
			"running: 2 of 6 trials\nslot time of finished trials: 0s\nbest: trial 1  fid.tail 50  lr=1\n", r.out)
		require.Contains(t, r.log, "only what Temporal knows is shown, since the object store does not give the spec: ")
	}
	require.ErrorIs(t, try(t, away{}, nil, Describe, "done").err, errAway, "neither answers")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(try(t, clitest.Archived(t), f, Describe, "nowhere").err))

	f.name = "other" // the query for done fails
	r = try(t, away{}, f, Describe, "done")
	require.Equal(t, "done\nrunning: 0 trials finished\nblocked: cannot rank the trials (unreachable): connection refused\n", r.out)
}

// A namespace that does not exist is not a sweep that failed: watch, wait and describe name it,
// and have the same exit code.
func TestWithoutTheNamespace(t *testing.T) {
	missing := fmt.Errorf("%w: %q: create it with `tailsweep setup`", connect.ErrNoNamespace, "typo")
	for name, verb := range map[string]func(*cli.App) *cobra.Command{"watch": Watch, "wait": Wait, "describe": Describe} {
		r := tryIn(t, &cli.App{Objects: clitest.Archived(t), NoWorkflows: missing}, verb, "done")
		require.Equal(t, cli.ExitNoAnswer, cli.CodeOf(r.err), name)
		require.Contains(t, cli.Message(r.err)+r.log, `namespace does not exist: "typo": create it with `+"`tailsweep setup`", name)
	}
}

// Where no worker can continue a sweep, list, describe and watch show why.
func TestAWorkflowWhoseTasksFailIsShown(t *testing.T) {
	const why = "blocked: no worker can take the next step of the sweep, it fails on worker 7@old: this worker does not know all fields"
	f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls}, name: "done", memo: blockedMemo(t), failed: "this worker does not know all fields\nof it"}
	s := clitest.Archived(t)
	r := try(t, s, f, List)
	require.NoError(t, r.err)
	require.Contains(t, r.out, "\ndone: "+why+"\n")
	r = try(t, s, f, Describe, "done")
	require.NoError(t, r.err)
	require.Contains(t, r.out, "\nrunning: 0 trials finished\n"+why+"\n")
	require.Empty(t, r.log)
	r = try(t, s, f, Describe, "done", "-o", "json")
	var d description
	require.NoError(t, json.Unmarshal([]byte(r.out), &d))
	require.Equal(t, why, d.Known.Fault)

	o, err := observe(t.Context(), &cli.App{Objects: s, Workflows: f, Flags: connect.Flags{Address: "temporal:1", Endpoint: "http://store:1", Bucket: "b"}}, "done")
	require.NoError(t, err)
	_, err = o.View(t.Context())
	require.Equal(t, why, noAnswer(err))
}
