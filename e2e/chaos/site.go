package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/workflows"
)

// site is a stack of its own with its workers.
type site struct {
	dir     string // of everything
	program string // tailsweep: a copy whose path only this site has, as those below
	older   string // tailsweep that does not know a field of the specs; "" for none
	hasher  string
	status  stack.Status
	proxy   *proxy
	client  client.Client
	environ []string
	mounts  []string // file systems of their own, of a limited size
	workers map[string]*worker
}

// lasting are the workers that run all the time; a fault may start further ones and ends them.
var lasting = []string{"a", "real"}

// worker is a worker process.
type worker struct {
	name  string
	cmd   *exec.Cmd
	port  string        // host:port of its metrics
	ended chan struct{} // closed when it is reaped
}

// Limits of the file systems that a fault fills, in MiB.
const (
	stateSize   = 1500
	stagingSize = 16
	cacheSize   = 8
)

// programs are the binaries that a site needs.
type programs struct{ tailsweep, older, hasher string }

// open starts a stack and the workers. The caller closes it also after an error.
func open(ctx context.Context, from programs, log func(string, ...any)) (*site, error) {
	dir, err := os.MkdirTemp("", "tailsweep-chaos-")
	if err != nil {
		return nil, err
	}
	s := &site{dir: dir, workers: map[string]*worker{}}
	for _, sub := range []string{"state", "staging", "cache", "logs", "specs"} {
		if err := os.Mkdir(s.path(sub), 0o700); err != nil {
			return s, err
		}
	}
	s.program, err = s.install(from.tailsweep, "tailsweep")
	if err == nil {
		s.hasher, err = s.install(from.hasher, "hasher")
	}
	if err == nil && from.older != "" {
		s.older, err = s.install(from.older, "older")
	}
	if err != nil {
		return s, err
	}
	if os.Geteuid() == 0 {
		s.mount("state", stateSize, log)
		s.mount("staging", stagingSize, log)
		s.mount("cache", cacheSize, log)
	} else {
		log("not root: no disk is filled")
	}
	if err := s.up(ctx); err != nil {
		return s, err
	}
	if s.proxy, err = newProxy(s.status.S3); err != nil {
		return s, err
	}
	key, secret, err := stack.Credentials(s.path("state"))
	if err != nil {
		return s, err
	}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "TEMPORAL_") && !strings.HasPrefix(e, "AWS_") && !strings.HasPrefix(e, "TAILSWEEP_S3_") {
			s.environ = append(s.environ, e)
		}
	}
	s.environ = append(s.environ, "TEMPORAL_ADDRESS="+s.status.Temporal, "TAILSWEEP_S3_ENDPOINT=http://"+s.proxy.address, "TAILSWEEP_S3_BUCKET="+s.status.Bucket,
		"AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret, "TAILSWEEP_STATE_DIR="+s.path("state"), "TAILSWEEP_CACHE_DIR="+s.path("no-cache"), "NO_COLOR=1")
	if s.client, err = client.Dial(client.Options{HostPort: s.status.Temporal, Namespace: stack.Namespace, Logger: quiet{}}); err != nil {
		return s, err
	}
	if err := s.storeImages(ctx); err != nil {
		return s, err
	}
	return s, errors.Join(s.startWorker(ctx, "a"), s.startWorker(ctx, "real"))
}

// install copies a program into the site.
func (s *site) install(from, name string) (string, error) {
	code, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	return s.path(name), os.WriteFile(s.path(name), code, 0o700) //nolint:gosec // it is run
}

// imagesFolder is the key of the folder of images that workers download.
const imagesFolder = "images"

// storeImages stores the images of the kind that downloads its dataset.
func (s *site) storeImages(ctx context.Context) error {
	key, secret, err := stack.Credentials(s.path("state"))
	if err != nil {
		return err
	}
	objects, err := store.Open(ctx, store.Config{
		Endpoint: address.URL(s.status.S3), Bucket: s.status.Bucket, Region: "us-east-1", AccessKeyID: key, SecretAccessKey: secret,
	})
	if err != nil {
		return err
	}
	for i := range 30 {
		img := image.NewGray(image.Rect(0, 0, 16, 16))
		for at := range img.Pix {
			img.Pix[at] = byte(8 * i)
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			return err
		}
		if err := objects.Put(ctx, fmt.Sprintf("%s/class%d/%d.png", imagesFolder, i%3, i), bytes.NewReader(file.Bytes()), int64(file.Len())); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// mount gives a folder a file system of its own. Without one, no fault fills it.
func (s *site) mount(folder string, mib int, log func(string, ...any)) {
	if err := syscall.Mount("chaos", s.path(folder), "tmpfs", 0, fmt.Sprintf("size=%dm", mib)); err != nil {
		log("%s is not filled: mount a file system of its own: %v", folder, err)
		return
	}
	s.mounts = append(s.mounts, folder)
}

// up starts the stack unless it runs.
func (s *site) up(ctx context.Context) (err error) {
	s.status, err = stack.Up(ctx, stack.Options{
		Dir: s.path("state"), Executable: s.program, SearchAttributes: workflows.SearchAttributes(),
	})
	return err
}

// close ends everything, and removes it unless keep.
func (s *site) close(keep bool) error {
	var errs []error
	for _, w := range s.workers {
		w.kill()
	}
	if s.client != nil {
		s.client.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	errs = append(errs, stack.Down(ctx, s.path("state"), nil))
	if keep && len(s.mounts) > 0 { // what is in memory is copied
		errs = append(errs, exec.CommandContext(ctx, "cp", "-a", s.path("state"), s.path("kept")).Run())
	}
	for _, folder := range s.mounts {
		errs = append(errs, syscall.Unmount(s.path(folder), 0))
	}
	if err := errors.Join(errs...); err != nil || keep {
		return err
	}
	return os.RemoveAll(s.dir)
}

// startWorker starts a worker with both parts and waits until it answers. The one with the
// name "real" trains with the real trainer, the others with hashers.
func (s *site) startWorker(ctx context.Context, name string) error {
	if name == "real" {
		return s.start(ctx, s.program, name, "--only", "training", "--queue", "real", "--slots", strconv.Itoa(realSlot), "--backend", "go")
	}
	return s.start(ctx, s.program, name)
}

// start starts a worker of a program.
func (s *site) start(ctx context.Context, program, name string, flags ...string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	port := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.path("logs", "worker-"+name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := &worker{name: name, port: port, ended: make(chan struct{})}
	args := []string{"worker", "--staging", s.path("staging"), "--metrics-addr", port}
	if !slices.Contains(flags, "--queue") {
		args = append(args, "--slots", strconv.Itoa(slots), "--trainer", s.hasher)
	}
	w.cmd = exec.Command(program, append(args, flags...)...)
	w.cmd.Env, w.cmd.Stdout, w.cmd.Stderr = append(slices.Clone(s.environ), "TAILSWEEP_CACHE_DIR="+s.path("cache")), log, log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := errors.Join(w.cmd.Start(), log.Close()); err != nil {
		return err
	}
	go func() {
		_ = w.cmd.Wait() // how it ended is in ProcessState
		close(w.ended)
	}()
	s.workers[name] = w
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = retry.Until(ctx, 50*time.Millisecond, func() (bool, error) {
		select {
		case <-w.ended:
			return false, fmt.Errorf("worker %s ended: %v, see %s", name, w.cmd.ProcessState, log.Name())
		default:
		}
		_, err := w.metrics(ctx)
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("start worker %s: %w", name, err)
	}
	return nil
}

// metrics reads the worker's page of metrics.
func (w *worker) metrics(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.port+"/metrics", http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // it is read to its end
	var page bytes.Buffer
	_, err = page.ReadFrom(answer.Body)
	return page.String(), err
}

func (w *worker) signal(sig syscall.Signal) error { return w.cmd.Process.Signal(sig) }

// kill ends the worker with SIGKILL, and returns when it is gone.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // an error means that it has ended
	<-w.ended
}

// answer is how a command of tailsweep ended.
type answer struct {
	stdout, stderr string
	code           int
}

// command prepares a command of tailsweep.
func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = s.environ
	return cmd
}

// try runs a command of tailsweep to its end.
func (s *site) try(ctx context.Context, args ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	cmd := s.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	a := answer{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if ctx.Err() != nil {
		return a, fmt.Errorf("tailsweep %s took more than %v: %s", strings.Join(args, " "), commandLimit, a.stderr)
	}
	if errors.As(err, &exit) {
		err = nil
	}
	return a, err
}

// must runs a command of tailsweep that has to succeed.
func (s *site) must(ctx context.Context, args ...string) (answer, error) {
	a, err := s.try(ctx, args...)
	if err == nil && a.code != 0 {
		err = fmt.Errorf("tailsweep %s: exit code %d: %s", strings.Join(args, " "), a.code, strings.TrimSpace(a.stderr))
	}
	return a, err
}

// read runs a command with -o json and decodes what it prints.
func (s *site) read(ctx context.Context, into any, args ...string) error {
	a, err := s.must(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(a.stdout), into); err != nil {
		return fmt.Errorf("tailsweep %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// ended reports whether the sweep's workflow has ended; an error means that Temporal does
// not answer.
func (s *site) ended(ctx context.Context, sweep string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d, err := s.client.DescribeWorkflowExecution(ctx, workflows.SweepID(sweep), "")
	if err != nil {
		return false, err
	}
	status := d.GetWorkflowExecutionInfo().GetStatus()
	return status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && status != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, nil
}

// children lists the children of workers that run.
func (s *site) children() []int {
	var pids []int
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline") // an error means a bad pattern
	for _, file := range lines {
		line, err := os.ReadFile(file)
		if err != nil || !s.isChild(string(line)) {
			continue // it has ended, or is another program
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isChild reports whether a command line is that of a hasher or of the real trainer.
func (s *site) isChild(line string) bool {
	words := strings.Split(line, "\x00")
	return words[0] == s.hasher || words[0] == s.program && len(words) > 1 && (words[1] == "train" || words[1] == "evaluate")
}

// quiet is a logger that drops everything: faults make the client complain.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
