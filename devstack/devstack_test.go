package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestMain lets the test's own binary be devstack, in a process of its own that
// can be killed.
func TestMain(m *testing.M) {
	if os.Getenv("DEVSTACK_TEST_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestStackSurvivesKill completes a workflow that was started before a kill -9, reads
// the objects again, and finds no socket that listens beyond loopback.
func TestStackSurvivesKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Temporal and an S3 service")
	}
	c := testConfig(t)
	first := launch(t, c)
	temporalBefore := dial(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	_, err := temporalBefore.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "greeting", TaskQueue: "test",
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyKeyword("TailsweepState").ValueSet("running")),
	}, greet, "tail")
	require.NoError(t, err)
	store := (&stack{config: c, keys: testKeys}).s3Client()
	require.NoError(t, putIfAbsent(ctx, store, c.Bucket, "one"))
	requireLoopback(t, first)
	require.NoError(t, get(ctx, "http://"+c.UI+"/namespaces/default/workflows"))

	require.NoError(t, first.Process.Kill())
	_ = first.Wait() // killed
	second := launch(t, c)

	w := worker.New(dial(t, c), "test", worker.Options{})
	w.RegisterWorkflow(greet)
	require.NoError(t, w.Start())
	defer w.Stop()
	var greeting string
	require.NoError(t, dial(t, c).GetWorkflow(ctx, "greeting", "").Get(ctx, &greeting))
	require.Equal(t, "hello tail", greeting)

	// S3 still has the object, and still refuses to replace it.
	var answer smithy.APIError
	err = putIfAbsent(ctx, store, c.Bucket, "two")
	require.True(t, errors.As(err, &answer), "%v", err)
	require.Equal(t, "PreconditionFailed", answer.ErrorCode())
	object, err := store.GetObject(ctx, &s3.GetObjectInput{Bucket: &c.Bucket, Key: aws.String("a/b")})
	require.NoError(t, err)
	defer func() { _ = object.Body.Close() }()
	body, err := io.ReadAll(object.Body)
	require.NoError(t, err)
	require.Equal(t, "one", string(body))

	begin := time.Now()
	require.NoError(t, second.Process.Signal(syscall.SIGTERM))
	require.NoError(t, second.Wait())
	require.Less(t, time.Since(begin), 10*time.Second)
	require.NoFileExists(t, readyFile(c.Dir))
}

// A namespace made by an older release gets the attributes that it lacks.
func TestSearchAttributesAreAdded(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Temporal and an S3 service")
	}
	c := testConfig(t)
	first := launch(t, c)
	require.NoError(t, first.Process.Kill())
	_ = first.Wait() // killed
	c.SearchAttributes["TailsweepBestTail"] = "Double"
	launch(t, c)
	_, err := dial(t, c).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "greeting", TaskQueue: "test",
		TypedSearchAttributes: temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyFloat64("TailsweepBestTail").ValueSet(12.5)),
	}, greet, "tail")
	require.NoError(t, err)
}

// By default Temporal reads a shard's tasks 20 times a second, and each step of a workflow
// waits for the next read.
func TestTasksAreReadAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Temporal and an S3 service")
	}
	c := testConfig(t)
	launch(t, c)
	w := worker.New(dial(t, c), "test", worker.Options{DisableEagerActivities: true})
	w.RegisterWorkflow(chain)
	w.RegisterActivity(nothing)
	require.NoError(t, w.Start())
	defer w.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run, err := dial(t, c).ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "chain", TaskQueue: "test"}, chain)
	require.NoError(t, err)
	require.NoError(t, run.Get(ctx, nil))

	scheduled := map[int64]time.Time{}
	var waits []time.Duration
	events := dial(t, c).GetWorkflowHistory(ctx, "chain", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		scheduled[e.GetEventId()] = e.GetEventTime().AsTime()
		if started := e.GetActivityTaskStartedEventAttributes(); started != nil {
			waits = append(waits, e.GetEventTime().AsTime().Sub(scheduled[started.GetScheduledEventId()]))
		}
	}
	require.Len(t, waits, chainLength)
	waits = waits[chainLength/2:] // the limit of the default lets the first ones pass
	slices.Sort(waits)
	require.Less(t, waits[len(waits)/2], 25*time.Millisecond, "the median wait of an activity")
}

// chainLength is how many activities a chain has.
const chainLength = 100

func chain(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	for range chainLength {
		if err := workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func nothing(context.Context) error { return nil }

func greet(_ workflow.Context, name string) (string, error) { return "hello " + name, nil }

var testKeys = keys{Access: "tailsweep-test", Secret: "not-a-secret-0123456789"}

// testConfig is a stack on free ports in a temporary folder. Prometheus, and
// MinIO instead of versitygw, take part where DEVSTACK_TEST_PROMETHEUS and
// DEVSTACK_TEST_MINIO name them.
func testConfig(t *testing.T) config {
	t.Helper()
	address := func() string { return freeAddress(t) }
	dir := filepath.Join(t.TempDir(), "a state?folder") // part of a URI on the way to SQLite
	require.NoError(t, os.Mkdir(dir, 0o700))
	c := config{
		Dir: dir, Namespace: "default", SearchAttributes: map[string]string{"TailsweepState": "Keyword"},
		Credentials: filepath.Join(dir, "credentials.json"), Bucket: "tailsweep",
		Temporal: address(), UI: address(),
		S3: s3Config{Kind: kindVersitygw, Address: address()},
	}
	if minio := os.Getenv("DEVSTACK_TEST_MINIO"); minio != "" {
		c.S3 = s3Config{Kind: kindMinIO, Address: c.S3.Address, Binary: minio, Console: address()}
	}
	if prometheus := os.Getenv("DEVSTACK_TEST_PROMETHEUS"); prometheus != "" {
		c.Prometheus = prometheusConfig{Binary: prometheus, Address: address(), Targets: []string{address()}}
	}
	writeTestJSON(t, c.Credentials, map[string]string{"access_key": testKeys.Access, "secret_key": testKeys.Secret})
	return c
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freePort("127.0.0.1")
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

func writeTestJSON(t *testing.T, file string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, b, 0o600))
}

// launch starts devstack as a process and waits until it is ready.
func launch(t *testing.T, c config) *exec.Cmd {
	t.Helper()
	file := filepath.Join(c.Dir, "config.json")
	writeTestJSON(t, file, c)
	cmd := exec.Command(os.Args[0], "--config", file)
	cmd.Env = append(os.Environ(), "DEVSTACK_TEST_RUN=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begin := time.Now()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill() // ended by the test, mostly
			_ = cmd.Wait()
		}
		if t.Failed() {
			t.Log(out.String())
		}
		require.NotContains(t, out.String(), testKeys.Secret)
	})
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(readyFile(c.Dir))
		return err == nil && strings.Contains(string(b), fmt.Sprintf(`"pid": %d,`, cmd.Process.Pid))
	}, time.Minute, 10*time.Millisecond, "not ready")
	t.Logf("ready after %s", time.Since(begin).Round(time.Millisecond))
	return cmd
}

func dial(t *testing.T, c config) client.Client {
	t.Helper()
	cl, err := client.Dial(client.Options{HostPort: c.Temporal})
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

func putIfAbsent(ctx context.Context, c *s3.Client, bucket, body string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String("a/b"), Body: strings.NewReader(body), IfNoneMatch: aws.String("*"),
	})
	return err
}

// requireLoopback fails if the process or one of its children listens beyond
// loopback.
func requireLoopback(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	listening := listenersOf(t, cmd)
	for _, address := range listening {
		host, _, _ := strings.Cut(address, ":")
		// As the kernel writes 127.0.0.1, and ::1.
		loopback := host == "0100007F" || host == "00000000000000000000000001000000"
		require.True(t, loopback, "devstack listens at %s", address)
	}
	// Frontend, history, matching, worker, UI, S3.
	require.GreaterOrEqual(t, len(listening), 6)
}

// listenersOf returns the listeners of the process and its children.
func listenersOf(t *testing.T, cmd *exec.Cmd) []string {
	t.Helper()
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skip("no /proc here")
	}
	found := listeners(t, strconv.Itoa(cmd.Process.Pid))
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", cmd.Process.Pid))
	require.NoError(t, err)
	for _, file := range children {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, pid := range strings.Fields(string(b)) {
			found = append(found, listeners(t, pid)...)
		}
	}
	return found
}

// listeners returns the local addresses, host:port in hexadecimal, of a process's
// listening TCP sockets.
func listeners(t *testing.T, pid string) []string {
	t.Helper()
	open := map[string]bool{}
	fds, err := filepath.Glob("/proc/" + pid + "/fd/*")
	require.NoError(t, err)
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil {
			open[target] = true
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile("/proc/" + pid + "/net/" + table)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && open["socket:["+f[9]+"]"] {
				found = append(found, f[1])
			}
		}
	}
	return found
}

// requireComesBack kills a child and waits until SIGHUP has started it again.
func requireComesBack(t *testing.T, c config, devstack *exec.Cmd, pid func(ready) int) {
	t.Helper()
	before := pid(readReady(t, c.Dir))
	require.NotZero(t, before)
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	require.NoError(t, devstack.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(readyFile(c.Dir))
		var r ready
		return err == nil && json.Unmarshal(b, &r) == nil && pid(r) != 0 && pid(r) != before
	}, 30*time.Second, 10*time.Millisecond)
}
