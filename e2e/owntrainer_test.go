package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// ownTrainer is a spec with a program, and what the test needs to know of it.
type ownTrainer struct {
	name, spec string
	script     string // in the command line of the program
	metric     string // the first of the spec
	saved      string // a file of its checkpoints
	steps      int
	checked    int // steps that trainer-check trains
}

// TestOwnTrainer is docs/guide/own-trainer.md: the page's own Python script, the shell
// example and, where scikit-learn can be installed, its example are checked, swept with rungs,
// killed at random, resumed, pulled and reported.
func TestOwnTrainer(t *testing.T) {
	h := newHome(t)
	dir := t.TempDir()
	trainers := []ownTrainer{
		{"line", filepath.Join(dir, "line.yaml"), "train.py", "error", "weights.json", 27000, 8000},
		{"shell", filepath.Join(dir, "shell.yaml"), "train.sh", "error", "state", 270, 400},
	}
	writeGuide(t, dir)
	copyExamples(t, dir)
	if python := sklearn(t, filepath.Join(dir, "venv")); python != "" {
		t.Setenv("PATH", filepath.Dir(python)+string(os.PathListSeparator)+os.Getenv("PATH")) // of the worker, too
		trainers = append(trainers, ownTrainer{"sklearn", filepath.Join(dir, "sklearn.yaml"), "sklearn/train.py", "balanced_accuracy", "model.npz", 45, 40})
	}

	for _, o := range trainers {
		h.must(time.Minute, "validate", o.spec)
		r := h.must(5*time.Minute, "trainer-check", "--spec", o.spec, "--steps", strconv.Itoa(o.checked))
		require.Contains(t, r.stdout, ": 0 faults, ", r.stdout)
		t.Logf("%s", r.stdout[strings.LastIndex(strings.TrimSpace(r.stdout), "\n")+1:])
	}

	h.must(build, "up", "--allow-commands")
	for _, o := range trainers {
		h.must(time.Minute, "run", patient(t, o.spec), "--detach")
	}
	killPrograms(t, h, trainers)
	for _, o := range trainers {
		t.Run(o.name, func(t *testing.T) {
			h := &home{t: t, dir: h.dir}
			require.Equal(t, conduct.PhaseCompleted, h.wait(o.name, 5*time.Minute).Phase)
			ownTrials(t, h, o)
		})
	}
}

// writeGuide writes the first Python and YAML blocks of the guide as the files that it calls them.
func writeGuide(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile("../docs/guide/own-trainer.md")
	require.NoError(t, err)
	for fence, name := range map[string]string{"```python\n": "train.py", "```yaml\n": "line.yaml"} {
		_, rest, found := strings.Cut(string(text), fence)
		require.True(t, found, fence)
		block, _, found := strings.Cut(rest, "```\n")
		require.True(t, found, fence)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(block), 0o600))
	}
	helper, err := os.ReadFile("../examples/python/tailsweep_trainer.py")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tailsweep_trainer.py"), helper, 0o600))
}

// copyExamples copies the specs of the examples with their files, as the guide does.
func copyExamples(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"shell", "sklearn", "python"} {
		require.NoError(t, os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("../examples", name))))
	}
	for _, name := range []string{"shell.yaml", "sklearn.yaml"} {
		text, err := os.ReadFile(filepath.Join("../examples", name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
}

// patient is the spec with more restarts: a trial may be killed more often than a user would.
func patient(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), "max_restarts")
	to := filepath.Join(filepath.Dir(path), "patient-"+filepath.Base(path))
	require.NoError(t, os.WriteFile(to, append(text, "\nmax_restarts: 50\n"...), 0o600))
	return to
}

// sklearn makes an environment with scikit-learn and returns its Python, or "" where that is not possible.
func sklearn(t *testing.T, dir string) (python string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	python = filepath.Join(dir, "bin", "python3")
	for _, command := range [][]string{
		{"python3", "-m", "venv", dir},
		{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "-r", "../examples/sklearn/requirements.txt"},
	} {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Logf("without scikit-learn: %v: %v\n%s", command, err, out)
			return ""
		}
	}
	return python
}

// kills is how often something is killed.
const kills = 8

// killPrograms kills programs, the children of the worker that started them, and the worker, at random.
func killPrograms(t *testing.T, h *home, trainers []ownTrainer) {
	t.Helper()
	rng := rand.New(rand.NewPCG(14, 1))
	done := map[string]int{}
	for range kills {
		var victim int
		what := []string{"program", "child", "worker", "program"}[rng.IntN(4)]
		h.quiet = true
		eventually(t, 3*time.Minute, "a program to kill", func() bool {
			var status stack.Status
			h.read(&status, "status")
			worker := pid(status, "worker")
			programs := programsOf(worker, trainers)
			if len(programs) == 0 {
				return ended(h, trainers)
			}
			p := programs[rng.IntN(len(programs))]
			victim = map[string]int{"program": p.pid, "child": p.parent, "worker": worker}[what]
			return kill(t, victim)
		})
		h.quiet = false
		if victim == 0 {
			break // all sweeps have ended
		}
		done[what]++
		if what == "worker" {
			h.must(time.Minute, "up", "--allow-commands")
		}
	}
	t.Logf("killed %v", done)
	require.GreaterOrEqual(t, done["program"]+done["child"]+done["worker"], 3, "the sweeps ended too early")
}

// ended reports whether all sweeps have ended.
func ended(h *home, trainers []ownTrainer) bool {
	for _, o := range trainers {
		if h.try(time.Minute, "wait", o.name, "--timeout", "1ms").code == 124 {
			return false
		}
	}
	return true
}

type foundProgram struct{ pid, parent int }

// programsOf finds the running programs below the children of a worker.
func programsOf(worker int, trainers []ownTrainer) (found []foundProgram) {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is valid
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		number, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, parentErr := strconv.Atoi(fields[1])
		if err == nil && parentErr == nil {
			parents[number] = parent
		}
	}
	for number, parent := range parents {
		if worker == 0 || parents[parent] != worker {
			continue
		}
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", number))
		if slices.ContainsFunc(trainers, func(o ownTrainer) bool { return strings.Contains(string(line), "\x00"+o.script+"\x00") }) {
			found = append(found, foundProgram{number, parent})
		}
	}
	return found
}

// ownTrials checks the results of a sweep that was killed at random.
func ownTrials(t *testing.T, h *home, o ownTrainer) {
	var trials []sweep.Trial
	h.read(&trials, "trials", o.name)
	rungs, compared := 0, 0
	for _, trial := range trials {
		require.Contains(t, []sweep.Status{sweep.StatusCompleted, sweep.StatusStopped, sweep.StatusDiverged}, trial.Status, "trial %d: %+v", trial.Number, trial.Error)
		rungs += len(trial.Rungs)
		if trial.Status != sweep.StatusCompleted || compared == 2 {
			continue
		}
		compared++
		require.Equal(t, o.steps, trial.Steps)
		require.Equal(t, unbroken(t, h, o, trial), trial.Metrics, "trial %d, which had %d attempts, equals a training without a break", trial.Number, trial.Attempts)
	}
	require.Positive(t, rungs)
	require.Positive(t, compared)

	best := filepath.Join(t.TempDir(), "best")
	h.must(time.Minute, "pull", o.name, "--top-n", "1", "--to", best)
	files, err := filepath.Glob(filepath.Join(best, "*", o.saved))
	if own := filepath.Join(best, o.saved); len(files) == 0 {
		files = []string{own}
	}
	require.NoError(t, err)
	require.FileExists(t, files[0])

	page := filepath.Join(t.TempDir(), "report.html")
	h.must(time.Minute, "report", o.name, "--to", page)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), o.metric)

	var status stackStatus
	h.read(&status, "status")
	query := "http://" + strings.TrimPrefix(status.Prometheus, "http://") + "/api/v1/query?query=" +
		url.QueryEscape(fmt.Sprintf(`tailsweep_best_value{sweep=%q,metric=%q}`, o.name, o.metric))
	eventually(t, time.Minute, "the metric in Prometheus", func() bool {
		response, err := http.Get(query)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }() // only read
		body, err := io.ReadAll(response.Body)
		return err == nil && strings.Contains(string(body), `"metric":"`+o.metric+`"`)
	})
}

// unbroken trains a trial's configuration without a sweep and without a break, and returns its
// metrics.
func unbroken(t *testing.T, h *home, o ownTrainer, trial sweep.Trial) map[string]float64 {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "unbroken")
	args := []string{"train", o.spec, "--seed", strconv.FormatInt(trial.Seed, 10), "--to", dir}
	for name, value := range trial.Params {
		args = append(args, "--param", name+"="+value.String())
	}
	h.must(2*time.Minute, args...)
	text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("step-%010d", o.steps), "metrics.json"))
	require.NoError(t, err)
	var written struct{ Metrics map[string]float64 }
	require.NoError(t, json.Unmarshal(text, &written))
	return written.Metrics
}
