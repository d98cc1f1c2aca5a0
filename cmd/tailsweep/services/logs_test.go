package services

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/cli"
	"github.com/tailsweep/tailsweep/cmd/tailsweep/internal/clitest"
	"github.com/tailsweep/tailsweep/internal/archive"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// runLogs runs the verb logs.
func runLogs(t *testing.T, a cli.App, arguments ...string) (out, log string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a.Out, a.Err = &stdout, &stderr
	cmd := Logs(&a)
	cmd.SetArgs(arguments)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	err = cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

// People read lines of text, not JSON of hundreds of columns.
func TestLogOfATrialIsText(t *testing.T) {
	var out bytes.Buffer
	log := `{"type":"opened","backend":"go","device":"cpu"}
{"type":"started","steps":450,"backend":"go","device":"cpu"}
free text
{"type":"progress","step":10,"steps":450,"point":{"step":10,"loss":1.5,"ddpm":1.25},"steps_per_second":2}
{"other":1}
{"type":"profiled","path":"trace.json"}
{"type":"error","class":"bug","message":"it broke"}`
	require.NoError(t, printEvents(&cli.App{Out: &out}, strings.NewReader(log)))
	require.Equal(t, `go on cpu, step 0 of 450
free text
step 10/450  loss 1.5000  ddpm 1.2500  2.0 steps/s  3m40s left
{"other":1}
{"type":"profiled","path":"trace.json"}
bug: it broke
`, out.String())
}

func TestLogOfATrialAsItIsStored(t *testing.T) {
	objects := clitest.Archived(t)
	stored := `{"type":"opened","backend":"go"}` + "\n" + `{"type":"error","class":"bug","message":"it broke"}` + "\n"
	path := filepath.Join(t.TempDir(), "log.txt")
	require.NoError(t, os.WriteFile(path, []byte(stored), 0o600))
	require.NoError(t, archive.New(objects).PutLog(t.Context(), "done", 2, 3, path))

	out, log, err := runLogs(t, cli.App{Objects: objects}, "done", "2", "-o", "json")
	require.NoError(t, err)
	require.Equal(t, stored, out)
	require.Equal(t, "trial 2 of done, attempt 3 (of 1, 3):\n", log, "the last attempt")
	out, _, err = runLogs(t, cli.App{Objects: objects}, "done", "2")
	require.NoError(t, err)
	require.Equal(t, "bug: it broke\n", out)
	out, _, err = runLogs(t, cli.App{Objects: objects}, "done", "2", "--attempt", "1")
	require.NoError(t, err)
	require.Equal(t, "a line of the log\n", out)
	_, _, err = runLogs(t, cli.App{Objects: objects}, "done", "2", "--attempt", "2")
	require.ErrorContains(t, err, "trial 2 of done has no log of attempt 2 (valid: 1, 3)")
}

// oneSweep is a FAKE of a Temporal with one sweep, which runs.
type oneSweep struct {
	client.Client
	progress conduct.Progress
}

func (oneSweep) Close() {}

func (oneSweep) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING},
	}, nil
}

func (o oneSweep) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(o.progress)
	return client.NewValue(payloads), err
}

func TestMissingLogOfATrialThatRunsOrDoesNotExist(t *testing.T) {
	progress := conduct.Progress{Name: "done", Running: []conduct.Running{{Assignment: sweep.Assignment{Number: 4}}}}
	a := cli.App{Objects: clitest.Archived(t), Workflows: oneSweep{progress: progress}}
	_, _, err := runLogs(t, a, "done", "4")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
	require.ErrorContains(t, err, "trial 4 of done has not ended: its log is stored when its attempt ends.")
	require.ErrorContains(t, err, " done-000004-*/out/log.txt in its staging folder")
	_, _, err = runLogs(t, a, "done", "5")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
	require.ErrorContains(t, err, "sweep done has no trial 5;")
}

func TestLogOfAProcess(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TAILSWEEP_STATE_DIR", dir)
	_, _, err := runLogs(t, cli.App{}, "stack")
	require.Equal(t, cli.ExitNotFound, cli.CodeOf(err))
	require.ErrorContains(t, err, "stack has not logged anything yet (")
	_, _, err = runLogs(t, cli.App{}, "stock")
	require.Equal(t, cli.ExitUsage, cli.CodeOf(err))
	require.ErrorContains(t, err, `no process "stock" (valid: stack, worker, prometheus;`)

	path := filepath.Join(dir, "logs", "stack.log")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("first\n"), 0o600))
	out, log, err := runLogs(t, cli.App{}, "stack")
	require.NoError(t, err)
	require.Equal(t, "first\n", out)
	require.Empty(t, log)
	last := strings.Repeat("a later line of 32 characters..\n", logTail/32)
	require.NoError(t, os.WriteFile(path, []byte("first\n"+last), 0o600))
	out, log, err = runLogs(t, cli.App{}, "stack")
	require.NoError(t, err)
	require.Equal(t, last, out)
	require.Equal(t, "the last 64 KiB of "+path+":\n", log)
}
