package metrics

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

func newTest() *Metrics { return New("test", slog.New(slog.DiscardHandler)) }

// page returns the lines of /metrics that begin with prefix, comments apart.
func page(t *testing.T, m *Metrics, prefix string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	body, err := io.ReadAll(w.Body)
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// fill gives every collector a series.
func fill(m *Metrics) {
	m.SweepState("s", activities.SweepNumbers{
		Running: 2, Planned: 9, Active: true, GPUHours: 0.5, Blocked: []block.Reason{block.UnknownKey},
		ByStatus: map[sweep.Status]int{sweep.StatusCompleted: 3, sweep.StatusFailed: 1},
		Best:     map[string]float64{"fid.tail": 20.5, "fid.all": 12, "label_accuracy.head": 0.75, "loss": 0.04, "unheard.of": 1},
	})
	m.TrialProgress("s", 7, activities.Progress{Step: 30, StepsPerSecond: 75, Point: &sweep.CurvePoint{
		Loss: 3, DDPM: 1, Terms: map[string]float64{sweep.TermInfoNCE: 2, sweep.TermCBDM: 0.5, "not a name": 1},
		Groups: map[string]float64{sweep.GroupHead: 0.25, "unheard.of": 1},
	}})
	m.EvaluationProgress("s", 7, 400)
	m.Restart("s", sweep.FailLost)
	m.Restart("s", "a class of the future")
	m.CheckpointStored("s", 1000, 0.3)
	m.CheckpointStored("s", 24, 2)
	m.StoreRequest(http.MethodPut)
	h := m.Temporal().WithTags(map[string]string{"namespace": "default", "client_name": "temporal_go"})
	h.Counter("temporal_request").Inc(2)
	h.Gauge("temporal_num_pollers").Update(3)
	h.Timer("temporal_request_latency").Record(20 * time.Millisecond)
}

func TestPage(t *testing.T) {
	m := New("v1.2.3", slog.New(slog.DiscardHandler))
	fill(m)
	require.Equal(t, []string{
		`tailsweep_best_value{group="all",metric="fid",sweep="s"} 12`,
		`tailsweep_best_value{group="all",metric="loss",sweep="s"} 0.04`,
		`tailsweep_best_value{group="head",metric="label_accuracy",sweep="s"} 0.75`,
		`tailsweep_best_value{group="tail",metric="fid",sweep="s"} 20.5`,
	}, page(t, m, "tailsweep_best"))
	require.Equal(t, []string{
		`tailsweep_trials{status="cancelled",sweep="s"} 0`,
		`tailsweep_trials{status="completed",sweep="s"} 3`,
		`tailsweep_trials{status="diverged",sweep="s"} 0`,
		`tailsweep_trials{status="failed",sweep="s"} 1`,
		`tailsweep_trials{status="stopped",sweep="s"} 0`,
		`tailsweep_trials_planned{sweep="s"} 9`,
		`tailsweep_trials_running{sweep="s"} 2`,
	}, page(t, m, "tailsweep_trials"))
	require.Equal(t, []string{
		`tailsweep_trial_group_loss{group="head",sweep="s",trial="7"} 0.25`,
		`tailsweep_trial_images{sweep="s",trial="7"} 400`,
		`tailsweep_trial_loss{sweep="s",term="cbdm",trial="7"} 0.5`,
		`tailsweep_trial_loss{sweep="s",term="ddpm",trial="7"} 1`,
		`tailsweep_trial_loss{sweep="s",term="infonce",trial="7"} 2`,
		`tailsweep_trial_loss{sweep="s",term="total",trial="7"} 3`,
		`tailsweep_trial_step{sweep="s",trial="7"} 30`,
		`tailsweep_trial_steps_per_second{sweep="s",trial="7"} 75`,
	}, page(t, m, "tailsweep_trial_"))
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_gpu_seconds{sweep="s"} 1800`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_sweep_active{sweep="s"} 1`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_sweep_blocked{reason="unknown_key",sweep="s"} 1`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_sweep_blocked{reason="no_bucket",sweep="s"} 0`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_training_restarts_total{reason="lost",sweep="s"} 1`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_training_restarts_total{reason="other",sweep="s"} 1`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_training_restarts_total{reason="bug",sweep="s"} 0`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_checkpoint_stored_bytes_total{sweep="s"} 1024`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_checkpoint_store_seconds_sum 2.3`)
	require.Contains(t, page(t, m, "tailsweep_"), `tailsweep_store_requests_total{method="PUT"} 1`)
	require.Contains(t, page(t, m, "tailsweep_build")[0], `version="v1.2.3"`)
	require.NotEmpty(t, page(t, m, "go_goroutines"))
}

// The metrics of a program are exported where the spec names them, at most 16 of them.
func TestMetricsOfAProgram(t *testing.T) {
	m := newTest()
	free := []string{"val_acc", "val_acc.all", "f1.tail", "recall", ".tail", "no name", "no\nname"}
	objectives := []sweep.Objective{{Name: "val_acc", Goal: sweep.Maximize}, {Name: "loss", Goal: sweep.Minimize}, {Name: "f1.tail", Goal: sweep.Maximize}}
	best := map[string]float64{"val_acc": 0.5, "val_acc.all": 0.25, "f1.tail": 0.75, "recall": 0.875, ".tail": 1, "no name": 1, "no\nname": 1, "not_in_the_spec": 1}
	m.SweepState("s", activities.SweepNumbers{Active: true, Objectives: objectives, Free: free, Best: best})
	want := []string{
		`tailsweep_best_value{group="all",metric="recall",sweep="s"} 0.875`,
		`tailsweep_best_value{group="all",metric="val_acc",sweep="s"} 0.5`,
		`tailsweep_best_value{group="all",metric="val_acc.all",sweep="s"} 0.25`,
		`tailsweep_best_value{group="tail",metric="f1",sweep="s"} 0.75`,
	}
	require.Equal(t, want, page(t, m, "tailsweep_best"))
	require.Equal(t, []string{
		`tailsweep_sweep_objective{goal="maximize",group="all",metric="val_acc",sweep="s"} 1`,
		`tailsweep_sweep_objective{goal="maximize",group="tail",metric="f1",sweep="s"} 3`,
		`tailsweep_sweep_objective{goal="minimize",group="all",metric="loss",sweep="s"} 2`,
	}, page(t, m, "tailsweep_sweep_objective"))
	m.SweepState("s", activities.SweepNumbers{Active: true, Free: []string{"f1.tail", "recall"}, Best: best})
	require.Equal(t, []string{want[0], want[3]}, page(t, m, "tailsweep_best"), "after an edit the others go")

	free = nil
	for i := range 2 * maxFree {
		free = append(free, fmt.Sprintf("m%02d", i))
		best[free[i]] = float64(i)
	}
	m.SweepState("s", activities.SweepNumbers{Active: true, Free: free, Best: best})
	require.Len(t, page(t, m, "tailsweep_best"), maxFree)
	for i := range maxSweeps {
		m.SweepState(fmt.Sprintf("sweep-%d", i), activities.SweepNumbers{})
	}
	require.Empty(t, page(t, m, "tailsweep_best"))
	require.Len(t, m.free, maxSweeps)
}

// The first losses of a program are exported, the same in every trial; the log has once that
// there are more.
func TestLossesOfAProgram(t *testing.T) {
	var log strings.Builder
	m := New("test", slog.New(slog.NewTextHandler(&log, nil)))
	point := func(names ...string) activities.Progress {
		p := activities.Progress{Step: 1, Point: &sweep.CurvePoint{Loss: 2, Terms: map[string]float64{}}}
		for i, name := range names {
			p.Point.Terms[name] = float64(i)
		}
		return p
	}
	m.TrialProgress("s", 1, point("val_loss", "ddpm"))
	require.Equal(t, []string{
		`tailsweep_trial_loss{sweep="s",term="ddpm",trial="1"} 1`,
		`tailsweep_trial_loss{sweep="s",term="total",trial="1"} 2`,
		`tailsweep_trial_loss{sweep="s",term="val_loss",trial="1"} 0`,
	}, page(t, m, "tailsweep_trial_loss"))
	require.Empty(t, log.String())
	m.TrialProgress("with a total", 1, point("a", "total"))
	require.Contains(t, page(t, m, "tailsweep_trial_loss"), `tailsweep_trial_loss{sweep="with a total",term="total",trial="1"} 2`, "it is the loss called loss")
	m.TrialEnded("with a total", sweep.Trial{Assignment: sweep.Assignment{Number: 1}})
	log.Reset()

	m.TrialProgress("s", 2, point("a", "b", "c", "d", "e", "f", "g", "h", "total", "not a name", sweep.TermInfoNCE))
	m.TrialProgress("s", 2, point("val_loss", "z"))
	m.TrialProgress("s", 1, point("z", "a"))
	terms := map[string]int{}
	for _, line := range page(t, m, "tailsweep_trial_loss") {
		_, rest, _ := strings.Cut(line, `term="`)
		term, _, _ := strings.Cut(rest, `"`)
		terms[term]++
	}
	require.Equal(t, map[string]int{"total": 2, "val_loss": 2, "a": 2, "ddpm": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, sweep.TermInfoNCE: 1}, terms)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	require.True(t, strings.Contains(log.String(), `sweep=s exported="[ddpm val_loss a b c d e f]" left_out=4`), log.String())

	for trial := range 3 {
		m.TrialEnded("s", sweep.Trial{Assignment: sweep.Assignment{Number: trial}})
	}
	require.Empty(t, page(t, m, "tailsweep_trial_"))
	for i := range maxSweeps {
		m.TrialProgress(fmt.Sprintf("sweep-%d", i), 1, point("z"))
	}
	require.Len(t, m.losses, maxSweeps, "a sweep of long ago is forgotten")
}

func TestSeriesEnd(t *testing.T) {
	m := newTest()
	fill(m)
	m.TrialProgress("s", 8, activities.Progress{Step: 1})
	m.TrialEnded("s", sweep.Trial{Assignment: sweep.Assignment{Number: 7}})
	for _, line := range page(t, m, "tailsweep_trial_") {
		require.Contains(t, line, `trial="8"`)
	}
	m.TrialEnded("s", sweep.Trial{Assignment: sweep.Assignment{Number: 8}})
	require.Empty(t, page(t, m, "tailsweep_trial_"))

	m.SweepState("s", activities.SweepNumbers{Blocked: []block.Reason{block.UnknownKey}, Best: map[string]float64{"fid.all": 11}})
	require.Equal(t, []string{`tailsweep_best_value{group="all",metric="fid",sweep="s"} 11`}, page(t, m, "tailsweep_best"), "what the new best does not have goes")

	objectives := []sweep.Objective{{Name: "kid.tail", Goal: sweep.Minimize}, {Name: "coverage.head", Goal: sweep.Maximize}, {Name: "fid.class.bag", Goal: sweep.Minimize}}
	m.SweepState("s", activities.SweepNumbers{Objectives: objectives})
	require.Equal(t, []string{
		`tailsweep_sweep_objective{goal="maximize",group="head",metric="coverage",sweep="s"} 2`,
		`tailsweep_sweep_objective{goal="minimize",group="tail",metric="kid",sweep="s"} 1`,
	}, page(t, m, "tailsweep_sweep_objective"))
	m.SweepState("s", activities.SweepNumbers{Objectives: objectives[:1]})
	require.Len(t, page(t, m, "tailsweep_sweep_objective"), 1, "after an edit the others go")
	require.Equal(t, []string{`tailsweep_sweep_active{sweep="s"} 0`}, page(t, m, "tailsweep_sweep_active"), "an ended sweep stays, as ended")
	require.NotContains(t, page(t, m, "tailsweep_sweep_blocked"), `tailsweep_sweep_blocked{reason="unknown_key",sweep="s"} 1`, "and nothing blocks it")
}

func TestActiveSweeps(t *testing.T) {
	m := newTest()
	fill(m)
	m.SweepState("ended", activities.SweepNumbers{Running: 1, Active: true})
	m.SweepState("ended", activities.SweepNumbers{})
	active := m.ActiveSweeps()
	require.Len(t, active, 1)
	require.Equal(t, 20.5, active["s"].Best["fid.tail"])
	for i := range maxSweeps {
		m.SweepState(fmt.Sprintf("sweep-%d", i), activities.SweepNumbers{})
	}
	require.Empty(t, m.ActiveSweeps(), "a sweep without series is not shown")
}

func TestSweepsOfLongAgoLoseTheirSeries(t *testing.T) {
	m := newTest()
	fill(m)
	for i := range maxSweeps - 1 {
		m.SweepState(fmt.Sprintf("sweep-%d", i), activities.SweepNumbers{})
	}
	m.CheckpointStored("s", 1, 1) // updated again
	m.Restart("one-more", sweep.FailLost)
	require.Len(t, page(t, m, "tailsweep_sweep_active"), maxSweeps-1)
	require.NotEmpty(t, page(t, m, `tailsweep_sweep_active{sweep="s"}`))
	for _, line := range page(t, m, "tailsweep_") {
		require.NotContains(t, line, `"sweep-0"`)
	}
}

func TestNamesAreLinted(t *testing.T) {
	m := newTest()
	fill(m)
	families, err := m.registry.Gather()
	require.NoError(t, err)
	labels := map[string]bool{}
	for _, l := range append([]string{labelSweep, labelTrial, labelMetric, labelGroup, labelTerm, labelStatus, labelReason, labelMethod, "version", "goversion"}, sdkLabels...) {
		labels[l] = true
	}
	ours := 0
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "tailsweep_") && !strings.HasPrefix(f.GetName(), "temporal_") {
			continue
		}
		ours++
		for _, metric := range f.GetMetric() {
			for _, l := range metric.GetLabel() {
				require.True(t, labels[l.GetName()], "%s has label %s", f.GetName(), l.GetName())
			}
		}
	}
	require.Equal(t, 18+3, ours, "fill reaches every collector")
	problems, err := testutil.GatherAndLint(m.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
}

func TestSDKMetrics(t *testing.T) {
	m := newTest()
	root := m.Temporal().WithTags(map[string]string{"namespace": "default", "worker_type": "none"})
	worker := root.WithTags(map[string]string{"worker_type": "ActivityWorker", "task_queue": "gpu", "nexus_service": "left out"})
	root.Counter("temporal_request").Inc(1)
	worker.Counter("temporal_request").Inc(2)
	worker.Counter("temporal_request").Inc(3)
	worker.Counter("temporal_request").Inc(-1)
	lines := page(t, m, "temporal_request_total")
	require.Len(t, lines, 2)
	require.Contains(t, strings.Join(lines, "\n"), `task_queue="gpu",worker_type="ActivityWorker",workflow_type=""} 5`)
	require.Contains(t, strings.Join(lines, "\n"), `task_queue="",worker_type="none",workflow_type=""} 1`)

	worker.Gauge("temporal_num_pollers").Update(4)
	worker.Gauge("temporal_num_pollers").Update(2)
	require.Regexp(t, ` 2$`, page(t, m, "temporal_num_pollers")[0])
	worker.Timer("temporal_request_latency").Record(1500 * time.Millisecond)
	require.Regexp(t, ` 1.5$`, page(t, m, "temporal_request_latency_seconds_sum")[0])

	worker.Gauge("temporal_request_total").Update(1) // the name of the counter: nothing happens
	worker.Gauge("tailsweep_trials").Update(1)       // nor for one of ours
	require.Len(t, page(t, m, "temporal_request_total"), 2)
	require.Empty(t, page(t, m, "tailsweep_trials"))
}

func TestConcurrentUse(t *testing.T) {
	m := newTest()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				name := fmt.Sprintf("s%d", i%3)
				m.TrialProgress(name, w, activities.Progress{Step: i})
				m.SweepState(name, activities.SweepNumbers{Best: map[string]float64{"fid.all": 1}})
				m.Temporal().WithTags(map[string]string{"operation": name}).Counter("temporal_request").Inc(1)
				m.TrialEnded(name, sweep.Trial{Assignment: sweep.Assignment{Number: w}})
			}
		})
	}
	wg.Wait()
	require.Empty(t, page(t, m, "tailsweep_trial_"))
	n, err := testutil.GatherAndCount(m.registry, "temporal_request_total")
	require.NoError(t, err)
	require.Equal(t, 3, n)
}
