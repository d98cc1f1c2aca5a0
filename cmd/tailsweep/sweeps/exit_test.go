package sweeps

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/sweep/specfile"
)

// operator is a FAKE of the part of Temporal that lists search attributes: it denies that.
type operator struct {
	operatorservice.OperatorServiceClient
}

func (operator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return nil, serviceerror.NewUnimplemented("not here")
}

func (f *fakeTemporal) OperatorService() operatorservice.OperatorServiceClient { return operator{} }

// packagePrefix is what an error of a package begins with that does not speak to a user.
var packagePrefix = regexp.MustCompile(`(^|: )(archive|store|connect|conduct|specfile|space|sampler|checkpoint|activities): `)

// Each refusal has the exit code that is documented for it, and no name of a package.
func TestExitCodesOfRefusals(t *testing.T) {
	text, err := specfile.Init("done", sweep.MethodGrid)
	require.NoError(t, err)
	dir := t.TempDir()
	file := func(name string, oldnew ...string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(text)), 0o600))
		return path
	}
	same := file("same.yaml")
	changed := file("changed.yaml", "name: done", "name: done\ndescription: another")
	fixed := file("fixed.yaml", "\n  steps: ", "\n  steps: 1")
	running := conduct.Progress{Name: "done", Phase: conduct.PhaseRunning, Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 9}}}}
	cancelling := conduct.Progress{Name: "done", Phase: conduct.PhaseCancelling}
	for title, c := range map[string]struct {
		objects  store.Store // clitest.Archived if it is nil
		progress conduct.Progress
		verb     func(*cli.App) *cobra.Command
		args     []string
		code     int
		want     string
	}{
		"run of another spec":               {nil, running, Run, []string{changed, "-d"}, cli.ExitUsage, "`tailsweep edit done " + changed + "` changes the sweep"},
		"run of another training":           {nil, running, Run, []string{fixed, "-d"}, cli.ExitUsage, "cannot change in a sweep: give the spec another name"},
		"run in another namespace":          {owned(t), running, Run, []string{same, "-d"}, cli.ExitUsage, "with --namespace theirs (TEMPORAL_NAMESPACE); for another sweep choose another name"},
		"rerun under a name that is in use": {nil, running, Rerun, []string{"done", "--name", "fresh"}, cli.ExitUsage, "a sweep has this name"},
		"rerun of no sweep":                 {nil, running, Rerun, []string{"none"}, cli.ExitNotFound, "no sweep"},
		"rerun of a bad name":               {nil, running, Rerun, []string{"No Name"}, cli.ExitUsage, `sweep name "No Name" (valid: `},
		"edit without a change":             {nil, running, Steer(conduct.CommandEdit), []string{"done", same}, cli.ExitUsage, "the spec has not changed"},
		"dry run of what is fixed":          {nil, running, Steer(conduct.CommandEdit), []string{"done", fixed, "--dry-run"}, cli.ExitUsage, "cannot change, since the results of all trials depend on it"},
		"dry run while cancelling":          {nil, cancelling, Steer(conduct.CommandEdit), []string{"done", changed, "--dry-run"}, cli.ExitUsage, "cannot edit a sweep that is cancelling"},
		"dry run that passes":               {nil, running, Steer(conduct.CommandEdit), []string{"done", changed, "--dry-run"}, cli.ExitOK, ""},
		"retry of a trial that runs":        {nil, running, Steer(conduct.CommandRetry), []string{"done", "9"}, cli.ExitUsage, "trial 9 is running"},
		"retry of no trial":                 {nil, running, Steer(conduct.CommandRetry), []string{"done", "8"}, cli.ExitNotFound, "has no finished trial 8"},
		"retry of a trial that completed":   {nil, running, Steer(conduct.CommandRetry), []string{"done", "1"}, cli.ExitUsage, "trial 1 is completed"},
		"pin without a checkpoint":          {nil, running, Steer(conduct.CommandPin), []string{"done", "1"}, cli.ExitNotFound, "the checkpoint of trial 1 is not in the store"},
		"pin of a bad name":                 {nil, running, Steer(conduct.CommandPin), []string{"No Name", "1"}, cli.ExitUsage, `pin: sweep name "No Name" (valid: `},
		"rm of a sweep that runs":           {nil, running, Rm, []string{"done", "--yes"}, cli.ExitUsage, "end it first"},
		"rm of a bad name":                  {nil, running, Rm, []string{"No Name", "--yes"}, cli.ExitUsage, `sweep name "No Name" (valid: `},
		"gc of a bad name":                  {nil, running, GC, []string{"No Name"}, cli.ExitUsage, `sweep name "No Name" (valid: `},
		"gc of no sweep":                    {nil, running, GC, []string{"none"}, cli.ExitNotFound, "no sweep"},
		"describe of a bad name":            {nil, running, Describe, []string{"No Name"}, cli.ExitUsage, `sweep name "No Name" (valid: `},
		"watch of a bad name":               {nil, running, Watch, []string{"No Name"}, cli.ExitUsage, `sweep name "No Name" (valid: `},
		"watch in another namespace":        {owned(t), running, Watch, []string{"done"}, cli.ExitUsage, "connect to the sweep with --namespace theirs"},
	} {
		t.Run(title, func(t *testing.T) {
			objects := c.objects
			if objects == nil {
				objects = clitest.Archived(t)
			}
			f := &fakeQueries{fakeTemporal: fakeTemporal{polled: polls, update: answers(c.progress)}, name: "done", progress: c.progress}
			r := try(t, objects, f, c.verb, c.args...)
			require.Equal(t, c.code, cli.CodeOf(r.err), cli.Message(r.err))
			require.Contains(t, cli.Message(r.err), c.want)
			require.NotRegexp(t, packagePrefix, cli.Message(r.err)+r.log)
			require.Empty(t, f.updates)
		})
	}
}
