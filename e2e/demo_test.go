package e2e

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/sweep"
)

// build is the time that the first build of the servers may take on 2 cores.
const build = 25 * time.Minute

// TestDemo is the README's demo, on each object store, and everything that a
// user can then do with its results.
func TestDemo(t *testing.T) {
	for _, s3 := range []string{"versitygw", "minio"} {
		t.Run(s3, func(t *testing.T) { demo(t, s3) })
	}
}

func demo(t *testing.T, s3 string) {
	h := newHome(t)
	h.must(build, "up", "--s3", s3)
	began := time.Now()
	ran := h.must(20*time.Minute, "run", "examples/quickstart.yaml")
	t.Logf("the quickstart took %s", time.Since(began).Round(time.Second))
	require.Regexp(t, `(?m)^backend (go|xla:cpu|xla:cuda)\W`, ran.stderr, "run prints the backend")

	var trials []sweep.Trial
	h.read(&trials, "trials", "quickstart")
	require.GreaterOrEqual(t, len(trials), 4)
	for _, trial := range trials {
		require.Equalf(t, sweep.StatusCompleted, trial.Status, "trial %d", trial.Number)
		require.Lessf(t, *trial.LossLast, 0.5**trial.LossFirst, "trial %d did not learn", trial.Number)
	}

	t.Run("best", func(t *testing.T) {
		var best sweep.Trial
		h.read(&best, "best", "quickstart")
		require.GreaterOrEqual(t, best.Metrics["label_accuracy.head"], 0.5)
		var untrained struct {
			Metrics map[string]float64 `json:"metrics"`
		}
		h.read(&untrained, "evaluate", "--untrained", "examples/quickstart.yaml")
		t.Logf("fid.all %.2f, of the untrained model %.2f", best.Metrics["fid.all"], untrained.Metrics["fid.all"])
		require.Less(t, best.Metrics["fid.all"], 0.5*untrained.Metrics["fid.all"])
	})

	var status stack.Status
	h.read(&status, "status")
	t.Run("sockets are on loopback", func(t *testing.T) { onlyLoopback(t, status) })
	t.Run("prometheus", func(t *testing.T) { oneSeries(t, status) })
	t.Run("temporal UI", func(t *testing.T) { temporalUI(t, status, len(trials)) })
	t.Run("report", func(t *testing.T) {
		page := filepath.Join(t.TempDir(), "report.html")
		h.must(time.Minute, "report", "quickstart", "--to", page)
		reportPage(t, page, len(trials))
	})
	t.Run("store contract", func(t *testing.T) { storeContract(t, h, status) })
	if s3 == "versitygw" { // the workflows do not know which store it is
		t.Run("workflows", func(t *testing.T) {
			goTest(t, "TestRecord", "./workflows", "TAILSWEEP_TEST_TEMPORAL_ADDRESS="+status.Temporal)
		})
	}
	t.Run("pull and sample", func(t *testing.T) { pullAndSample(t, h, status) })
	t.Run("another spec under the same name", func(t *testing.T) {
		text, err := os.ReadFile("../examples/quickstart.yaml")
		require.NoError(t, err)
		other := writeSpec(t, string(text)+"\nseed: 99\n")
		r := h.try(time.Minute, "run", other)
		require.Equal(t, 2, r.code, r.stderr)
		require.Contains(t, r.stderr, "quickstart")
	})
	t.Run("down and up", func(t *testing.T) {
		h.must(time.Minute, "down")
		again := time.Now()
		h.must(time.Minute, "up")
		require.Less(t, time.Since(again), 20*time.Second, "up built something again")
		var after []sweep.Trial
		h.read(&after, "trials", "quickstart")
		require.Equal(t, trials, after)
	})
}

// onlyLoopback reads the kernel's table of listening sockets.
func onlyLoopback(t *testing.T, status stack.Status) {
	inodes := map[string]string{}
	for _, p := range status.Processes {
		if !p.Running {
			continue
		}
		fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID))
		require.NoError(t, err)
		require.NotEmptyf(t, fds, "%s has no open file: is pid %d right?", p.Name, p.PID)
		for _, fd := range fds {
			if target, err := os.Readlink(fd); err == nil && strings.HasPrefix(target, "socket:[") {
				inodes[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = p.Name
			}
		}
	}
	listening := 0
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(table)
		require.NoError(t, err)
		for lines := bufio.NewScanner(file); lines.Scan(); {
			f := strings.Fields(lines.Text())
			if len(f) < 10 || f[3] != "0A" || inodes[f[9]] == "" {
				continue
			}
			listening++
			require.Truef(t, loopback(t, f[1]), "%s listens on %s of %s", inodes[f[9]], f[1], table)
		}
		require.NoError(t, file.Close())
	}
	require.Greater(t, listening, 3, "Temporal, its UI, the object store and the worker's metrics listen")
}

// loopback reads an address of /proc/net/tcp: hexadecimal, each 4 bytes reversed.
func loopback(t *testing.T, address string) bool {
	host, _, _ := strings.Cut(address, ":")
	raw, err := hex.DecodeString(host)
	require.NoError(t, err)
	for i := 0; i+4 <= len(raw); i += 4 {
		raw[i], raw[i+1], raw[i+2], raw[i+3] = raw[i+3], raw[i+2], raw[i+1], raw[i]
	}
	return net.IP(raw).IsLoopback()
}

// oneSeries asks the real Prometheus.
func oneSeries(t *testing.T, status stack.Status) {
	require.NotEmpty(t, status.Prometheus, "Prometheus does not run")
	query := "http://" + strings.TrimPrefix(status.Prometheus, "http://") + "/api/v1/query?query=" +
		url.QueryEscape(`tailsweep_best_value{sweep="quickstart",group="tail",metric="fid"}`)
	var series int
	eventually(t, 30*time.Second, "one series of tailsweep_best_value in Prometheus", func() bool {
		response, err := http.Get(query)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }() // only read
		var answer struct {
			Data struct {
				Result []json.RawMessage `json:"result"`
			} `json:"data"`
		}
		if json.NewDecoder(response.Body).Decode(&answer) != nil {
			return false
		}
		series = len(answer.Data.Result)
		return series > 0
	})
	require.Equal(t, 1, series)
}

// storeContract runs the store's contract suite against the running object store.
func storeContract(t *testing.T, h *home, status stack.Status) {
	access, secret, err := stack.Credentials(status.Dir)
	require.NoError(t, err)
	env := []string{
		"TAILSWEEP_TEST_S3_ENDPOINT=" + status.S3, "TAILSWEEP_TEST_S3_BUCKET=" + status.Bucket,
		"AWS_ACCESS_KEY_ID=" + access, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_REGION=us-east-1",
	}
	goTest(t, "TestS3Contract", "./internal/store", env...)
	goTest(t, "TestLedgerOnS3", "./internal/archive", env...)
	goTest(t, "TestPacksOnS3", "./internal/archive", env...)
	goTest(t, "TestRepairsOnS3", "./internal/archive", env...)

	refused := h.command(t.Context(), "list")
	refused.Env = append(refused.Env, "TEMPORAL_ADDRESS="+status.Temporal, "TAILSWEEP_S3_ENDPOINT="+status.S3, "TAILSWEEP_S3_BUCKET="+status.Bucket,
		"AWS_ACCESS_KEY_ID="+access, "AWS_SECRET_ACCESS_KEY=wrong-secret")
	answer, err := refused.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(answer), "the secret key does not match the access key")
	require.NotContains(t, string(answer), "wrong-secret")
}

// goTest runs one test of a package that skips itself without the settings in
// env. Only the output of failed tests is printed: CI cuts long logs.
func goTest(t *testing.T, name, pkg string, env ...string) {
	t.Helper()
	cmd := exec.Command("go", "test", "-json", "-count=1", "-run", "^"+name+"$", pkg)
	cmd.Dir = repository(t)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	passed, output := outcome(out, name)
	require.NoErrorf(t, err, "%s in %s\n%s", name, pkg, output)
	require.Truef(t, passed, "%s in %s did not run\n%s", name, pkg, output)
}

// outcome reads the output of go test -json: whether the test passed, neither failed
// nor skipped, and the output of failed tests, or all output when none
// failed.
func outcome(out []byte, name string) (passed bool, text string) {
	var all, failed strings.Builder
	output := map[string]string{}
	for line := range bytes.Lines(out) {
		var event struct{ Action, Test, Output string }
		if json.Unmarshal(line, &event) != nil {
			event.Output = string(line) // the go command's own words
		}
		all.WriteString(event.Output)
		output[event.Test] += event.Output
		switch {
		case event.Action == "fail" && event.Test != "":
			failed.WriteString(output[event.Test])
		case event.Action == "pass" && event.Test == name:
			passed = true
		}
	}
	if failed.Len() == 0 {
		return passed, all.String()
	}
	return passed, failed.String()
}

func TestOutcomePrintsFailedTests(t *testing.T) {
	passed, text := outcome([]byte(`{"Action":"output","Test":"T/a","Output":"noise\n"}
{"Action":"pass","Test":"T/a"}
{"Action":"output","Test":"T/b","Output":"what went wrong\n"}
{"Action":"fail","Test":"T/b"}
{"Action":"output","Test":"T","Output":"--- FAIL: T\n"}
{"Action":"fail","Test":"T"}
`), "T")
	require.False(t, passed)
	require.Equal(t, "what went wrong\n--- FAIL: T\n", text)
	passed, _ = outcome([]byte(`{"Action":"skip","Test":"T"}`), "T")
	require.False(t, passed, "a skipped test shows nothing")
	passed, _ = outcome([]byte(`{"Action":"pass","Test":"T"}`), "T")
	require.True(t, passed)
	_, text = outcome([]byte("cannot build\n"), "T")
	require.Equal(t, "cannot build\n", text)
}

// pullAndSample pulls the best checkpoint, samples from it, then damages
// the stored one.
func pullAndSample(t *testing.T, h *home, status stack.Status) {
	out := filepath.Join(t.TempDir(), "out")
	h.must(time.Minute, "pull", "quickstart", "--top-n", "1", "--to", out)
	models, err := filepath.Glob(filepath.Join(out, "*", "model.safetensors"))
	require.NoError(t, err)
	require.Len(t, models, 1)

	grid := filepath.Join(t.TempDir(), "g.png")
	h.must(3*time.Minute, "sample", filepath.Dir(models[0]), "--to", grid)
	data, err := os.ReadFile(grid)
	require.NoError(t, err)
	decoded, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	require.Greater(t, decoded.Bounds().Dx(), 16)

	var best sweep.Trial
	h.read(&best, "best", "quickstart")
	objects := openStore(t, status)
	flipByte(t, objects, best.Checkpoint+"/model.safetensors")
	target := filepath.Join(t.TempDir(), "damaged")
	r := h.try(time.Minute, "pull", "quickstart", "--top-n", "1", "--to", target)
	require.NotZero(t, r.code)
	require.Contains(t, r.stderr, "model.safetensors")
	left, _ := filepath.Glob(target + "*")
	for _, path := range left {
		entries, err := os.ReadDir(path)
		require.NoError(t, err)
		require.Emptyf(t, entries, "pull left something behind in %s", path)
	}
	flipByte(t, objects, best.Checkpoint+"/model.safetensors")
	h.must(time.Minute, "pull", "quickstart", "--top-n", "1", "--to", filepath.Join(t.TempDir(), "repaired"))
}

// openStore opens the object store of a running stack.
func openStore(t *testing.T, status stack.Status) store.Store {
	t.Helper()
	access, secret, err := stack.Credentials(status.Dir)
	require.NoError(t, err)
	objects, err := store.Open(t.Context(), store.Config{
		Endpoint: address.URL(status.S3), Bucket: status.Bucket, Region: "us-east-1", AccessKeyID: access, SecretAccessKey: secret,
	})
	require.NoError(t, err)
	return objects
}

// flipByte inverts one byte in the middle of a stored object.
func flipByte(t *testing.T, objects store.Store, key string) {
	body, _, err := objects.Get(t.Context(), key)
	require.NoError(t, err)
	defer func() { _ = body.Close() }() // only read
	data, err := io.ReadAll(body)
	require.NoError(t, err)
	data[len(data)/2] ^= 0xff
	require.NoError(t, objects.Put(t.Context(), key, bytes.NewReader(data), int64(len(data))))
}
