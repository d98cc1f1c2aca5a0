package deploytest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestCommandLines runs each command line of the chart and of the compose workers with
// the CLI, in the environment that is rendered with it. Nobody answers at its addresses: the
// CLI must accept the flags, the variables and the files, and fail at its first connection.
func TestCommandLines(t *testing.T) {
	cli := buildCLI(t)
	secrets := temporalTLS(t)
	for set := range valueSets {
		all := objects(t, set)
		for name, pod := range podSpecs(all) {
			t.Run(set+"/"+name, func(t *testing.T) {
				t.Parallel()
				connects(t, cli, pod.Containers[0].Args, podEnvironment(t, all, pod, secrets))
			})
		}
	}
	p, _ := project(t)
	for _, name := range []string{"control", "trainer-cpu", "trainer-gpu"} {
		t.Run("compose/"+name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for variable, value := range p.Services[name].Environment {
				if value != nil {
					env[variable] = *value
				}
			}
			connects(t, cli, p.Services[name].Command, env)
		})
	}
}

// buildCLI builds the CLI from the main module's sources.
func buildCLI(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(t.TempDir(), "tailsweep"))
	require.NoError(t, err)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/tailsweep")
	build.Dir = root
	build.Env = append(os.Environ(), "GOEXPERIMENT=simd")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

// connects runs the CLI and requires that it fails because nobody answers at env's
// addresses, which it replaces by one of this machine.
func connects(t *testing.T, cli string, args []string, env map[string]string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := listener.Addr().String()
	require.NoError(t, listener.Close())
	require.Contains(t, env, "TEMPORAL_ADDRESS")
	require.Contains(t, env, "TAILSWEEP_S3_ENDPOINT")
	scheme, _, _ := strings.Cut(env["TAILSWEEP_S3_ENDPOINT"], "://")
	env["TEMPORAL_ADDRESS"], env["TAILSWEEP_S3_ENDPOINT"] = nobody, scheme+"://"+nobody
	if env["AWS_ACCESS_KEY_ID"] == "" { // without a Secret the keys are those of a role
		env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"] = "of-a-role", "of-a-role"
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, cli, args...)
	cmd.Env = []string{"HOME=" + t.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%s: %v", out, err)
	require.Equal(t, 1, exit.ExitCode(), "%s: %s", strings.Join(args, " "), out)
	require.Contains(t, string(out), nobody)
	require.Contains(t, string(out), "connection refused")
}

// podEnvironment is the environment of a pod's container. The folder secrets stands for
// the mounted Secret of Temporal.
func podEnvironment(t *testing.T, all []runtime.Object, pod corev1.PodSpec, secrets string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, from := range pod.Containers[0].EnvFrom {
		for _, cm := range pick[*corev1.ConfigMap](all) {
			if cm.Name == from.ConfigMapRef.Name {
				for name, value := range cm.Data {
					env[name] = value
				}
			}
		}
	}
	for _, e := range pod.Containers[0].Env {
		if e.ValueFrom != nil {
			env[e.Name] = "from-a-reference"
			continue
		}
		env[e.Name] = strings.Replace(e.Value, "/etc/tailsweep/temporal-tls", secrets, 1)
	}
	return env
}

// temporalTLS makes a folder with the files of a kubernetes.io/tls Secret.
func temporalTLS(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	folder := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: certificate},
		"ca.crt":  {Type: "CERTIFICATE", Bytes: certificate},
		"tls.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600))
	}
	return folder
}
