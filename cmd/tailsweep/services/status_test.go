package services

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/text"
)

func TestStatusTextSaysWhatToDo(t *testing.T) {
	s := stack.Status{
		Dir: "/home/ada/.local/share/tailsweep", NoWorker: true, Temporal: "127.0.0.1:20001", S3: "http://127.0.0.1:20003", S3Kind: "versitygw", Bucket: "tailsweep",
		Processes: []stack.Process{
			{Name: stack.ProcessStack, Running: true, PID: 4194304, Log: "/home/ada/.local/share/tailsweep/logs/stack.log"},
			{Name: stack.ProcessWorker, Log: "/home/ada/.local/share/tailsweep/logs/worker.log"},
			{Name: stack.ProcessPrometheus, Dead: true, Log: "/home/ada/.local/share/tailsweep/logs/prometheus.log"},
		},
	}
	lines := strings.Split(statusText(s), "\n")
	require.Equal(t, []string{
		"PROCESS     STATE        PID  LOG",
		"stack       running  4194304  logs/stack.log",
		"worker      stopped           logs/worker.log",
		"prometheus  dead              logs/prometheus.log",
		"`tailsweep up` starts what is dead; `tailsweep logs PROCESS` shows why it ended",
		"no worker, as asked for (--no-worker): `tailsweep up` starts one",
	}, lines[:6])
	for _, line := range lines {
		require.LessOrEqual(t, text.Width(line), 80, line)
	}
}
