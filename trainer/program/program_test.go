package program

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The test binary doubles as the program of the user, which plays a scenario, and as the
// child of a worker.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 2 && os.Args[1] == "play":
		play(os.Args[2], os.Args[3:])
		os.Exit(0)
	case len(os.Args) > 2 && os.Args[1] == "adapter":
		os.Exit(RunChild(context.Background(), os.Args[2], os.Stdin, os.Stdout, "v1"))
	}
	os.Exit(m.Run())
}

// hang waits for ever. A select without cases would be a deadlock, which ends the process.
func hang() { time.Sleep(time.Hour) }

// say writes messages.
func say(lines ...string) {
	for _, line := range lines {
		fmt.Println(line)
	}
}

// readJob reads the job file as a program does.
func readJob() (p job.Program) {
	data, err := os.ReadFile(os.Getenv("TAILSWEEP_JOB"))
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		panic(err)
	}
	return p
}

// write writes a file into a folder of the staging folder.
func write(dir, name, content string) {
	path := filepath.Join(readJob().Staging, dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		panic(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		panic(err)
	}
}

func play(scenario string, args []string) {
	const last = `{"type":"done","step":4}`
	const metrics = `{"type":"metrics","step":4,"metrics":{"acc":0.5}}`
	switch scenario {
	case "trains": // as it should: resumes, saves every second step, measures at until
		train()
	case "says": // each argument
		say(args...)
	case "garbage":
		say("{not json", `{"no":"type"}`, "\xff\xfe\x00", "\x1b[31mred", `{"type":"confetti","step":"x"}`, `{'type': 'progress'}`, strings.Repeat("x", 300<<10), metrics, last)
	case "silence":
	case "exits":
		fmt.Fprintln(os.Stderr, "last words")
		code := 0
		_, _ = fmt.Sscan(args[0], &code)
		os.Exit(code)
	case "no-memory":
		fmt.Fprintln(os.Stderr, "torch.cuda.OutOfMemoryError: CUDA out of memory.")
		os.Exit(1)
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		hang()
	case "crashes":
		panic(syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -ABRT $$"}, os.Environ()))
	case "talks": // 100 MB
		line := strings.Repeat("z", 99) + "\n"
		block := strings.Repeat(line, 1000)
		for range 1000 {
			fmt.Print(block)
		}
		say(metrics, last)
	case "thousand":
		var all []string
		for i := range 1000 {
			all = append(all, fmt.Sprintf(`"m%d":1`, i))
		}
		say(`{"type":"metrics","step":4,"metrics":{`+strings.Join(all, ",")+`}}`, last)
	case "link":
		if err := os.Symlink("/proc", filepath.Join(readJob().Staging, "c")); err != nil {
			panic(err)
		}
		say(`{"type":"checkpoint","step":2,"dir":"c"}`)
		hang()
	case "link-within":
		write("c", "weights", "x")
		if err := os.Symlink("/proc/version", filepath.Join(readJob().Staging, "c", "state")); err != nil {
			panic(err)
		}
		say(`{"type":"checkpoint","step":2,"dir":"c"}`)
		hang()
	case "reserved":
		write("c", args[0], "x")
		say(`{"type":"checkpoint","step":2,"dir":"c"}`)
		hang()
	case "forks": // leaves a process with a session of its own, which keeps stdout open
		self, _ := os.Executable()
		left := exec.Command(self, "play", "sleeps")
		left.Stdout, left.Stderr = os.Stdout, os.Stderr
		left.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := left.Start(); err != nil {
			panic(err)
		}
		say(fmt.Sprintf(`{"type":"progress","step":%d}`, 1), fmt.Sprint("left ", left.Process.Pid))
		if len(args) > 0 {
			hang()
		}
		say(metrics, last)
	case "sleeps":
		hang()
	case "hangs":
		say(`{"type":"progress","step":1}`)
		hang()
	case "ignores":
		signal.Ignore(syscall.SIGTERM)
		write("c", "weights", "x")
		say(fmt.Sprint("pid ", os.Getpid()), `{"type":"checkpoint","step":2,"dir":"c"}`, `{"type":"progress","step":3}`)
		hang()
	case "lingers":
		say(metrics, last)
		hang()
	case "environment":
		say(os.Environ()...)
		dir, _ := os.Getwd()
		info, _ := os.Stat("train.sh")
		say("in "+dir, "mode "+info.Mode().String(), metrics, last)
	case "early-metrics":
		say(metrics)
		write("c", "weights", "x")
		say(`{"type":"checkpoint","step":4,"dir":"c"}`, last)
	case "samples":
		write("c", "samples/0/a.png", "x")
		write("c", "weights", "x")
		say(`{"type":"checkpoint","step":4,"dir":"c"}`, last)
	case "saves-then-dies":
		write("c", "weights", "x")
		say(`{"type":"checkpoint","step":4,"dir":"c"}`)
		os.Exit(3)
	case "measures": // only, since it resumes at until
		say(metrics, last)
	case "many":
		for i := range 4 {
			write(fmt.Sprint("c", i), "weights", "x")
			say(fmt.Sprintf(`{"type":"checkpoint","step":%d,"dir":"c%d"}`, i+1, i))
		}
		say(metrics, last)
	default:
		if !playPlain(scenario, args) {
			panic("no scenario " + scenario)
		}
	}
}

// train is a program that follows the protocol.
func train() {
	p := readJob()
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	step := 0
	if p.Resume != "" {
		data, err := os.ReadFile(filepath.Join(p.Resume, "state"))
		if err != nil {
			panic(err)
		}
		_, _ = fmt.Sscan(string(data), &step)
	}
	say(fmt.Sprintf(`{"type":"started","step":%d}`, step))
	save := func() {
		dir := fmt.Sprint("ckpt-", step)
		write(dir, "state", fmt.Sprint(step))
		say(fmt.Sprintf(`{"type":"checkpoint","step":%d,"dir":%q}`, step, dir))
	}
	for step < p.Until {
		step++
		say(fmt.Sprintf(`{"type":"progress","step":%d,"losses":{"loss":%v,"reg":0.5}}`, step, 10-step))
		if step%p.CheckpointEvery == 0 || step == p.Until {
			save()
		}
		if slices.Contains(os.Args, "waits") && step == 3 {
			<-term
			save()
			say(fmt.Sprintf(`{"type":"preempted","step":%d}`, step))
			return
		}
	}
	say(fmt.Sprintf(`{"type":"metrics","step":%d,"metrics":{"acc":0.75,"more":1},"standard_error":{"acc":0.01}}`, step), fmt.Sprintf(`{"type":"done","step":%d}`, step))
}

// newJob returns a job of 4 steps with a checkpoint at every second one, of a spec that names the metric acc.
func newJob(t *testing.T, scenario ...string) job.Train {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	spec := sweep.Spec{
		Name: "own", Train: sweep.Train{Steps: 4}, Checkpoints: sweep.Checkpoints{EverySteps: 2},
		Metrics: []sweep.Objective{{Name: "acc", Goal: sweep.Maximize}},
		Trainer: &sweep.Trainer{Command: append([]string{self, "play"}, scenario...), Protocol: sweep.ProtocolJSON, SecondsToSave: 30},
	}
	return job.Train{TrainJob: sweep.TrainJob{
		Task: sweep.Task{Spec: spec, Attempt: 1, Assignment: sweep.Assignment{Number: 3, Seed: 7, Params: sweep.Params{"lr": sweep.Number(0.1)}}}, Staging: t.TempDir(),
	}}
}

// ran is what came of a run.
type ran struct {
	events []job.Event
	seen   []Observation
	log    string
	err    error
	linger time.Duration // in place of afterLastMessage, unless 0
}

// run runs a job. each is called for every event; it may be nil.
func (r *ran) run(t *testing.T, j job.Train, o Options, each func(job.Event)) *ran {
	t.Helper()
	var mu sync.Mutex
	var log strings.Builder
	o.Version = "v1"
	o.Log = func(format string, a ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&log, format+"\n", a...)
	}
	o.Observe = func(seen Observation) { r.seen = append(r.seen, seen) }
	o.Events = func(e job.Event) error {
		r.events = append(r.events, e)
		if each != nil {
			each(e)
		}
		return nil
	}
	linger := r.linger
	if linger == 0 {
		linger = afterLastMessage
	}
	r.err = run0(t.Context(), j, o, linger)
	r.log = log.String()
	_, err := os.Lstat(filepath.Join(j.Staging, job.ProgramDir))
	require.ErrorIs(t, err, os.ErrNotExist, "nothing is left")
	return r
}

func runs(t *testing.T, j job.Train) *ran { return new(ran).run(t, j, Options{}, nil) }

func (r *ran) last() job.Event { return r.events[len(r.events)-1] }

// checkpoints returns the folders of the checkpoint events.
func (r *ran) checkpoints() (dirs []string) {
	for _, e := range r.events {
		if e.Type == job.Checkpoint {
			dirs = append(dirs, e.Dir)
		}
	}
	return dirs
}

// fails checks the failure of a run.
func (r *ran) fails(t *testing.T, class sweep.FailureClass, says string) {
	t.Helper()
	var failure *sweep.FailureError
	require.ErrorAs(t, r.err, &failure, r.log)
	require.Equal(t, class, failure.Class, failure.Message)
	require.Contains(t, failure.Message, says)
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(data)
}

func TestATraining(t *testing.T) {
	j := newJob(t, "trains")
	r := runs(t, j)
	require.NoError(t, r.err)
	require.Equal(t, job.Event{Type: job.Opened, Backend: "program"}, r.events[0])
	require.Equal(t, job.Event{Type: job.Started, Backend: "program", Steps: 4}, r.events[1])
	require.Equal(t, job.Event{
		Type: job.Done, Step: 4, Steps: 4, Losses: sweep.Losses{LossFirst: new(9.0), LossLast: new(6.0)},
		Evaluation: &sweep.Evaluation{Metrics: map[string]float64{"acc": 0.75, "more": 1}, StandardError: map[string]float64{"acc": 0.01}},
	}, r.last())
	dirs := r.checkpoints()
	require.Equal(t, []string{filepath.Join(j.Staging, "step-0000000002"), filepath.Join(j.Staging, "step-0000000004")}, dirs)
	m, err := checkpoint.Verify(dirs[1])
	require.NoError(t, err)
	require.Equal(t, 3, m.Trial)
	require.Equal(t, j.Spec.Trainer.Command, m.Provenance.Command)
	require.Equal(t, "program", m.Provenance.Backend)
	require.Equal(t, j.Spec.Digest(), m.Provenance.SpecDigest)
	require.Equal(t, "4", read(t, dirs[1], "state"))
	require.JSONEq(t, `{"metrics":{"acc":0.75,"more":1},"standard_error":{"acc":0.01}}`, read(t, dirs[1], "metrics.json"))
	require.Equal(t, `{"step":1,"loss":9,"terms":{"reg":0.5}}
{"step":2,"loss":8,"terms":{"reg":0.5}}
`, read(t, dirs[0], "curve.jsonl"))
	require.NoFileExists(t, filepath.Join(dirs[0], "metrics.json"))
	exited := r.seen[len(r.seen)-1]
	require.True(t, exited.Exited)
	require.Zero(t, exited.Code)
	require.Equal(t, job.Started, r.seen[1].Message.Type)
}

// A training in parts gives the curve, the weights and the results of one without a break, and
// a rung whose results are known does not start the program again.
func TestATrainingInParts(t *testing.T) {
	whole := runs(t, newJob(t, "trains"))
	j := newJob(t, "trains")
	j.Until = 2
	rung := runs(t, j)
	require.NoError(t, rung.err)
	require.Equal(t, 2, rung.last().Step)
	require.Equal(t, 0.75, rung.last().Metrics["acc"])
	j.Until, j.Resume, j.Parent, j.Staging = 0, rung.checkpoints()[0], "key", t.TempDir()
	rest := runs(t, j)
	require.NoError(t, rest.err)
	require.Equal(t, 2, rest.events[1].Step)
	require.Equal(t, whole.last(), rest.last())
	for _, name := range []string{"curve.jsonl", "state", "metrics.json"} {
		require.Equal(t, read(t, whole.checkpoints()[1], name), read(t, rest.checkpoints()[0], name))
	}
	m, err := checkpoint.ReadManifest(rest.checkpoints()[0])
	require.NoError(t, err)
	require.Equal(t, "key", m.Provenance.Parent)

	j.Resume, j.Spec.Trainer.Command = rest.checkpoints()[0], []string{"no-such-program"}
	again := runs(t, j)
	require.NoError(t, again.err)
	require.Equal(t, whole.last(), again.last())
	require.Len(t, again.events, 2)

	j.Until = 3
	again = runs(t, j)
	again.fails(t, sweep.FailBadData, "is of step 4, and the training ends at step 3")
}

// After SIGTERM the program saves, and the next attempt continues.
func TestDrain(t *testing.T) {
	j := newJob(t, "trains", "waits")
	drain := make(chan struct{})
	closed := false
	r := new(ran).run(t, j, Options{Drain: drain}, func(e job.Event) {
		if e.Step == 3 && !closed {
			close(drain)
			closed = true
		}
	})
	require.NoError(t, r.err)
	require.Equal(t, job.Event{Type: job.Preempted, Step: 3, Steps: 4}, r.last())
	require.Equal(t, "3", read(t, r.checkpoints()[1], "state"))
}

// A program that ignores SIGTERM is killed after seconds_to_save; the attempt is preempted, at its last checkpoint.
func TestAnIgnoredSIGTERM(t *testing.T) {
	j := newJob(t, "ignores")
	j.Spec.Trainer.SecondsToSave = 1
	drain := make(chan struct{})
	closed := false
	r := new(ran).run(t, j, Options{Drain: drain}, func(e job.Event) {
		if e.Type == job.Checkpoint && !closed {
			close(drain)
			closed = true
		}
	})
	require.NoError(t, r.err)
	require.Equal(t, job.Event{Type: job.Preempted, Step: 2, Steps: 4}, r.last())
	require.True(t, r.seen[len(r.seen)-1].Killed)
}

// A drain that ends a program which does not handle SIGTERM is no failure.
func TestDrainWithoutACheckpoint(t *testing.T) {
	drain := make(chan struct{})
	r := new(ran).run(t, newJob(t, "hangs"), Options{Drain: drain}, func(e job.Event) {
		if e.Type == job.Progress {
			close(drain)
		}
	})
	require.NoError(t, r.err)
	require.Equal(t, job.Event{Type: job.Preempted, Steps: 4}, r.last())
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cause := errors.New("stop")
	stopped, stop := context.WithCancelCause(ctx)
	defer cancel()
	err := Run(stopped, newJob(t, "hangs"), Options{Events: func(e job.Event) error {
		if e.Type == job.Progress {
			stop(cause)
		}
		return nil
	}})
	require.ErrorIs(t, err, cause)
}

func TestAnErrorOfEventsEndsTheTraining(t *testing.T) {
	full := &sweep.FailureError{Failure: sweep.Failure{Class: sweep.FailTransient, Message: "full"}}
	err := Run(t.Context(), newJob(t, "hangs"), Options{Events: func(e job.Event) error {
		if e.Type == job.Progress {
			return full
		}
		return nil
	}})
	require.ErrorIs(t, err, full)
}

// What the program reports against the rules, or how it ends without a last message.
func TestFailures(t *testing.T) {
	progress := func(step int, losses string) string {
		return fmt.Sprintf(`{"type":"progress","step":%d,"losses":%s}`, step, losses)
	}
	for name, c := range map[string]struct {
		scenario []string
		class    sweep.FailureClass
		says     string
	}{
		"silence":            {[]string{"silence"}, sweep.FailBug, "without a last message, with exit code 0"},
		"exit code 1":        {[]string{"exits", "1"}, sweep.FailBug, "exit code 1 and without a last message; its last output:\nlast words"},
		"exit code 126":      {[]string{"exits", "126"}, sweep.FailEnvironment, "exit code 126; its last output:\nlast words"},
		"exit code 127":      {[]string{"exits", "127"}, sweep.FailEnvironment, "exit code 127"},
		"killed":             {[]string{"killed"}, sweep.FailLost, "the program was killed (signal 9)"},
		"crashes":            {[]string{"crashes"}, sweep.FailBug, "the program crashed: aborted"},
		"no memory":          {[]string{"no-memory"}, sweep.FailOutOfMemory, "the program ran out of memory"},
		"thousand metrics":   {[]string{"thousand"}, sweep.FailBug, "metrics has 1000 names (valid: at most 64)"},
		"NaN":                {[]string{"says", progress(1, `{"loss": NaN}`)}, sweep.FailBug, "NaN and Infinity are not JSON"},
		"minus infinity":     {[]string{"says", progress(1, `{"loss": -Infinity}`)}, sweep.FailBug, "NaN and Infinity are not JSON"},
		"null":               {[]string{"says", progress(1, `{"loss":null}`)}, sweep.FailBug, "losses has null for loss"},
		"half a message":     {[]string{"says", `{"type":"progress","step":1`}, sweep.FailBug, "is not JSON: unexpected end of JSON input. The line is:\n{\"type\":\"progress\",\"step\":1"},
		"word for a number":  {[]string{"says", `{"type":"progress","step":"one"}`}, sweep.FailBug, "the field step cannot be a string"},
		"a step of 10^30":    {[]string{"says", `{"type":"progress","step":1e30}`}, sweep.FailBug, "the field step cannot be a number 1e30"},
		"colours":            {[]string{"says", `{"type":"error","class":"bug","message":"\u001b[31mred\nline"}`}, sweep.FailBug, "the program reports:  [31mred\nline"},
		"no step":            {[]string{"says", `{"type":"progress"}`}, sweep.FailBug, "progress has no step"},
		"negative step":      {[]string{"says", `{"type":"progress","step":-1}`}, sweep.FailBug, "step is -1"},
		"step back":          {[]string{"says", progress(2, "{}"), progress(1, "{}")}, sweep.FailBug, "step is 1 after step 2"},
		"step beyond":        {[]string{"says", progress(5, "{}")}, sweep.FailBug, "step is 5, beyond until = 4"},
		"name":               {[]string{"says", progress(1, `{"a b":1}`)}, sweep.FailBug, `losses has the name "a b"`},
		"started elsewhere":  {[]string{"says", `{"type":"started","step":3}`}, sweep.FailBug, "started at step 3 (valid: 0)"},
		"started late":       {[]string{"says", progress(0, "{}"), `{"type":"started","step":0}`}, sweep.FailBug, "started must come before"},
		"done early":         {[]string{"says", `{"type":"done","step":3}`}, sweep.FailBug, "done at step 3, and until is 4"},
		"metrics elsewhere":  {[]string{"says", `{"type":"metrics","step":3,"metrics":{"acc":1}}`}, sweep.FailBug, "metrics of step 3: they are of until = 4"},
		"metrics twice":      {[]string{"says", `{"type":"metrics","step":4,"metrics":{"acc":1}}`, `{"type":"metrics","step":4,"metrics":{"b":1}}`}, sweep.FailBug, "metrics were reported already"},
		"error of nothing":   {[]string{"says", `{"type":"metrics","step":4,"metrics":{"acc":1},"standard_error":{"b":1}}`}, sweep.FailBug, "standard_error names b"},
		"negative error":     {[]string{"says", `{"type":"metrics","step":4,"metrics":{"acc":1},"standard_error":{"acc":-1}}`}, sweep.FailBug, "standard_error of acc is -1"},
		"no metrics":         {[]string{"says", `{"type":"done","step":4}`}, sweep.FailBadData, "has not reported acc, which the spec names (reported: none)"},
		"other metrics":      {[]string{"says", `{"type":"metrics","step":4,"metrics":{"accuracy":1,"b":2}}`, `{"type":"done","step":4}`}, sweep.FailBadData, "has not reported acc, which the spec names (reported: accuracy, b)"},
		"no folder":          {[]string{"says", `{"type":"checkpoint","step":2,"dir":"x"}`}, sweep.FailBug, "there is no folder"},
		"no dir":             {[]string{"says", `{"type":"checkpoint","step":2}`}, sweep.FailBug, "checkpoint has no dir"},
		"foreign folder":     {[]string{"says", `{"type":"checkpoint","step":2,"dir":"/proc"}`}, sweep.FailBug, `"/proc" is not inside`},
		"folder above":       {[]string{"says", `{"type":"checkpoint","step":2,"dir":"../work"}`}, sweep.FailBug, "is not inside"},
		"link":               {[]string{"link"}, sweep.FailBug, "is a link"},
		"link within":        {[]string{"link-within"}, sweep.FailBadData, `"state" is a link`},
		"reserved name":      {[]string{"reserved", "curve.jsonl"}, sweep.FailBadData, "curve.jsonl, which tailsweep adds itself"},
		"own metrics.json":   {[]string{"reserved", "metrics.json"}, sweep.FailBadData, "metrics.json, which tailsweep adds itself"},
		"name of a file":     {[]string{"reserved", "a b"}, sweep.FailBadData, `"a b"`},
		"its own error":      {[]string{"says", `{"type":"error","class":"bad_data","message":"train.csv: no column y"}`}, sweep.FailBadData, "the program reports: train.csv: no column y"},
		"class of tailsweep": {[]string{"says", `{"type":"error","class":"lost","message":"x"}`}, sweep.FailBug, `class is "lost" (valid: bad_data, out_of_memory, bug, transient, environment)`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t, c.scenario...)
			r := runs(t, j)
			r.fails(t, c.class, c.says)
			require.Less(t, len(r.err.Error()), 3000)
			entries, err := os.ReadDir(j.Staging)
			require.NoError(t, err)
			for _, e := range entries {
				require.Contains(t, e.Name(), "step-")
			}
		})
	}
}

// Each problem is observed with its line.
func TestAProblemIsObserved(t *testing.T) {
	r := runs(t, newJob(t, "says", "hello", `{"type":"progress","step":9}`))
	require.Equal(t, "hello", r.seen[1].Text)
	require.Equal(t, "step is 9, beyond until = 4", r.seen[2].Problem)
	require.Equal(t, `{"type":"progress","step":9}`, r.seen[2].Text)
}

// Text that is no message is log, without what controls a terminal.
func TestGarbageIsLog(t *testing.T) {
	r := runs(t, newJob(t, "garbage"))
	require.NoError(t, r.err)
	require.NotContains(t, r.log, "\x00")
	require.NotContains(t, r.log, "\x1b")
	for _, line := range []string{"{not json", `{"no":"type"}`, `{"type":"confetti","step":"x"}`, `{'type': 'progress'}`} {
		require.Contains(t, r.log, line+"\n")
	}
}

func TestAHundredMegabytesOfOutput(t *testing.T) {
	j, bytes := newJob(t, "talks"), 0
	err := Run(t.Context(), j, Options{Events: func(job.Event) error { return nil }, Log: func(_ string, a ...any) {
		if line, ok := a[0].(string); ok {
			bytes += len(line) + 1
		}
	}})
	require.NoError(t, err)
	require.Equal(t, 100_000_000, bytes)
}

func TestDiverged(t *testing.T) {
	r := runs(t, newJob(t, "says", `{"type":"progress","step":1,"losses":{"loss":3}}`, `{"type":"diverged","step":2}`))
	require.NoError(t, r.err)
	require.Equal(t, job.Event{Type: job.Diverged, Step: 2, Steps: 4, Losses: sweep.Losses{LossFirst: new(3.0)}}, r.last())
}

// A process that left and keeps stdout open is killed, and is not waited for.
func TestAProcessThatLeft(t *testing.T) {
	if !child.FindsAll {
		t.Skip("only Linux finds it")
	}
	began := time.Now()
	r := runs(t, newJob(t, "forks"))
	require.NoError(t, r.err)
	require.Less(t, time.Since(began), 4*time.Second)
	pid := 0
	for _, seen := range r.seen {
		_, _ = fmt.Sscanf(seen.Text, "left %d", &pid)
	}
	gone(t, pid)
	require.Len(t, r.seen[len(r.seen)-1].Left, 1)
}

// gone waits until no process with this pid runs; one that is dead but not reaped is gone.
func gone(t *testing.T, pid int) {
	t.Helper()
	require.NotZero(t, pid)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if _, rest, found := strings.Cut(string(stat), ") "); err != nil || found && strings.HasPrefix(rest, "Z") {
			return
		}
	}
	t.Fatalf("process %d still runs", pid)
}

// When its worker has gone, the child kills the program with all that it has started, and so
// it is when the child itself is killed and the next worker cleans up.
func TestTheWorkerIsGone(t *testing.T) {
	if !child.FindsAll {
		t.Skip("only Linux finds it")
	}
	j := newJob(t, "forks", "and-hangs")
	self, err := os.Executable()
	require.NoError(t, err)
	jobFile := filepath.Join(t.TempDir(), "job.json")
	require.NoError(t, file.WriteJSON(jobFile, j, 0o600))
	adapter := exec.Command(self, "adapter", jobFile)
	stdin, err := adapter.StdinPipe()
	require.NoError(t, err)
	stderr, err := adapter.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, adapter.Start())
	pid := 0
	for pid == 0 {
		_, err := fmt.Fscanf(stderr, "left %d\n", &pid)
		if errors.Is(err, os.ErrClosed) {
			t.Fatal(err)
		}
	}
	require.NoError(t, stdin.Close())
	var exit *exec.ExitError
	require.ErrorAs(t, adapter.Wait(), &exit)
	require.Equal(t, job.ExitOrphaned, exit.ExitCode())
	gone(t, pid)
}

// A second signal to the child, as from a second Ctrl-C, ends it at once, with the program.
func TestASecondSignal(t *testing.T) {
	j := newJob(t, "ignores")
	self, err := os.Executable()
	require.NoError(t, err)
	jobFile := filepath.Join(t.TempDir(), "job.json")
	require.NoError(t, file.WriteJSON(jobFile, j, 0o600))
	adapter := exec.Command(self, "adapter", jobFile)
	stdin, err := adapter.StdinPipe()
	require.NoError(t, err)
	defer stdin.Close() //nolint:errcheck // it has ended
	stderr, err := adapter.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, adapter.Start())
	pid := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		switch _, _ = fmt.Sscanf(lines.Text(), "pid %d", &pid); {
		case pid == 0:
		case strings.HasPrefix(lines.Text(), "pid "), strings.HasPrefix(lines.Text(), "asked the program"):
			require.NoError(t, adapter.Process.Signal(syscall.SIGINT))
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, adapter.Wait(), &exit)
	require.Equal(t, syscall.SIGINT, exit.Sys().(syscall.WaitStatus).Signal())
	gone(t, pid)
}

// A program that does not end after its last message is killed, and has succeeded.
func TestAProgramThatLingers(t *testing.T) {
	r := (&ran{linger: 50 * time.Millisecond}).run(t, newJob(t, "lingers"), Options{}, nil)
	require.NoError(t, r.err)
	require.Equal(t, job.Done, r.last().Type)
	require.True(t, r.seen[len(r.seen)-1].Killed)
}

func TestEnvironmentAndFiles(t *testing.T) {
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "TEMPORAL_API_KEY", "TAILSWEEP_S3_ENDPOINT", "SOME_TOKEN", "XLA_FLAGS"} {
		t.Setenv(name, "secret")
	}
	t.Setenv("HF_HOME", "/hf")
	t.Setenv("CUDA_VISIBLE_DEVICES", "5")
	j := newJob(t, "environment")
	j.Files = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(j.Files, "train.sh"), nil, 0o600))
	j.Spec.Trainer.Env, j.Spec.Trainer.PassEnv = map[string]string{"OMP_NUM_THREADS": "1"}, []string{"HF_HOME"}
	r := runs(t, j)
	require.NoError(t, r.err)
	require.NotContains(t, r.log, "secret")
	for _, line := range []string{
		"HF_HOME=/hf", "OMP_NUM_THREADS=1", "CUDA_VISIBLE_DEVICES=5", "PATH=" + os.Getenv("PATH"), "mode -rwx------",
		"TAILSWEEP_JOB=" + filepath.Join(j.Staging, ".program", "job.json"), "in " + filepath.Join(j.Staging, ".program", "work"),
	} {
		require.Contains(t, r.log, line+"\n")
	}
	require.Equal(t, "5", r.events[0].Device)

	require.NoError(t, os.Symlink("/proc/version", filepath.Join(j.Files, "link")))
	runs(t, j).fails(t, sweep.FailBug, "lay out trainer.files")
}

func TestNoSuchProgram(t *testing.T) {
	for _, command := range []string{"no-such-program", "./no-such-program", "/dev/null"} {
		j := newJob(t)
		j.Spec.Trainer.Command = []string{command}
		runs(t, j).fails(t, sweep.FailEnvironment, `"`+command+`" of trainer.command: `)
	}
}

// A Python is asked for its packages, which the checkpoint has; the file of a user does not take
// the place of a module of Python's.
func TestPythonPackages(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	j := newJob(t)
	j.Spec.Trainer.Command = []string{python, "train.py"}
	j.Files = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(j.Files, "platform.py"), []byte("raise SystemExit(1)"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(j.Files, "train.py"), []byte(`print('{"type":"metrics","step":4,"metrics":{"acc":1}}\n{"type":"done","step":4}')`), 0o600))
	r := runs(t, j)
	require.NoError(t, r.err)
	m, err := checkpoint.ReadManifest(r.checkpoints()[0])
	require.NoError(t, err)
	require.Regexp(t, `^3\.\d+\.`, m.Provenance.Python)
	for line := range strings.Lines(read(t, r.checkpoints()[0], "environment.txt")) {
		require.Regexp(t, `^\S+==\S+\n$`, line)
	}

	j.Spec.Trainer.Command, j.Staging = []string{filepath.Join(j.Files, "python")}, t.TempDir()
	require.NoError(t, os.WriteFile(j.Spec.Trainer.Command[0], []byte("#!/bin/sh\ntest \"$1\" = -c && exit 1\nprintf '%s\\n' '{\"type\":\"metrics\",\"step\":4,\"metrics\":{\"acc\":1}}' '{\"type\":\"done\",\"step\":4}'\n"), 0o700))
	r = runs(t, j)
	require.NoError(t, r.err)
	require.NoFileExists(t, filepath.Join(r.checkpoints()[0], "environment.txt"), "it could not be asked")
}

// Metrics before the checkpoint of their step belong to it, too.
func TestMetricsBeforeTheCheckpoint(t *testing.T) {
	r := runs(t, newJob(t, "early-metrics"))
	require.NoError(t, r.err)
	require.JSONEq(t, `{"metrics":{"acc":0.5}}`, read(t, r.checkpoints()[0], "metrics.json"))
}

// A program without checkpoints gets one with its metrics, from which nothing resumes.
func TestACheckpointOfMetricsAlone(t *testing.T) {
	j := newJob(t, "measures")
	r := runs(t, j)
	require.NoError(t, r.err)
	m, err := checkpoint.Verify(r.checkpoints()[0])
	require.NoError(t, err)
	require.Len(t, m.Files, 2, "curve.jsonl and metrics.json")

	j.Spec.Train.Steps, j.Resume, j.Staging = 8, r.checkpoints()[0], t.TempDir()
	j.Spec.Trainer.Command[2] = "trains"
	r = runs(t, j)
	require.NoError(t, r.err)
	require.Equal(t, 0, r.events[1].Step, "it begins at step 0")
	require.Contains(t, r.log, "the training begins at step 0")
}

// The metrics of the closed list are measured by tailsweep, on samples that must be there.
func TestSamples(t *testing.T) {
	j := newJob(t, "samples")
	j.Spec.Metrics[0].Name = "fid.tail"
	j.Spec.Dataset.Name = "fashion-mnist"
	j.Spec.Evaluate.SamplesPerClass = 5
	r := runs(t, j)
	require.NoError(t, r.err)
	m, err := checkpoint.ReadManifest(r.checkpoints()[0])
	require.NoError(t, err)
	_, ok := m.File("samples.tar")
	require.True(t, ok)

	again := j
	again.Resume, again.Staging = r.checkpoints()[0], t.TempDir()
	again.Spec.Trainer = &sweep.Trainer{Command: []string{"no-such-program"}, Protocol: sweep.ProtocolJSON}
	require.NoError(t, runs(t, again).err, "all is there")

	j.Staging, j.Spec.Trainer.Command[2] = t.TempDir(), "early-metrics"
	runs(t, j).fails(t, sweep.FailBadData, "the checkpoint at step 4 has no samples")
}

// An attempt that ends between the checkpoint at until and its metrics is continued: the next
// one may measure alone, and its checkpoint has the files of the first.
func TestMetricsOfAnEarlierAttempt(t *testing.T) {
	j := newJob(t, "saves-then-dies")
	r := runs(t, j)
	r.fails(t, sweep.FailBug, "exit code 3")
	require.Len(t, r.checkpoints(), 1)
	require.NoFileExists(t, filepath.Join(r.checkpoints()[0], "metrics.json"))

	j.Resume, j.Staging, j.Spec.Trainer.Command[2] = r.checkpoints()[0], t.TempDir(), "measures"
	r = runs(t, j)
	require.NoError(t, r.err)
	require.Equal(t, "x", read(t, r.checkpoints()[0], "weights"))
	require.JSONEq(t, `{"metrics":{"acc":0.5}}`, read(t, r.checkpoints()[0], "metrics.json"))
}

// Checkpoints complete in the order of their steps, also those that wait for each other.
func TestManyCheckpoints(t *testing.T) {
	r := runs(t, newJob(t, "many"))
	require.NoError(t, r.err)
	require.Len(t, r.checkpoints(), 4)
	require.True(t, slices.IsSorted(r.checkpoints()))
}

// The loss of the spec comes from progress.
func TestLossIsNeeded(t *testing.T) {
	j := newJob(t, "says", `{"type":"progress","step":4,"losses":{"other":1}}`, `{"type":"done","step":4}`)
	j.Spec.Metrics[0].Name = "loss"
	runs(t, j).fails(t, sweep.FailBadData, "has not reported loss")
	j = newJob(t, "says", `{"type":"progress","step":4,"losses":{"loss":1}}`, `{"type":"done","step":4}`)
	j.Spec.Metrics[0].Name = "loss"
	r := runs(t, j)
	require.NoError(t, r.err)
	require.Equal(t, 1.0, *r.last().LossLast)
}

// A program that begins again although it could resume begins a curve again.
func TestAProgramThatDoesNotResume(t *testing.T) {
	j := newJob(t, "trains")
	j.Until = 2
	rung := runs(t, j)
	j.Until, j.Resume, j.Staging = 0, rung.checkpoints()[0], t.TempDir()
	j.Spec.Trainer.Command = append(j.Spec.Trainer.Command[:2:2], "says", `{"type":"progress","step":1,"losses":{"loss":5}}`, `{"type":"metrics","step":4,"metrics":{"acc":1}}`, `{"type":"done","step":4}`)
	r := runs(t, j)
	require.NoError(t, r.err)
	require.Equal(t, "{\"step\":1,\"loss\":5}\n", read(t, r.checkpoints()[0], "curve.jsonl"))
}

func TestCurve(t *testing.T) {
	c := newCurve(100_000) // ten steps a point
	for step := range 20 {
		require.Empty(t, c.add(step, map[string]float64{"loss": float64(step), "a": 1}))
	}
	require.Equal(t, []sweep.CurvePoint{
		{Step: 9, Loss: 4.5, Terms: map[string]float64{"a": 1}}, {Step: 19, Loss: 14.5, Terms: map[string]float64{"a": 1}},
	}, c.upTo(20))
	for i := range maxLosses - 1 {
		require.Empty(t, c.add(20, map[string]float64{fmt.Sprint("b", i): 1}))
	}
	require.Equal(t, "c", c.add(21, map[string]float64{"c": 1}), "names are bounded")
	require.Len(t, c.upTo(9), 1)
}
