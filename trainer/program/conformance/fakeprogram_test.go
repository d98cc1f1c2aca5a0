package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tailsweep/tailsweep/trainer/job"
)

// The test binary doubles as the program that the suite checks: `BINARY fake-json FAULT` and
// `BINARY fake-plain FAULT`. It is a FAKE: its weights are one number, which moves to 1 with
// noise of the seed. It has the planted fault that it is asked for, or none.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "fake-json":
			fakeJSON(os.Args[2])
			os.Exit(0)
		case "fake-plain":
			os.Exit(fakePlain(os.Args[2], os.Args[3:]))
		case "fake-sleep":
			time.Sleep(5 * time.Minute)
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// pace is how long a step of the fake programs takes.
const pace = time.Millisecond

// weights is what the fake programs train.
type weights struct {
	Step int     `json:"step"`
	X    float64 `json:"x"`
}

// train does one step.
func (w *weights) train(seed int64, lr float64) {
	w.Step++
	noise := math.Sin(float64(seed)*12.9898+float64(w.Step)*78.233) * 43758.5453
	w.X += lr * (1 - w.X + 0.1*(noise-math.Floor(noise)-0.5))
	time.Sleep(pace)
}

func (w *weights) loss() float64 { return (1 - w.X) * (1 - w.X) }

// save writes the weights into a new folder.
func (w *weights) save(dir string) {
	check(os.MkdirAll(dir, 0o755))
	data, err := json.Marshal(w)
	check(err)
	check(os.WriteFile(filepath.Join(dir, "weights.json"), data, 0o644))
}

// load reads the weights from a checkpoint.
func (w *weights) load(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "weights.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, w)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fake program:", err)
		os.Exit(1)
	}
}

// say prints a message.
func say(fields map[string]any) {
	line, err := json.Marshal(fields)
	check(err)
	fmt.Println(string(line))
}

// leave starts a process that outlives the program, in a session of its own if apart.
func leave(apart bool) {
	self, err := os.Executable()
	check(err)
	sleep := exec.Command(self, "fake-sleep", "x")
	sleep.SysProcAttr = &syscall.SysProcAttr{Setsid: apart}
	check(sleep.Start())
}

// fakeJSON is a program that speaks the protocol json.
func fakeJSON(fault string) {
	var j job.Program
	data, err := os.ReadFile(os.Getenv("TAILSWEEP_JOB"))
	check(err)
	check(json.Unmarshal(data, &j))
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(orphaned)
	}()

	switch fault {
	case "silent":
		<-orphaned
	case "exit-silently":
		os.Exit(0)
	case "flood":
		for range 1_000_000 {
			fmt.Println(strings.Repeat("z", 100))
		}
	case "garbage":
		for i := range 2000 {
			fmt.Printf("{%d \x00\xff not a message\n", i)
		}
		os.Exit(3)
	case "type-misspelt":
		say(map[string]any{"type": "progres", "step": 1, "losses": map[string]any{"loss": 1}})
	case "on-stderr":
		line, err := json.Marshal(map[string]any{"type": "progress", "step": 1, "losses": map[string]any{"loss": 1}})
		check(err)
		fmt.Fprintln(os.Stderr, string(line))
	case "python-words":
		fmt.Println(`{'type': 'progress', 'step': 1, 'losses': {'loss': 0.5}}`)
	case "leaves":
		leave(false)
	case "leaves-apart":
		leave(true)
	}

	var w weights
	lr, isNumber := j.Parameters["lr"].(float64)
	if _, given := j.Parameters["lr"]; given && !isNumber && fault != "takes-any-word" {
		say(map[string]any{"type": "error", "class": "bad_data", "message": fmt.Sprintf("lr is %v, which is not a number", j.Parameters["lr"])})
		return
	}
	if !isNumber || fault == "parameter-unused" {
		lr = 0.1
	}
	if j.Resume != "" && fault != "ignores-resume" {
		if err := w.load(j.Resume); err != nil && fault != "resume-or-not" {
			say(map[string]any{"type": "error", "class": "bug", "message": err.Error()})
			return
		}
		if fault == "repeats-steps" { // the weights are right, the count is not
			w.Step -= j.CheckpointEvery / 2
		}
	}
	if fault == "forgets-state" && j.Resume != "" {
		w.X *= 0.9
	}
	seed := j.Seed
	switch fault {
	case "seed-unused":
		seed = 7
	case "clock-as-seed":
		seed = time.Now().UnixNano() % 1_000_003
	}
	if fault == "depends-on-until" {
		lr *= 1 - 0.5/float64(j.Until)*100
	}
	bytesOnly := ""
	if fault == "bytes-depend-on-until" {
		bytesOnly = strconv.Itoa(j.Until)
	}

	checkpoint := func() {
		name := fmt.Sprintf("step-%d", w.Step)
		dir := filepath.Join(j.Staging, name)
		announce := func(dir string) { say(map[string]any{"type": "checkpoint", "step": w.Step, "dir": dir}) }
		switch fault {
		case "announces-first":
			announce(dir)
			time.Sleep(50 * time.Millisecond)
			w.save(dir)
			return
		case "outside":
			dir = filepath.Join(filepath.Dir(os.Getenv("TAILSWEEP_JOB")), "elsewhere-"+name)
		}
		w.save(dir)
		if bytesOnly != "" {
			check(os.WriteFile(filepath.Join(dir, "args.txt"), []byte(bytesOnly), 0o644))
		}
		if fault == "link" {
			check(os.Symlink("/proc/version", filepath.Join(dir, "link")))
		}
		if fault == "writes-manifest" {
			check(os.WriteFile(filepath.Join(dir, "MANIFEST.json"), []byte("{}"), 0o644))
		}
		var open *os.File
		if fault == "writes-later" {
			var err error
			open, err = os.Create(filepath.Join(dir, "log.txt"))
			check(err)
		}
		if fault == "relative-dir" {
			dir = name
		}
		announce(dir)
		if open != nil { // the file is in the folder that tailsweep has taken
			final := filepath.Join(filepath.Dir(os.Getenv("TAILSWEEP_JOB")), "..", fmt.Sprintf("step-%010d", w.Step))
			for deadline := time.Now().Add(5 * time.Second); w.Step < j.Until && time.Now().Before(deadline); time.Sleep(pace) {
				if _, err := os.Stat(final); err == nil {
					break
				}
			}
			_, err := open.WriteString("late\n")
			check(err)
			check(open.Close())
		}
	}

	if fault != "never-started" {
		say(map[string]any{"type": "started", "step": w.Step})
	}
	for w.Step < j.Until {
		select {
		case <-term:
			switch fault {
			case "ignores-sigterm":
			case "ends-at-sigterm":
				os.Exit(0)
			case "preempted-without-checkpoint":
				say(map[string]any{"type": "preempted", "step": w.Step})
				return
			case "hangs-at-sigterm":
				<-orphaned
			default:
				checkpoint()
				say(map[string]any{"type": "preempted", "step": w.Step})
				return
			}
		case <-orphaned:
			os.Exit(3)
		default:
		}
		w.train(seed, lr)
		switch {
		case fault == "steps-fall" && w.Step == 10:
			say(map[string]any{"type": "progress", "step": 3, "losses": map[string]any{"loss": w.loss()}})
		case fault == "prints-nan" && w.Step == 5:
			fmt.Println(`{"type": "progress", "step": 5, "losses": {"loss": NaN}}`)
		case fault == "no-loss":
			say(map[string]any{"type": "progress", "step": w.Step})
		case fault == "loss-has-another-name":
			say(map[string]any{"type": "progress", "step": w.Step, "losses": map[string]any{"train_loss": w.loss()}})
		case fault == "silent-progress":
		case fault == "thousand-losses":
			losses := map[string]any{"loss": w.loss()}
			for i := range 1000 {
				losses[fmt.Sprint("l", i)] = i
			}
			say(map[string]any{"type": "progress", "step": w.Step, "losses": losses})
		default:
			say(map[string]any{"type": "progress", "step": w.Step, "losses": map[string]any{"loss": w.loss(), "grad": math.Abs(1 - w.X)}})
		}
		if fault == "done-early" && w.Step == j.Until/2 {
			say(map[string]any{"type": "done", "step": w.Step})
			return
		}
		if fault == "crashes" && w.Step == j.Until/2 {
			fmt.Fprintln(os.Stderr, "ModuleNotFoundError: No module named 'helper'")
			os.Exit(1)
		}
		switch {
		case fault == "no-checkpoints":
		case w.Step == j.Until && fault == "no-last-checkpoint":
		case w.Step%j.CheckpointEvery == 0 && fault != "only-last-checkpoint", w.Step == j.Until:
			checkpoint()
		}
	}
	switch fault {
	case "no-metrics":
	case "metrics-of-another-step":
		say(map[string]any{"type": "metrics", "step": w.Step - 1, "metrics": map[string]any{"score": w.X}})
	case "thousand-metrics":
		metrics := map[string]any{"score": w.X}
		for i := range 1000 {
			metrics[fmt.Sprint("m", i)] = i
		}
		say(map[string]any{"type": "metrics", "step": w.Step, "metrics": metrics})
	case "metrics-of-the-clock":
		say(map[string]any{"type": "metrics", "step": w.Step, "metrics": map[string]any{"score": w.X, "seconds": float64(time.Now().UnixNano())}})
	default:
		say(map[string]any{"type": "metrics", "step": w.Step, "metrics": map[string]any{"score": w.X}})
	}
	switch fault {
	case "no-last-message":
	case "goes-on-after-done":
		say(map[string]any{"type": "done", "step": w.Step})
		<-orphaned
	default:
		say(map[string]any{"type": "done", "step": w.Step})
	}
}

// fakePlain is a program of the protocol plain, and returns its exit code.
func fakePlain(fault string, args []string) int {
	given := map[string]string{}
	for _, a := range args {
		name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		if !ok {
			fmt.Fprintf(os.Stderr, "%q is not --name=value\n", a)
			return 2
		}
		given[name] = value
	}
	number := func(name string) int {
		n, err := strconv.Atoi(given[name])
		check(err)
		return n
	}
	seed, until, every := int64(number("seed")), number("until"), number("every")
	lr := 0.1
	if text, ok := given["lr"]; ok {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil && fault != "takes-any-word" {
			fmt.Fprintln(os.Stderr, "lr:", err)
			return 2
		}
		lr = value
	}
	var w weights
	if dir := given["resume"]; dir != "" && fault != "ignores-resume" {
		check(w.load(dir))
	}
	if fault == "depends-on-until" {
		lr *= 1 - 0.5/float64(until)*100
	}
	term := make(chan os.Signal, 1)
	if fault != "no-handler" {
		signal.Notify(term, syscall.SIGTERM)
	}
	save := func() {
		dir := filepath.Join(given["staging"], fmt.Sprintf("step-%d", w.Step))
		if fault == "announces-first" {
			fmt.Println("checkpoint:", w.Step)
			time.Sleep(50 * time.Millisecond)
			w.save(dir)
			return
		}
		w.save(filepath.Join(given["staging"], "part"))
		check(os.Rename(filepath.Join(given["staging"], "part"), dir))
		fmt.Println("checkpoint:", w.Step)
	}
	for w.Step < until {
		select {
		case <-term:
			if fault != "ignores-sigterm" {
				save()
				return 0
			}
		default:
		}
		w.train(seed, lr)
		switch fault {
		case "words":
			fmt.Printf("epoch %d of %d, loss %g\n", w.Step, until, w.loss())
		case "no-loss":
			fmt.Printf("step=%d\n", w.Step)
		default:
			fmt.Printf("step=%d loss=%g\n", w.Step, w.loss())
		}
		if (w.Step%every == 0 || w.Step == until) && fault != "no-checkpoints" {
			save()
		}
		if fault == "fails" && w.Step == until/2 {
			return 1
		}
	}
	switch fault {
	case "no-metrics":
	case "metrics-file":
		data, err := json.Marshal(map[string]float64{"score": w.X})
		check(err)
		check(os.WriteFile("metrics.json", data, 0o644))
	default:
		fmt.Printf("score: %g\n", w.X)
	}
	if slices.Contains([]string{"exit-1"}, fault) {
		return 1
	}
	return 0
}
