package services

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/metrics"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/text"
)

func TestStatusTextSaysWhatToDo(t *testing.T) {
	s := shown{WorkerResting: true, Status: stack.Status{
		Dir: "/home/ada/.local/share/tailsweep", NoWorker: true, Temporal: "127.0.0.1:20001", S3: "http://127.0.0.1:20003", S3Kind: "versitygw", Bucket: "tailsweep",
		Processes: []stack.Process{
			{Name: stack.ProcessStack, Running: true, PID: 4194304, Log: "/home/ada/.local/share/tailsweep/logs/stack.log"},
			{Name: stack.ProcessWorker, Log: "/home/ada/.local/share/tailsweep/logs/worker.log"},
			{Name: stack.ProcessPrometheus, Dead: true, Log: "/home/ada/.local/share/tailsweep/logs/prometheus.log"},
		},
	}}
	lines := strings.Split(statusText(s), "\n")
	require.Equal(t, []string{
		"PROCESS     STATE        PID  LOG",
		"stack       running  4194304  logs/stack.log",
		"worker      stopped           logs/worker.log",
		"prometheus  dead              logs/prometheus.log",
		"`tailsweep up` starts what is dead; `tailsweep logs PROCESS` shows why it ended",
		"no worker, as asked for (--no-worker): `tailsweep up` starts one",
		"the worker takes no trials for a time, since attempts failed because of its",
		"machine, build or configuration: `tailsweep logs worker` shows the cause",
	}, lines[:8])
	for _, line := range lines {
		require.LessOrEqual(t, text.Width(line), 80, line)
	}
}

func TestStatusShowsTheSlotsOfTheWorker(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "")
	s := stack.Status{Processes: []stack.Process{{Name: stack.ProcessWorker, Running: true}}}
	require.Contains(t, statusText(shown{Status: s}), "\nworker's training slots: 1\n")
	s.WorkerSlots = 2
	require.Contains(t, statusText(shown{Status: s}), "\nworker's training slots: 2\n")
	s.Processes[0].Running = false
	require.NotContains(t, statusText(shown{Status: s}), "slots")
}

func TestStatusSaysWhetherTheWorkerRunsCommands(t *testing.T) {
	s := stack.Status{Processes: []stack.Process{{Name: stack.ProcessWorker, Running: true}}}
	require.Contains(t, statusText(shown{Status: s}), "\nworker runs commands of specs: no (`tailsweep up --allow-commands`)\n")
	s.RunsCommands = true
	require.Contains(t, statusText(shown{Status: s}), "\nworker runs commands of specs: yes\n")
	s.Processes[0].Running = false
	require.NotContains(t, statusText(shown{Status: s}), "commands")
}

func TestStatusReadsTheRestOfTheWorker(t *testing.T) {
	for rests, page := range map[bool]func(m *metrics.Metrics){
		true:  func(m *metrics.Metrics) { m.WorkerResting(true) },
		false: func(m *metrics.Metrics) { m.WorkerResting(true); m.WorkerResting(false) },
	} {
		m := metrics.New("test", slog.New(slog.DiscardHandler))
		page(m)
		worker := httptest.NewServer(m.Handler())
		require.Equal(t, rests, resting(t.Context(), worker.URL+"/metrics"))
		worker.Close()
		require.False(t, resting(t.Context(), worker.URL+"/metrics"), "a worker that has ended")
	}
}
