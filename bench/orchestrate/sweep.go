package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

// sweepName is the name of every measured sweep: each has a stack of its own.
const sweepName = "bench"

// spec is the spec of a scenario. The child sleeps a millisecond a step.
func (c scenario) spec() string {
	return fmt.Sprintf(`apiVersion: tailsweep/v1
name: %s
method: %s
dataset: {name: fashion-mnist-10k, size: 16}
model: {arch: unet, width: 16, depth: 1}
train: {steps: %d}
parameters:
  infonce.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
  alignment.weight: {distribution: log_uniform_values, min: 1e-3, max: 3}
  lr: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
metrics:
  - name: fid.tail
max_concurrent_trials: %d
budget: {run_cap: %d}
`, sweepName, c.Method, int(c.Sleep*1000), c.Slots, c.Trials)
}

// measured is a stack of its own with a worker whose children sleep.
type measured struct {
	dir     string
	program string // tailsweep
	status  stack.Status
	environ []string
	pids    map[string]int
}

// runSweep runs the scenario on a stack of its own.
func (p programs) runSweep(ctx context.Context, r *result) (err error) {
	p, err = p.absolute()
	if err != nil {
		return err
	}
	if r.Machine.Version, err = version(ctx, p.tailsweep); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tailsweep-orchestrate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m := &measured{dir: filepath.Join(dir, "state"), program: p.tailsweep}
	m.status, err = stack.Up(ctx, stack.Options{
		Dir: m.dir, Worker: true, NoPrometheus: true, Out: os.Stderr, Executable: p.tailsweep,
		Slots:            r.Slots,
		WorkerArgs:       []string{"--trainer", p.sleeper, "--staging", filepath.Join(dir, "staging")},
		SearchAttributes: workflows.SearchAttributes(),
	})
	defer func() { err = errors.Join(err, stack.Down(context.WithoutCancel(ctx), m.dir, os.Stderr)) }()
	if err != nil {
		return err
	}
	if err := m.setEnviron(m.status.Temporal); err != nil {
		return err
	}
	m.pids = map[string]int{"worker": m.status.Process(stack.ProcessWorker).PID, "stack": m.status.Process(stack.ProcessStack).PID}

	spec := filepath.Join(dir, "spec.yaml")
	if err := os.WriteFile(spec, []byte(r.spec()), 0o600); err != nil {
		return err
	}
	c, err := client.Dial(client.Options{HostPort: m.status.Temporal, Namespace: stack.Namespace})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := m.play(ctx, r, c, spec); err != nil {
		return err
	}
	return m.look(ctx, r, c)
}

// play runs the sweep to its end, and measures the processes meanwhile.
func (m *measured) play(ctx context.Context, r *result, c client.Client, spec string) error {
	before, err := m.costs()
	if err != nil {
		return err
	}
	began, err := readCPU(os.Getpid())
	if err != nil {
		return err
	}
	requests, err := m.requests(ctx)
	if err != nil {
		return err
	}
	if _, err := m.command(ctx, "run", "--detach", spec); err != nil {
		return err
	}
	if err := m.await(ctx, c, sweepName); err != nil {
		return err
	}
	after, err := m.costs()
	if err != nil {
		return err
	}
	if err := m.spent(r, before, after, began); err != nil {
		return err
	}
	sent, err := m.requests(ctx)
	if err != nil {
		return err
	}
	r.Requests = map[string]float64{}
	for method, n := range sent {
		r.Requests[method] = (n - requests[method]) / float64(r.Trials)
	}
	return nil
}

// setEnviron sets the environment of commands to the object store of m and to a Temporal.
func (m *measured) setEnviron(temporal string) error {
	key, secret, err := stack.Credentials(m.dir)
	if err != nil {
		return err
	}
	m.environ = append(os.Environ(),
		"TEMPORAL_ADDRESS="+temporal, address.EndpointVariable+"="+m.status.S3, address.BucketVariable+"="+m.status.Bucket,
		"AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret, folder.StateVariable+"="+m.dir, "NO_COLOR=1")
	return nil
}

// spent fills in what the processes took between two readings of their processor time, and
// what other processes had of the machine's since began.
func (m *measured) spent(r *result, before, after map[string]float64, began cpu) error {
	n := float64(r.Trials)
	r.CPU, r.Memory = map[string]float64{}, map[string]int64{}
	for name, cost := range after {
		r.CPU[name] = 1000 * (cost - before[name]) / n
	}
	others, err := began.others(sum(r.CPU) * n / 1000)
	if err != nil {
		return err
	}
	r.Others = &others
	for name, pid := range m.pids {
		if r.Memory[name], err = peak(pid); err != nil {
			return err
		}
	}
	return nil
}

// await returns when a sweep has completed.
func (m *measured) await(ctx context.Context, c client.Client, name string) error {
	return retry.Until(ctx, 500*time.Millisecond, func() (bool, error) {
		d, err := c.DescribeWorkflowExecution(ctx, workflows.SweepID(name), "")
		if err != nil {
			return false, err
		}
		switch status := d.GetWorkflowExecutionInfo().GetStatus(); status {
		case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
			return true, nil
		case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
			return false, nil
		default:
			return false, fmt.Errorf("sweep %s ended as %v: %w", name, status, c.GetWorkflow(ctx, workflows.SweepID(name), "").Get(ctx, nil))
		}
	})
}

// costs is the processor time of the worker, its children and the stack, in seconds.
func (m *measured) costs() (map[string]float64, error) {
	costs := map[string]float64{}
	for name, pid := range m.pids {
		c, err := readCPU(pid)
		if err != nil {
			return nil, err
		}
		costs[name] = c.own
		costs["children"] += c.children
	}
	return costs, nil
}

// requestLine is a line of the worker's metrics.
var requestLine = regexp.MustCompile(`(?m)^tailsweep_store_requests_total\{method="(\w+)"\} (\S+)$`)

// requests counts the worker's requests to the object store, by HTTP method.
func (m *measured) requests(ctx context.Context) (map[string]float64, error) {
	text, err := page(ctx, m.status.WorkerMetrics)
	if err != nil {
		return nil, fmt.Errorf("metrics of the worker: %w", err)
	}
	sent := map[string]float64{}
	return sent, addLines(text, requestLine, sent)
}

// addLines adds the value of each line of metrics to the sum of its label.
func addLines(text []byte, line *regexp.Regexp, sums map[string]float64) error {
	for _, match := range line.FindAllSubmatch(text, -1) {
		n, err := strconv.ParseFloat(string(match[2]), 64)
		if err != nil {
			return fmt.Errorf("%s: %w", match[0], err)
		}
		sums[string(match[1])] += n
	}
	return nil
}

// page reads a URL.
func page(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	return io.ReadAll(answer.Body)
}

// times returns when trials started and ended, in seconds, and counts those that failed.
func (r *result) times(trials []sweep.Trial) (starts, ends []float64) {
	for _, t := range trials {
		starts, ends = append(starts, seconds(t.StartedAt)), append(ends, seconds(t.FinishedAt))
		if t.Status != sweep.StatusCompleted {
			r.Failed++
		}
	}
	return starts, ends
}

// look reads the finished sweep: its trials, its histories, and the time that verbs take.
func (m *measured) look(ctx context.Context, r *result, c client.Client) error {
	r.Verbs = map[string]float64{}
	var trials []sweep.Trial
	for _, verb := range [][]string{
		{"trials", sweepName, "-o", "json"}, {"best", sweepName}, {"list"},
		{"report", sweepName, "--to", filepath.Join(filepath.Dir(m.dir), "report.html")},
	} {
		began := time.Now()
		out, err := m.command(ctx, verb...)
		if err != nil {
			return err
		}
		r.Verbs[verb[0]] = time.Since(began).Seconds()
		if verb[0] == "trials" {
			if err := json.Unmarshal(out, &trials); err != nil {
				return fmt.Errorf("tailsweep trials: %w", err)
			}
		}
	}
	if len(trials) != r.Trials {
		return fmt.Errorf("%d trials are in the ledger, want %d", len(trials), r.Trials)
	}
	starts, ends := r.times(trials)
	if err := r.pace(starts, ends); err != nil {
		return err
	}
	var err error
	if r.Stored, err = file.FolderSize(filepath.Join(m.dir, "s3")); err != nil {
		return err
	}
	if r.Database, err = file.FolderSize(filepath.Join(m.dir, "temporal")); err != nil {
		return err
	}
	r.History, err = readHistory(ctx, c, sweepName, r.Trials)
	return err
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// command runs a verb of tailsweep and returns its output.
func (m *measured) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, m.program, args...)
	cmd.Env = m.environ
	var out, message bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &message
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("tailsweep %s: %w\n%s", strings.Join(args, " "), err, message.String())
	}
	return out.Bytes(), nil
}

// version is the version that a tailsweep prints.
func version(ctx context.Context, program string) (string, error) {
	out, err := exec.CommandContext(ctx, program, "version", "-o", "json").Output()
	if err != nil {
		return "", fmt.Errorf("tailsweep version: %w", err)
	}
	var v struct {
		Version string `json:"version"`
	}
	return v.Version, json.Unmarshal(out, &v)
}
