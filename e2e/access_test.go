package e2e

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
)

// TestWrongAddressesAreNamed gives wrong settings for the real services.
func TestWrongAddressesAreNamed(t *testing.T) {
	h := newHome(t)
	h.must(build, "up", "--no-worker", "--no-prometheus")
	var status stack.Status
	h.read(&status, "status")
	access, secret, err := stack.Credentials(status.Dir)
	require.NoError(t, err)

	try := func(change map[string]string, args ...string) string {
		t.Helper()
		settings := map[string]string{
			"TEMPORAL_ADDRESS": status.Temporal, "TAILSWEEP_S3_ENDPOINT": status.S3, "TAILSWEEP_S3_BUCKET": status.Bucket,
			"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret,
		}
		cmd := h.command(t.Context(), args...)
		for name, value := range settings {
			if other, ok := change[name]; ok {
				value = other
			}
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		out, err := cmd.CombinedOutput()
		var failed *exec.ExitError
		require.ErrorAs(t, err, &failed, "%s", out)
		require.NotContains(t, string(out), secret)
		return string(out)
	}
	for message, change := range map[string]map[string]string{
		"does not know the access key":        {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN"},
		"the secret key does not match":       {"AWS_SECRET_ACCESS_KEY": "wrong"},
		`requests are signed for "eu-west-3"`: {"AWS_REGION": "eu-west-3"},
		"the bucket does not exist":           {"TAILSWEEP_S3_BUCKET": "no-such-bucket"},
		"nothing answers":                     {"TAILSWEEP_S3_ENDPOINT": "http://127.0.0.1:1"},
		"the endpoint carries a user name":    {"TAILSWEEP_S3_ENDPOINT": strings.Replace(status.S3, "http://", "http://me:geheim@", 1)},
		"it contains a user name or password": {"TEMPORAL_ADDRESS": "me:geheim@" + status.Temporal},
	} {
		out := try(change, "list")
		require.Contains(t, out, message)
		require.NotContains(t, out, "geheim")
	}

	spec := writeSpec(t, small)
	missing := func(args ...string) {
		out := try(nil, append(args, "--namespace", "no-such-namespace")...)
		require.Contains(t, out, `namespace does not exist: "no-such-namespace"`, args)
	}
	missing("doctor")
	missing("run", spec, "--detach")
	// The name was not taken: another spec has it.
	h.must(time.Minute, "run", writeSpec(t, strings.Replace(small, "seed: 1\ndataset", "seed: 2\ndataset", 1)), "--detach")
	r := h.try(time.Minute, "run", spec, "--detach")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "sweep small has another spec")
	missing("watch", "small")
	h.must(time.Minute, "cancel", "small")
}
