package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// stackStatus is what `status -o json` prints, as far as the tests of the stack read it.
type stackStatus struct {
	Processes []struct {
		Name          string
		PID           int
		Running, Dead bool
	}
	Temporal, UI, S3, Prometheus, Bucket string
	WorkerMetrics                        string `json:"worker_metrics"`
}

func (s stackStatus) pid(name string) int {
	for _, p := range s.Processes {
		if p.Name == name && p.Running {
			return p.PID
		}
	}
	return 0
}

// TestDeadProcessesComeBack kills each process of a stack: `up` starts it again with the
// ports that it had.
func TestDeadProcessesComeBack(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	var before stackStatus
	h.read(&before, "status")
	for _, name := range []string{"worker", "prometheus", "stack"} {
		var now stackStatus
		h.read(&now, "status")
		killed := now.pid(name)
		require.NotZero(t, killed, name)
		require.NoError(t, syscall.Kill(killed, syscall.SIGKILL))
		if name != "prometheus" { // which may be back already
			h.eventually(time.Minute, name+" has ended", func() bool { h.read(&now, "status"); return now.pid(name) == 0 })
			require.Contains(t, h.must(time.Minute, "status").stdout, "`tailsweep up` starts what is dead; `tailsweep logs PROCESS` shows why it ended")
		}
		up := h.must(2*time.Minute, "up")
		if name != "prometheus" {
			require.Contains(t, up.stderr, fmt.Sprintf("%s (pid %d) had ended: starting it again", name, killed))
		}
		var after stackStatus
		h.read(&after, "status")
		require.NotEqual(t, killed, after.pid(name))
		for _, p := range after.Processes {
			require.True(t, p.Running, "%s after a kill of %s", p.Name, name)
			require.False(t, p.Dead, p.Name)
		}
		before.Processes, after.Processes = nil, nil
		require.Equal(t, before, after, "the addresses after a kill of %s", name)
	}
}

// TestForgedHostsAreRefused asks every HTTP server of the stack as a page would whose name
// resolves to this machine.
func TestForgedHostsAreRefused(t *testing.T) {
	h := newHome(t)
	h.must(build, "up")
	var s stackStatus
	h.read(&s, "status")
	ask := func(url, host string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
		require.NoError(t, err)
		r.Host = host
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	for _, url := range []string{s.UI + "/api/v1/namespaces", s.UI + "/", s.Prometheus + "/api/v1/query?query=up", s.Prometheus + "/metrics", s.WorkerMetrics} {
		_, rest, _ := strings.Cut(url, "://127.0.0.1:")
		port, _, _ := strings.Cut(rest, "/")
		require.Equal(t, http.StatusOK, ask(url, "localhost:"+port), url)
		require.Equal(t, http.StatusOK, ask(url, "127.0.0.1:"+port), url)
		require.Equal(t, http.StatusMisdirectedRequest, ask(url, "evil.example:"+port), url)
	}
	require.Equal(t, http.StatusForbidden, ask(s.S3+"/"+s.Bucket, "evil.example"), "every request needs a signature, which covers the Host")
}

// TestQueuedTrialsSayWhy starts a sweep where the user asked for no worker, and then workers
// with fewer slots than it could use. Then two sweeps share one slot.
func TestQueuedTrialsSayWhy(t *testing.T) {
	h := newHome(t)
	h.must(build, "up", "--no-worker", "--no-prometheus")
	spec := strings.Replace(smallSpec("waits", 4), "max_concurrent_trials: 1", "max_concurrent_trials: 3", 1)
	spec = strings.Replace(spec, "steps: 20,", "steps: 20000,", 1)
	run := h.must(time.Minute, "run", writeSpec(t, spec), "--detach")
	require.Contains(t, run.stderr, "the stack runs without a worker of its own (`tailsweep up --no-worker`), and none polls the queue tailsweep-control: the sweep waits")
	var s stackStatus
	h.read(&s, "status")
	require.Zero(t, s.pid("worker"))
	describe := func() string {
		r := h.must(time.Minute, "describe", "waits")
		return r.stdout + r.stderr
	}
	require.Contains(t, describe(), "waits for a worker: none polls the queue tailsweep-control (`tailsweep up` or `tailsweep worker` starts one)")

	worker := func(flags ...string) (kill func()) {
		cmd := h.command(context.Background(), append([]string{"worker", "--backend", "go"}, flags...)...)
		require.NoError(t, cmd.Start())
		killed := false
		kill = func() {
			if !killed {
				killed = true
				_ = cmd.Process.Kill() // its children end with it
				_ = cmd.Wait()
			}
		}
		t.Cleanup(kill)
		return kill
	}
	worker("--only", "control")
	h.eventually(time.Minute, "no training worker", func() bool {
		return strings.Contains(describe(), "3 trials wait for a worker: none polls the queue gpu (`tailsweep worker --only training --queue gpu` starts one)")
	})
	require.Contains(t, h.must(time.Minute, "trials", "waits").stderr, "3 trials wait for a worker: none polls the queue gpu")
	kill := worker("--only", "training", "--slots", "1")
	h.eventually(time.Minute, "a busy slot", func() bool { return strings.Contains(describe(), "2 trials wait for a training slot: 1 of 1 busy") })
	kill()
	kill = worker("--only", "training", "--slots", "3")
	h.eventually(2*time.Minute, "no trial waits", func() bool { return !strings.Contains(describe(), "wait for") })
	h.must(time.Minute, "cancel", "waits")
	h.wait("waits", 2*time.Minute)
	kill()

	// A short sweep gets its turns although a long one has queued many trials before it.
	queued := func(name string, trials int) {
		spec := strings.Replace(smallSpec(name, trials), "max_concurrent_trials: 1", fmt.Sprint("max_concurrent_trials: ", trials), 1)
		h.must(time.Minute, "run", writeSpec(t, spec), "--detach")
		h.eventually(time.Minute, "its trials are queued", func() bool {
			return strings.Contains(h.must(time.Minute, "describe", name).stdout, fmt.Sprintf("%d trials wait for", trials))
		})
	}
	queued("long", 30)
	queued("short", 2)
	worker("--only", "training", "--slots", "1", "--trainer", h.sleeper())
	short := h.wait("short", 5*time.Minute)
	require.NotNil(t, short.EndedAt)
	var long []sweep.Trial
	h.read(&long, "trials", "long")
	before := 0
	for _, trial := range long {
		if trial.FinishedAt.Before(*short.EndedAt) {
			before++
		}
	}
	t.Logf("the long sweep had finished %d of 30 trials when the short one ended", before)
	require.Less(t, before, 15)
	require.Positive(t, before, "its evaluations do not wait behind all of its trainings")
}
