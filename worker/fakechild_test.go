package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The test binary doubles as the child that Children starts. It is a FAKE: it
// trains nothing, and plays the scenario that the job's sweep name asks for.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "train", "evaluate":
			fakeChild(os.Args[1], os.Args[3])
		case "fake-worker":
			fakeWorker(os.Args[2], os.Args[3])
		}
	}
	os.Exit(m.Run())
}

func emit(e job.Event) {
	line, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// fakePoint is the curve of the scenario happy.
var fakePoint = sweep.CurvePoint{
	Step: 10, Loss: 2, DDPM: 1, Terms: map[string]float64{sweep.TermInfoNCE: 0.25, sweep.TermCORAL: 0.25},
	Groups: map[string]float64{sweep.GroupTail: 3},
}

func fakeChild(verb, jobFile string) {
	var j struct { // what job.Train and job.Evaluate share, and the folders
		job.Train
		Output string
	}
	data, err := os.ReadFile(jobFile)
	if err == nil {
		err = json.Unmarshal(data, &j)
	}
	if err != nil {
		panic(err)
	}
	go func() { // as package job says
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(job.ExitOrphaned)
	}()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)

	emit(job.Event{Type: job.Started, Backend: "fake", Steps: 20})
	switch scenario := j.Spec.Name; scenario {
	case "happy":
		if verb == "evaluate" {
			emit(job.Event{
				Type: job.Result, Evaluation: &sweep.Evaluation{Metrics: map[string]float64{"fid.all": 12}, Guidance: 1.5, Grid: filepath.Join(j.Output, "grid.png"), Floor: map[string]float64{"fid.all": 2}, Features: "5bec"},
			})
			os.Exit(0)
		}
		emit(job.Event{Type: job.Loading, Step: 30, Steps: 40})
		emit(job.Event{Type: job.Progress, Step: 10, Steps: 20, StepsPerSecond: 5, Point: &fakePoint})
		emit(job.Event{Type: job.Checkpoint, Step: 10, Dir: filepath.Join(j.Staging, "step-0000000010")})
		emit(job.Event{Type: job.Checkpoint, Step: 20, Dir: filepath.Join(j.Staging, "step-0000000020")})
		emit(job.Event{Type: job.Done, Step: 20, Losses: sweep.Losses{LossFirst: new(2.0), LossLast: new(1.0)}})
	case "null":
		fmt.Println(`{"type":"result","metrics":{"fid.all":null}}`)
	case "diverged":
		emit(job.Event{Type: job.Diverged, Step: 7, Losses: sweep.Losses{LossFirst: new(2.0)}})
	case "bad-data":
		emit(job.Event{Type: job.Error, Class: "bad_data", Message: "images.idx.gz: truncated"})
		os.Exit(1)
	case "no-such-class":
		emit(job.Event{Type: job.Error, Class: "tired", Message: "no"})
	case "panic":
		var nothing *job.Train
		fmt.Println(nothing.Staging)
	case "exit-7":
		fmt.Fprintln(os.Stderr, "last words")
		os.Exit(7)
	case "xla-memory":
		fmt.Fprintln(os.Stderr, "RESOURCE_EXHAUSTED: Out of memory while trying to allocate")
		os.Exit(1)
	case "sigkill":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "sigabrt":
		signal.Reset(syscall.SIGABRT)
		fmt.Fprintln(os.Stderr, "native code gave up")
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
	case "garbage":
		fmt.Println("{not json")
		fmt.Println(`{"no":"type"}`)
		fmt.Println("\xff\xfe\x00")
		fmt.Println(strings.Repeat("x", 3*child.MaxLine))
		fmt.Print("no newline, then an event: ")
		fmt.Println()
		emit(job.Event{Type: job.Done, Step: 20})
	case "linked":
		if err := os.Symlink("/etc", filepath.Join(j.Staging, "step-0000000010")); err != nil {
			panic(err)
		}
		emit(job.Event{Type: job.Checkpoint, Step: 10, Dir: filepath.Join(j.Staging, "step-0000000010")})
	case "elsewhere":
		emit(job.Event{Type: job.Checkpoint, Step: 10, Dir: "/etc"})
		hang(nil)
	case "stores":
		dir := filepath.Join(j.Staging, "step-0000000010")
		if err := os.Mkdir(dir, 0o700); err != nil {
			panic(err)
		}
		emit(job.Event{Type: job.Checkpoint, Step: 10, Dir: dir})
		hang(nil)
	case "hang":
		hang(nil)
	case "drain":
		hang(term)
		emit(job.Event{Type: job.Checkpoint, Step: 15, Dir: filepath.Join(j.Staging, "step-0000000015")})
		emit(job.Event{Type: job.Preempted, Step: 15})
	case "done-then-hang":
		emit(job.Event{Type: job.Done, Step: 20})
		hang(nil)
	case "done-then-crash":
		emit(job.Event{Type: job.Done, Step: 20})
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "grandchild":
		leaveGrandchild(j.Staging)
		emit(job.Event{Type: job.Done, Step: 20})
	case "program": // starts what a trainer of the user starts: a process with a session of its own, and the mark
		left := exec.Command("sleep", "300")
		left.Env = append(os.Environ(), job.ProgramMark(j.Staging))
		left.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := left.Start(); err != nil {
			panic(err)
		}
		emit(job.Event{Type: job.Progress, Step: left.Process.Pid})
		hang(nil)
	case "environment":
		emit(job.Event{Type: job.Error, Class: "bug", Message: strings.Join(os.Environ(), "\n")})
	case "flood":
		for i := range 60_000 {
			fmt.Fprintf(os.Stderr, "%d %s\n", i, strings.Repeat("z", 70))
		}
		os.Exit(1)
	case "pid":
		emit(job.Event{Type: job.Progress, Step: os.Getpid()})
		hang(nil)
	default:
		panic("no scenario " + scenario)
	}
	os.Exit(0)
}

// hang waits for a signal, or for ever.
func hang(term <-chan os.Signal) {
	if term == nil {
		select {}
	}
	<-term
}

// leaveGrandchild starts a process that holds the child's stdout open, and writes
// its pid.
func leaveGrandchild(dir string) {
	sleep := exec.Command("sleep", "300")
	sleep.Stdout = os.Stdout
	if err := sleep.Start(); err != nil {
		panic(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "grandchild.pid"), fmt.Append(nil, sleep.Process.Pid), 0o644); err != nil {
		panic(err)
	}
}

// fakeWorker is a worker process with one hanging child, whose pid it prints.
func fakeWorker(scenario, staging string) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	children := NewChildren(ChildrenConfig{Executable: self, Slots: 1, AllowCommands: true, Logs: keptLogs{}, Log: slog.New(slog.DiscardHandler)})
	j := trainJob(scenario, staging)
	if scenario == "program" {
		j.Spec.Trainer = &sweep.Trainer{Command: []string{"sleep"}}
	}
	_, err = children.Train(context.Background(), j, nil, func(p activities.Progress) error {
		if p.Step > 0 {
			fmt.Println(p.Step)
		}
		return nil
	})
	panic(err)
}

// keptLogs is a FAKE archive for logs: by sweep name, in memory.
type keptLogs map[string]string

func (k keptLogs) PutLog(_ context.Context, t sweep.Task, path string) error {
	text, err := os.ReadFile(path)
	k[t.Spec.Name] = string(text)
	return err
}

func trainJob(scenario, staging string) sweep.TrainJob {
	j := sweep.TrainJob{Staging: staging, Task: sweep.Task{Attempt: 1}}
	j.Spec.Name = scenario
	return j
}

// gone waits until no process with this pid runs; one that is dead but not reaped is gone.
func gone(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return
		}
		if _, rest, found := strings.Cut(string(stat), ") "); found && strings.HasPrefix(rest, "Z") {
			return
		}
	}
	t.Fatalf("process %d still runs", pid)
}
