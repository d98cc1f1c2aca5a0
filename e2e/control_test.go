package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/workflows"
)

// TestControlActivities looks at the short activities for which a sweep waits. While one
// stores a command, its worker is killed: another worker stores it within 25 s. A store that
// takes longer to answer than the heartbeat timeout costs no second attempt.
func TestControlActivities(t *testing.T) {
	h := newHome(t)
	h.must(build, "up", "--no-worker", "--no-prometheus")
	var status stack.Status
	h.read(&status, "status")
	target, err := url.Parse(status.S3)
	require.NoError(t, err)
	// The store, where writing a command log can take time.
	var puts atomic.Int32
	held, over := make(chan struct{}, 1), make(chan struct{})
	var answer atomic.Pointer[chan struct{}] // the store answers once it is closed; nil: at once
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // the client has been killed
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/commands/") {
			puts.Add(1)
			if wait := answer.Load(); wait != nil {
				select {
				case held <- struct{}{}:
				default:
				}
				select {
				case <-*wait:
				case <-r.Context().Done():
					return
				case <-over:
					return
				}
			}
		}
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	defer close(over)
	access, secret, err := stack.Credentials(status.Dir)
	require.NoError(t, err)
	worker := func() *exec.Cmd {
		cmd := h.command(context.Background(), "worker", "--only", "control")
		cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS="+status.Temporal, "TAILSWEEP_S3_ENDPOINT="+proxy.URL, "TAILSWEEP_S3_BUCKET="+status.Bucket,
			"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+access, "AWS_SECRET_ACCESS_KEY="+secret)
		cmd.Stderr = t.Output()
		require.NoError(t, cmd.Start())
		return cmd
	}
	end := func(cmd *exec.Cmd) {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}
	logged := func() int {
		var found int
		for _, err := range openStore(t, status).List(t.Context(), "v1/sweeps/control/commands/") {
			require.NoError(t, err)
			found++
		}
		return found
	}

	first := worker()
	defer end(first)
	h.must(time.Minute, "run", writeSpec(t, smallSpec("control", 2)), "--detach")
	h.eventually(time.Minute, "the sweep answers", func() bool { return h.try(time.Minute, "describe", "control").code == 0 })
	never := make(chan struct{})
	answer.Store(&never)
	h.must(time.Minute, "pause", "control")
	select {
	case <-held:
	case <-time.After(30 * time.Second):
		t.Fatal("the command is not stored")
	}
	before := logged()
	end(first)
	answer.Store(nil)
	killed := time.Now()
	second := worker()
	defer end(second)
	eventually(t, time.Minute, "the command is stored", func() bool { return logged() > before })
	took := time.Since(killed)
	t.Logf("stored %s after the kill", took.Round(time.Millisecond))
	require.Less(t, took, 25*time.Second)

	temporal, err := client.Dial(client.Options{HostPort: status.Temporal, Namespace: stack.Namespace})
	require.NoError(t, err)
	defer temporal.Close()
	slow := make(chan struct{})
	answer.Store(&slow)
	puts.Store(0)
	before = logged()
	h.must(time.Minute, "resume", "control")
	eventually(t, time.Minute, "an activity lasts longer than its heartbeat timeout", func() bool {
		d, err := temporal.DescribeWorkflowExecution(t.Context(), workflows.SweepID("control"), "")
		require.NoError(t, err)
		return slices.ContainsFunc(d.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool {
			return a.LastHeartbeatTime.AsTime().Sub(a.LastStartedTime.AsTime()) > activities.ControlHeartbeatTimeout
		})
	})
	close(slow)
	eventually(t, time.Minute, "the command is stored", func() bool { return logged() > before })
	require.EqualValues(t, 1, puts.Load())
}
