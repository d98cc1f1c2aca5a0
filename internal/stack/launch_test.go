package stack

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/file"
)

// started starts a stack of fakes.
func started(t *testing.T, o Options) (Options, Status) {
	t.Helper()
	o = fakes(t, o, "fine")
	s, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	return o, s
}

func fakes(t *testing.T, o Options, mode string) Options {
	t.Helper()
	t.Setenv(fakeEnv, mode)
	o.Dir, o.Executable, o.Out = t.TempDir(), os.Args[0], io.Discard
	o.SearchAttributes = map[string]string{"TailsweepState": "Keyword"}
	t.Cleanup(func() { require.NoError(t, Down(context.Background(), o.Dir, nil)) })
	return o
}

func fakePrograms(string) (programs, error) { return programs{devstack: os.Args[0]}, nil }

func TestUpReturnsAddressesAndProcesses(t *testing.T) {
	o, s := started(t, Options{Worker: true, WorkerArgs: []string{"--only", "training"}, Slots: 2, Backend: "go"})

	require.True(t, s.Process(ProcessStack).Running)
	require.True(t, s.Process(ProcessWorker).Running)
	require.False(t, s.Process(ProcessPrometheus).Running)
	require.Empty(t, s.Prometheus)
	require.Equal(t, "go", s.WorkerBackend)
	require.Equal(t, 2, s.WorkerSlots)
	require.Equal(t, S3Versitygw, s.S3Kind)
	for _, address := range []string{s.Temporal, strings.TrimPrefix(s.UI, "http://"), strings.TrimPrefix(s.S3, "http://")} {
		require.Contains(t, s.Process(ProcessStack).Addresses, address)
		conn, err := net.Dial("tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}

	b, err := os.ReadFile(notes(layout(o.Dir)))
	require.NoError(t, err)
	require.Equal(t, "worker args --only training --slots 2\n", string(b))
	env := workerSaw(t, o.Dir)
	access, secret, err := Credentials(o.Dir)
	require.NoError(t, err)
	for name, want := range map[string]string{
		"TEMPORAL_ADDRESS": s.Temporal, "TEMPORAL_NAMESPACE": "default", "TAILSWEEP_S3_ENDPOINT": s.S3,
		"TAILSWEEP_S3_BUCKET": s.Bucket, "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret,
		"TAILSWEEP_BACKEND": "go", "TAILSWEEP_STATE_DIR": o.Dir,
	} {
		require.Equal(t, want, env[name], name)
	}
}

func workerSaw(t *testing.T, dir string) map[string]string {
	t.Helper()
	var list []string
	require.NoError(t, file.ReadJSON(layout(dir).path("environ.json"), &list))
	env := map[string]string{}
	for _, kv := range list {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return env
}

func TestWorkerEnvironLeavesOtherServicesOut(t *testing.T) {
	env := workerEnviron([]string{
		"PATH=/bin", "TEMPORAL_API_KEY=x", "TEMPORAL_PROFILE=cloud", "AWS_PROFILE=work", "AWS_SESSION_TOKEN=x", "TAILSWEEP_S3_PREFIX=p",
	}, layout("/state"), setup{}, keys{}, "")
	require.Contains(t, env, "PATH=/bin")
	require.Contains(t, env, "TEMPORAL_CONFIG_FILE="+os.DevNull)
	for _, kv := range env {
		for _, other := range []string{"API_KEY", "PROFILE", "SESSION_TOKEN", "PREFIX", "BACKEND"} {
			require.NotContains(t, kv, other)
		}
	}
}

// Read returns the worker's backend, whether the environment names one or not.
func TestReadReturnsTheWorkersBackend(t *testing.T) {
	for env, want := range map[string]string{"": "auto", "xla:cpu": "xla:cpu"} {
		t.Setenv("TAILSWEEP_BACKEND", env)
		_, s := started(t, Options{Worker: true})
		require.Equal(t, want, s.WorkerBackend)
	}
}

func TestUpIsIdempotent(t *testing.T) {
	o, first := started(t, Options{Worker: true})
	again, err := up(t.Context(), o, func(string) (programs, error) {
		t.Error("programs are not needed when the stack runs")
		return programs{}, nil
	})
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestUpSaysThatARunningWorkerKeepsItsSettings(t *testing.T) {
	o, _ := started(t, Options{Worker: true, Backend: "go"})
	for name, c := range map[string]struct {
		backend string
		slots   int
		warned  bool
	}{
		"no wish": {"", 0, false}, "its backend": {"go", 0, false}, "a backend": {"xla:cpu", 0, true}, "slots": {"", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			o.Out, o.Backend, o.Slots = &out, c.backend, c.slots
			_, err := up(t.Context(), o, fakePrograms)
			require.NoError(t, err)
			require.Equal(t, c.warned, strings.Contains(out.String(), "keeps its settings; `tailsweep down` first"), out.String())
		})
	}
}

// A worker that was killed is started again with its settings, unless others are asked for.
func TestUpKeepsTheSettingsOfADeadWorker(t *testing.T) {
	o, before := started(t, Options{Worker: true, Slots: 2, Backend: "go"})
	for _, c := range []struct {
		slots   int
		backend string
		want    string
	}{
		{0, "", "2 go the worker has the settings it had before: --slots 2, --backend go\n"},
		{3, "", "3 go the worker has the settings it had before: --backend go\n"},
		{0, "xla:cpu", "3 xla:cpu the worker has the settings it had before: --slots 3\n"},
		{1, "go", "1 go "},
	} {
		require.NoError(t, syscall.Kill(before.Process(ProcessWorker).PID, syscall.SIGKILL))
		var out bytes.Buffer
		o.Out, o.Slots, o.Backend = &out, c.slots, c.backend
		after, err := up(t.Context(), o, fakePrograms)
		require.NoError(t, err)
		_, said, _ := strings.Cut(out.String(), "starting it again\n")
		require.Equal(t, c.want, fmt.Sprintf("%d %s %s", after.WorkerSlots, after.WorkerBackend, said))
		before = after
	}
	require.NoError(t, Down(t.Context(), o.Dir, nil))
	o.Slots, o.Backend = 0, ""
	after, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.Zero(t, after.WorkerSlots, "after a stop it starts afresh")
}

// A worker runs commands of specs only where somebody asked for it, and by an argument alone.
func TestWorkerRunsCommandsWhenAsked(t *testing.T) {
	t.Setenv(CommandsVariable, "1") // of the shell that starts the stack, which must ask itself
	o, before := started(t, Options{Worker: true})
	require.False(t, before.RunsCommands)
	require.NotContains(t, workerSaw(t, o.Dir), CommandsVariable)

	var out bytes.Buffer
	o.Out, o.AllowCommands = &out, new(true)
	s, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.False(t, s.RunsCommands, "the running worker")
	require.Contains(t, out.String(), "the running worker keeps its settings")

	for _, c := range []struct {
		name      string
		asked     *bool
		want      bool
		said, arg string
	}{
		{"down", new(true), true, "", " --allow-commands"},
		{"kill", nil, true, "the worker has the settings it had before: --allow-commands\n", " --allow-commands"},
		{"kill", new(false), false, "", ""},
		{"kill", nil, false, "", ""},
		{"kill", new(true), true, "", " --allow-commands"},
		{"down", nil, false, "", ""},
	} {
		if c.name == "down" {
			require.NoError(t, Down(t.Context(), o.Dir, nil))
		} else {
			require.NoError(t, syscall.Kill(s.Process(ProcessWorker).PID, syscall.SIGKILL))
		}
		out.Reset()
		o.AllowCommands = c.asked
		s, err = up(t.Context(), o, fakePrograms)
		require.NoError(t, err)
		require.Equal(t, c.want, s.RunsCommands)
		_, said, _ := strings.Cut(out.String(), "starting it again\n")
		require.Equal(t, c.said, said)
		b, err := os.ReadFile(notes(layout(o.Dir)))
		require.NoError(t, err)
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		require.Equal(t, "worker args"+c.arg, lastWith(lines, "worker args"))
	}
}

// lastWith returns the last line that begins with a text.
func lastWith(lines []string, begin string) string {
	for _, l := range slices.Backward(lines) {
		if strings.HasPrefix(l, begin) {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

// The slots that a user asked for survive a dead worker, also where others are measured.
// Measured ones give way to those that are measured next.
func TestSlotsOfADeadWorker(t *testing.T) {
	o, before := started(t, Options{Worker: true, Slots: 3})
	for _, c := range []struct {
		name            string
		asked, measured int
		want            int
		said            string
	}{
		{"run", 0, 5, 3, "the worker has the settings it had before: --slots 3\n"},
		{"run again", 0, 4, 3, "the worker has the settings it had before: --slots 3\n"},
		{"up with others", 2, 0, 2, ""},
		{"up", 0, 0, 2, "the worker has the settings it had before: --slots 2\n"},
		{"run after both", 0, 7, 2, "the worker has the settings it had before: --slots 2\n"},
		{"down", 0, 4, 4, ""},
		{"another sweep", 0, 5, 5, ""},
		{"up, with nothing measured", 0, 0, 5, "the worker has the settings it had before: --slots 5\n"},
		{"still measured", 0, 6, 6, ""},
		{"up with the slots that run", 6, 0, 6, ""},
		{"run, now that they were asked for", 0, 1, 6, "the worker has the settings it had before: --slots 6\n"},
	} {
		switch c.name {
		case "down":
			require.NoError(t, Down(t.Context(), o.Dir, nil))
		case "up with the slots that run":
		default:
			require.NoError(t, syscall.Kill(before.Process(ProcessWorker).PID, syscall.SIGKILL))
		}
		var out bytes.Buffer
		o.Out, o.Slots, o.Measured = &out, c.asked, c.measured
		after, err := up(t.Context(), o, fakePrograms)
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, after.WorkerSlots, c.name)
		_, said, _ := strings.Cut(out.String(), "starting it again\n")
		require.Equal(t, c.said, said, c.name)
		before = after
	}
}

// A killed process is started again on the same ports; a running one is left alone.
func TestUpStartsMissingProcesses(t *testing.T) {
	for _, tt := range []struct{ killed, kept string }{
		{ProcessWorker, ProcessStack},
		{ProcessStack, ProcessWorker},
	} {
		t.Run(tt.killed, func(t *testing.T) {
			o, before := started(t, Options{Worker: true})
			require.NoError(t, syscall.Kill(before.Process(tt.killed).PID, syscall.SIGKILL))
			require.Eventually(t, func() bool {
				s, err := Read(o.Dir)
				return err == nil && !s.Process(tt.killed).Running
			}, 5*time.Second, 5*time.Millisecond)

			s, err := Read(o.Dir)
			require.NoError(t, err)
			require.True(t, s.Process(tt.killed).Dead)
			require.False(t, s.Process(tt.kept).Dead)

			var out bytes.Buffer
			o.Out = &out
			after, err := up(t.Context(), o, fakePrograms)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("%s (pid %d) had ended: starting it again\n", tt.killed, before.Process(tt.killed).PID), out.String())
			require.False(t, after.Process(tt.killed).Dead)
			require.NotEqual(t, before.Process(tt.killed).PID, after.Process(tt.killed).PID)
			require.Equal(t, before.Process(tt.kept).PID, after.Process(tt.kept).PID)
			require.Equal(t, before.Temporal, after.Temporal)
			require.Equal(t, before.WorkerMetrics, after.WorkerMetrics)
		})
	}
}

// A child of devstack is started again by devstack, which up asks to.
func TestUpStartsDeadChildren(t *testing.T) {
	o := fakes(t, Options{}, "fine")
	get := func(string) (programs, error) { return programs{devstack: os.Args[0], prometheus: "sleep"}, nil }
	before, err := up(t.Context(), o, get)
	require.NoError(t, err)
	killed := before.Process(ProcessPrometheus)
	require.True(t, killed.Running)
	require.NoError(t, syscall.Kill(killed.PID, syscall.SIGKILL))
	s, err := Read(o.Dir)
	require.NoError(t, err)
	require.True(t, s.Process(ProcessPrometheus).Dead, "at once")
	require.Empty(t, s.Prometheus)

	var out bytes.Buffer
	o.Out = &out
	after, err := up(t.Context(), o, get)
	require.NoError(t, err)
	require.Equal(t, "prometheus had ended: starting it again\n", out.String())
	require.NotEqual(t, killed.PID, after.Process(ProcessPrometheus).PID)
	require.Equal(t, before.Prometheus, after.Prometheus)
	require.Equal(t, before.Process(ProcessStack).PID, after.Process(ProcessStack).PID)

	require.NoError(t, Down(t.Context(), o.Dir, nil))
	s, err = Read(o.Dir)
	require.NoError(t, err)
	for _, p := range s.Processes {
		require.False(t, p.Dead, "%s was stopped", p.Name)
	}
}

// A stack that was started without a worker gets one when a user asks for it, and not
// because a sweep is started.
func TestUnaskedWorkerIsNotStarted(t *testing.T) {
	o, s := started(t, Options{})
	require.True(t, s.NoWorker)
	o.Worker, o.Unasked = true, true
	s, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.False(t, s.Process(ProcessWorker).Running)
	require.True(t, s.NoWorker)

	require.NoError(t, syscall.Kill(s.Process(ProcessStack).PID, syscall.SIGKILL))
	s, err = up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.True(t, s.NoWorker, "also after the stack was killed")
	require.False(t, s.Process(ProcessWorker).Running)

	o.Unasked = false
	s, err = up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.False(t, s.NoWorker)
	require.NoError(t, syscall.Kill(s.Process(ProcessWorker).PID, syscall.SIGKILL))
	o.Unasked = true
	s, err = up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.True(t, s.Process(ProcessWorker).Running, "a worker that was asked for comes back")

	require.NoError(t, Down(t.Context(), o.Dir, nil))
	s, err = up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.True(t, s.Process(ProcessWorker).Running, "a new stack has one")
}

// A process that was just killed still has its pid and ports: `up` must not treat
// it as running.
func TestUpAfterAKillStartsAgain(t *testing.T) {
	o, s := started(t, Options{Worker: true})
	for range 5 {
		for _, name := range []string{ProcessStack, ProcessWorker} {
			require.NoError(t, syscall.Kill(s.Process(name).PID, syscall.SIGKILL))
		}
		again, err := up(t.Context(), o, fakePrograms)
		require.NoError(t, err)
		for _, name := range []string{ProcessStack, ProcessWorker} {
			require.True(t, again.Process(name).Running)
			require.NotEqual(t, s.Process(name).PID, again.Process(name).PID, name)
		}
		s = again
	}
}

// A worker whose ports other processes use by now is started again.
func TestUpReplacesTakenPorts(t *testing.T) {
	o, before := started(t, Options{Worker: true, Slots: 2})
	o.Slots = 0
	require.NoError(t, syscall.Kill(before.Process(ProcessStack).PID, syscall.SIGKILL))
	var taken net.Listener
	require.Eventually(t, func() bool {
		var err error
		taken, err = net.Listen("tcp", before.Temporal)
		return err == nil
	}, 5*time.Second, 5*time.Millisecond)
	defer func() { _ = taken.Close() }()

	after, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.NotEqual(t, before.Temporal, after.Temporal)
	require.Equal(t, before.S3, after.S3)
	require.NotEqual(t, before.Process(ProcessWorker).PID, after.Process(ProcessWorker).PID)
	require.Equal(t, after.Temporal, workerSaw(t, o.Dir)["TEMPORAL_ADDRESS"])
	require.Equal(t, 2, after.WorkerSlots)
}

// Another process takes the port of Temporal after it was chosen: some times, and each time.
func TestUpChoosesAgainWhenAPortIsTaken(t *testing.T) {
	for name, c := range map[string]struct{ taken, starts int }{
		"twice":     {2, 3},
		"each time": {portTries, portTries},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "up") // short enough for a socket
			require.NoError(t, err)
			defer func() { require.NoError(t, os.RemoveAll(dir)) }()
			socket := filepath.Join(dir, "s")
			asked, err := net.Listen("unix", socket)
			require.NoError(t, err)
			o := fakes(t, Options{}, "devstack-waits="+socket)
			var addresses []string
			served := make(chan error, 1)
			go func() { served <- takePorts(asked, c.taken, &addresses) }()

			s, err := up(t.Context(), o, fakePrograms)
			require.NoError(t, asked.Close())
			require.ErrorIs(t, <-served, net.ErrClosed)
			require.Len(t, addresses, c.starts)
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(addresses))), c.starts, "each start has another port")
			if c.taken == portTries {
				require.ErrorIs(t, err, syscall.EADDRINUSE)
				require.NoFileExists(t, layout(o.Dir).setup())
				return
			}
			require.NoError(t, err)
			require.Equal(t, addresses[c.starts-1], s.Temporal)
		})
	}
}

// takePorts listens at the first addresses that fakes announce, until asked is closed.
func takePorts(asked net.Listener, n int, addresses *[]string) error {
	for {
		conn, err := asked.Accept()
		if err != nil {
			return err
		}
		address, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			return err
		}
		address = strings.TrimSpace(address)
		if *addresses = append(*addresses, address); len(*addresses) <= n {
			taken, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			defer func() { _ = taken.Close() }()
		}
		if err := conn.Close(); err != nil {
			return err
		}
	}
}

func TestDownStopsTheWorkerFirst(t *testing.T) {
	o, _ := started(t, Options{Worker: true})
	require.NoError(t, Down(t.Context(), o.Dir, nil))
	b, err := os.ReadFile(notes(layout(o.Dir)))
	require.NoError(t, err)
	require.Equal(t, "worker args \nworker stopped\nstack stopped\n", string(b))

	s, err := Read(o.Dir)
	require.NoError(t, err)
	for _, p := range s.Processes {
		require.False(t, p.Running, p.Name)
	}
	require.Empty(t, s.Temporal+s.UI+s.S3+s.WorkerMetrics+s.WorkerBackend)
	require.NoError(t, Down(t.Context(), o.Dir, nil), "again")
}

func TestUpShowsTheLogOfAFailedProcess(t *testing.T) {
	for _, tt := range []struct{ mode, process, message string }{
		{"devstack-fails", ProcessStack, "fake devstack: the port is taken"},
		{"worker-fails", ProcessWorker, "fake worker: no such backend"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			o := fakes(t, Options{Worker: true}, tt.mode)
			_, err := up(t.Context(), o, fakePrograms)
			require.ErrorContains(t, err, tt.process+" ended with exit status 3 before it was ready")
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestUpRefusesAnotherS3(t *testing.T) {
	o, _ := started(t, Options{})
	o.S3 = S3MinIO
	_, err := up(t.Context(), o, fakePrograms)
	require.ErrorContains(t, err, `s3 "minio": the state folder `+o.Dir+` uses "versitygw"`)
	require.ErrorIs(t, err, ErrOtherS3, "the verb up calls it bad input")

	_, err = Up(t.Context(), Options{S3: "ceph"})
	require.EqualError(t, err, `S3 service "ceph" is unknown (valid: versitygw, minio)`)
}

func TestForegroundThatFailsLeavesOthersRunning(t *testing.T) {
	o, before := started(t, Options{Worker: true})
	o.S3 = S3MinIO
	err := Foreground(t.Context(), o, func(Status) { t.Error("not ready") })
	require.ErrorContains(t, err, `uses "`)
	after, err := Read(o.Dir)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

// The stack runs already, so that nothing has to be built.
func TestForegroundStopsAllWithItsContext(t *testing.T) {
	o, before := started(t, Options{Worker: true})
	ctx, cancel := context.WithCancel(t.Context())
	require.NoError(t, Foreground(ctx, o, func(s Status) {
		require.Equal(t, before, s)
		cancel()
	}))
	after, err := Read(o.Dir)
	require.NoError(t, err)
	require.False(t, after.Process(ProcessStack).Running || after.Process(ProcessWorker).Running)
}

// After a first start that failed, another kind of S3 service can be tried.
func TestAFailedFirstStartLeavesTheKindOfS3Open(t *testing.T) {
	o := fakes(t, Options{S3: S3Versitygw}, "devstack-fails")
	_, err := up(t.Context(), o, fakePrograms)
	require.Error(t, err)
	t.Setenv(fakeEnv, "fine")
	o.S3 = S3MinIO
	s, err := up(t.Context(), o, fakePrograms)
	require.NoError(t, err)
	require.Equal(t, S3MinIO, s.S3Kind)

	// A later failure forgets nothing.
	require.NoError(t, Down(t.Context(), o.Dir, nil))
	t.Setenv(fakeEnv, "devstack-fails")
	_, err = up(t.Context(), o, fakePrograms)
	require.Error(t, err)
	s, err = Read(o.Dir)
	require.NoError(t, err)
	require.Equal(t, S3MinIO, s.S3Kind)
}

func TestReadWithoutAStack(t *testing.T) {
	dir := t.TempDir() + "/never-made"
	s, err := Read(dir)
	require.NoError(t, err)
	require.False(t, s.Process(ProcessStack).Running)
	require.Empty(t, s.Temporal)
	require.NoError(t, Down(t.Context(), dir, nil))
	require.NoDirExists(t, dir)
	b, err := json.Marshal(s)
	require.NoError(t, err)
	require.Contains(t, string(b), `"addresses":[]`)
}

func TestWatchEndsWithAProcess(t *testing.T) {
	o, s := started(t, Options{Worker: true})
	watched := make(chan error, 1)
	go func() { watched <- watch(context.Background(), o.Dir, s) }()
	require.NoError(t, syscall.Kill(s.Process(ProcessWorker).PID, syscall.SIGKILL))
	err := <-watched
	require.ErrorIs(t, err, ErrStopped)
	require.ErrorContains(t, err, "worker (pid ")
}

// devstack's own tests read the same file.
func TestDevstackConfigContract(t *testing.T) {
	t.Setenv("TAILSWEEP_HOSTS", "Ada.example")
	home, cache := "/home/ada/.local/share/tailsweep", "/home/ada/.cache/tailsweep/bin/"
	c := devstackConfig(layout(home), setup{S3: S3MinIO, Bucket: "tailsweep", Ports: ports{20001, 20002, 20003, 20004, 20005, 20006}},
		programs{minio: cache + "minio", prometheus: cache + "prometheus"},
		map[string]string{"TailsweepState": "Keyword", "TailsweepDone": "Int"})
	path := t.TempDir() + "/config.json"
	require.NoError(t, file.WriteJSON(path, c, ownerOnly))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := os.ReadFile("../../devstack/testdata/config.json")
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))

	b, err := os.ReadFile("../../devstack/testdata/ready.json")
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var r readiness
	require.NoError(t, d.Decode(&r))
	require.Equal(t, readiness{
		PID: 42, Temporal: "127.0.0.1:20001", UI: "127.0.0.1:20002", S3: "127.0.0.1:20003", S3Console: "127.0.0.1:20004",
		Prometheus: "127.0.0.1:20005", PrometheusPID: 43, MinIOPID: 44,
	}, r)
}
