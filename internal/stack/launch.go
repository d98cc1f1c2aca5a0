package stack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tailsweep/tailsweep/internal/address"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/retry"
)

// Time limits of processes.
const (
	stackReady  = 2 * time.Minute   // a busy machine, a long write-ahead log
	workerReady = time.Minute       // to its first answer on /metrics
	dyingGrace  = 10 * time.Second  // for the kernel to take down what was killed
	workerGrace = 140 * time.Second // above worker.DrainAll: one checkpoint saved and uploaded
	stackGrace  = 15 * time.Second  // devstack itself gives up after 10
	portTries   = 4                 // starts of devstack while other processes take its ports
	portsFree   = time.Second       // for ports of a killed stack
	childReady  = 30 * time.Second  // for a child of devstack that is started again
)

// programs are the executables of a stack; "" is one that is absent.
type programs struct {
	devstack, prometheus, minio string
}

// up is Up; get returns the programs for a kind of S3 service.
func up(ctx context.Context, o Options, get func(s3 string) (programs, error)) (_ Status, err error) {
	l := layout(o.Dir)
	if err := l.make(); err != nil {
		return Status{}, err
	}
	release, err := l.take(ctx, o.Out)
	if err != nil {
		return Status{}, err
	}
	defer func() { err = errors.Join(err, release()) }()

	made, err := loadSetup(l, o.S3)
	if err != nil {
		return Status{}, err
	}
	k, err := loadKeys(l)
	if err != nil {
		return Status{}, err
	}
	last, err := lastRecord(l, ProcessStack)
	if err != nil {
		return Status{}, err
	}
	if o.Unasked && last.NoWorker {
		o.Worker = false
	}
	former, err := lastRecord(l, ProcessWorker)
	if err != nil {
		return Status{}, err
	}
	if err := upStack(ctx, l, &made, o, get); err != nil {
		return Status{}, err
	}
	if o.Worker {
		if err := upWorker(ctx, l, made, k, o, former); err != nil {
			return Status{}, err
		}
	}
	return Read(o.Dir)
}

// upStack starts devstack unless it runs, and waits until it is ready.
func upStack(ctx context.Context, l layout, made *setup, o Options, get func(string) (programs, error)) error {
	r, err := settled(ctx, l, ProcessStack)
	if err != nil {
		return err
	}
	if r.running() {
		if r.NoWorker == o.Worker {
			r.NoWorker = !o.Worker
			if err := file.WriteJSON(l.pid(ProcessStack), r, ownerOnly); err != nil {
				return err
			}
		}
		if err := waitReady(ctx, l, spawned{record: r}, o.Out); err != nil {
			return err
		}
		return revive(ctx, l, r, o.Out)
	}
	if err := reportDead(l, ProcessStack, o.Out); err != nil {
		return err
	}
	p, err := get(made.S3)
	if err != nil {
		return err
	}
	_, statErr := os.Stat(l.setup())
	first := errors.Is(statErr, os.ErrNotExist)
	s, err := startStack(ctx, l, made, p, o)
	for range portTries - 1 {
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		say(o.Out, "another process took a port of %s before it listened: starting it again", ProcessStack)
		s, err = startStack(ctx, l, made, p, o)
	}
	if err != nil {
		if first {
			err = errors.Join(err, os.Remove(l.setup())) // nothing binds the folder to this kind of S3 yet
		}
		return err
	}
	return checkChildren(l, s.record, o.Out)
}

// startStack chooses the ports, starts devstack and waits until it is ready. The error wraps
// syscall.EADDRINUSE where the log says that a port was taken.
func startStack(ctx context.Context, l layout, made *setup, p programs, o Options) (spawned, error) {
	if err := choosePorts(ctx, l, made, o.Out); err != nil {
		return spawned{}, err
	}
	if err := file.WriteJSON(l.devstackConfig(), devstackConfig(l, *made, p, o.SearchAttributes), ownerOnly); err != nil {
		return spawned{}, err
	}
	if err := os.Remove(l.ready()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return spawned{}, err
	}
	logged := logSize(l)
	s, err := spawn(l, ProcessStack, settings{NoWorker: !o.Worker}, exec.Command(p.devstack, "--config", l.devstackConfig()))
	if err != nil {
		return spawned{}, err
	}
	if err = waitReady(ctx, l, s, o.Out); err == nil {
		return s, nil
	}
	if s.running() || !portTaken(l, logged) {
		return s, errors.Join(err, stop(context.WithoutCancel(ctx), l, ProcessStack, stackGrace, o.Out))
	}
	if stopErr := stop(context.WithoutCancel(ctx), l, ProcessStack, stackGrace, o.Out); stopErr != nil {
		return s, errors.Join(err, stopErr)
	}
	return s, fmt.Errorf("%w: %w", syscall.EADDRINUSE, err)
}

// logSize is the size of devstack's log, 0 without one.
func logSize(l layout) int64 {
	info, err := os.Stat(l.log(ProcessStack))
	if err != nil {
		return 0
	}
	return info.Size()
}

// portTaken reports whether devstack's log says, after its first bytes, that a port was taken.
func portTaken(l layout, after int64) bool {
	b, err := os.ReadFile(l.log(ProcessStack))
	return err == nil && int64(len(b)) > after && bytes.Contains(b[after:], []byte(syscall.EADDRINUSE.Error()))
}

// revive starts the children of a running devstack that have ended, and waits until they
// answer.
func revive(ctx context.Context, l layout, r record, out io.Writer) error {
	ready, _, err := readReady(l, r)
	if err != nil {
		return err
	}
	ended := ready.ended()
	if len(ended) == 0 {
		return nil
	}
	for _, name := range ended {
		say(out, "%s had ended: starting it again", name)
	}
	if err := syscall.Kill(r.PID, syscall.SIGHUP); err != nil {
		return fmt.Errorf("start %s again: %w", strings.Join(ended, " and "), err)
	}
	begin := time.Now()
	err = retry.Until(ctx, 25*time.Millisecond, func() (bool, error) {
		ready, ok, err := readReady(l, r)
		return ok && len(ready.ended()) == 0 || time.Since(begin) > childReady || !r.running(), err
	})
	if err != nil {
		return err
	}
	return checkChildren(l, r, out)
}

// checkChildren fails if a child of devstack does not run. Prometheus is a warning, since
// sweeps continue without it.
func checkChildren(l layout, r record, out io.Writer) error {
	ready, ok, err := readReady(l, r)
	if err == nil && !ok {
		err = fmt.Errorf("%s ended; %s ends with:\n%s", ProcessStack, l.log(ProcessStack), lastLines(l.log(ProcessStack), 12))
	}
	for _, name := range ready.ended() {
		if name == ProcessPrometheus {
			say(out, "prometheus does not start, and sweeps run without it; `tailsweep logs prometheus` and `tailsweep logs stack` show why")
			continue
		}
		err = errors.Join(err, fmt.Errorf("%s does not start; %s ends with:\n%s", name, l.log(name), lastLines(l.log(name), 12)))
	}
	return err
}

// choosePorts chooses the ports for a start of devstack and writes them to setup.json.
// A worker that uses other ports is stopped first.
func choosePorts(ctx context.Context, l layout, made *setup, out io.Writer) error {
	w, err := recorded(l, ProcessWorker)
	if err != nil {
		return err
	}
	before := made.Ports
	if w.running() {
		made.Ports.WorkerMetrics = 0 // in use, by the worker itself
	}
	if err := made.Ports.choose(ctx, portsFree); err != nil {
		return err
	}
	if w.running() {
		made.Ports.WorkerMetrics = before.WorkerMetrics
		if made.Ports != before {
			say(out, "other processes use some ports of the stack; stopping the worker, which uses the old ports")
			if err := stop(ctx, l, ProcessWorker, workerGrace, out); err != nil {
				return err
			}
		}
	}
	return file.WriteJSON(l.setup(), made, ownerOnly)
}

// upWorker starts the worker unless it runs, and waits until it answers. A running one
// keeps its settings, and one that was not stopped by down has those of former.
func upWorker(ctx context.Context, l layout, made setup, k keys, o Options, former record) error {
	r, err := settled(ctx, l, ProcessWorker)
	if err != nil {
		return err
	}
	if r.running() {
		other := o.Backend != "" && o.Backend != r.Backend || o.AllowCommands != nil && *o.AllowCommands != r.Commands
		if other || len(o.WorkerArgs) > 0 || o.Slots != 0 && o.Slots != r.Slots {
			say(o.Out, "the running worker keeps its settings; `tailsweep down` first to change them")
		}
		if o.Slots != 0 && o.Slots == r.Slots && !r.Asked {
			r.Asked = true
			return file.WriteJSON(l.pid(ProcessWorker), r, ownerOnly)
		}
		return nil
	}
	if err := reportDead(l, ProcessWorker, o.Out); err != nil {
		return err
	}
	o = o.withFormer(former)
	if !free(made.Ports.WorkerMetrics) {
		return fmt.Errorf("another process uses port %d, the worker's for metrics: `tailsweep down` and `up` choose another port",
			made.Ports.WorkerMetrics)
	}
	args := append([]string{"worker"}, o.WorkerArgs...)
	slots := cmp.Or(o.Slots, o.Measured)
	if slots > 0 {
		args = append(args, "--slots", strconv.Itoa(slots))
	}
	commands := o.AllowCommands != nil && *o.AllowCommands
	if commands {
		args = append(args, "--allow-commands")
	}
	cmd := exec.Command(o.Executable, args...)
	cmd.Env = workerEnviron(os.Environ(), l, made, k, o.Backend)
	s, err := spawn(l, ProcessWorker, settings{Backend: cmp.Or(o.Backend, os.Getenv(BackendVariable), autoBackend), Slots: slots, Asked: o.Slots > 0, Commands: commands}, cmd)
	if err != nil {
		return err
	}
	metrics := url(loopback(made.Ports.WorkerMetrics)) + "/metrics"
	answers := func() (bool, error) { return answers(ctx, metrics), nil }
	if err := await(ctx, l, ProcessWorker, s, workerReady, o.Out, answers); err != nil {
		cleanup := context.WithoutCancel(ctx)
		return errors.Join(err, stop(cleanup, l, ProcessWorker, stackGrace, o.Out))
	}
	return nil
}

// withFormer returns the options with the settings of a worker that runs no more, where none
// are asked for. A number of slots that the user asked for counts more than a measured one.
func (o Options) withFormer(r record) Options {
	var kept []string
	if o.Slots == 0 && r.Slots != 0 && (r.Asked || o.Measured == 0) {
		if r.Asked {
			o.Slots = r.Slots
		} else {
			o.Measured = r.Slots
		}
		kept = append(kept, "--slots "+strconv.Itoa(r.Slots))
	}
	if o.Backend == "" && os.Getenv(BackendVariable) == "" && r.Backend != "" && r.Backend != autoBackend {
		o.Backend = r.Backend
		kept = append(kept, "--backend "+r.Backend)
	}
	if o.AllowCommands == nil && r.Commands {
		o.AllowCommands = &r.Commands
		kept = append(kept, "--allow-commands")
	}
	if len(kept) > 0 {
		say(o.Out, "the worker has the settings it had before: %s", strings.Join(kept, ", "))
	}
	return o
}

// workerEnviron returns the environment of the local worker, without settings for
// another Temporal or S3 such as those of a cloud profile, and without CommandsVariable: an
// argument says whether it runs commands.
func workerEnviron(base []string, l layout, made setup, k keys, backend string) []string {
	var env []string
	for _, kv := range base {
		if strings.HasPrefix(kv, "TEMPORAL_") || strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, "TAILSWEEP_S3_") || strings.HasPrefix(kv, CommandsVariable+"=") {
			continue
		}
		env = append(env, kv)
	}
	env = append(env,
		"TEMPORAL_ADDRESS="+loopback(made.Ports.Temporal),
		"TEMPORAL_NAMESPACE="+Namespace,
		"TEMPORAL_CONFIG_FILE="+os.DevNull, // a profile's TLS or API key is not for this server
		address.EndpointVariable+"="+url(loopback(made.Ports.S3)),
		address.BucketVariable+"="+made.Bucket,
		"AWS_ACCESS_KEY_ID="+k.Access,
		"AWS_SECRET_ACCESS_KEY="+k.Secret,
		address.MetricsVariable+"="+loopback(made.Ports.WorkerMetrics),
		folder.StateVariable+"="+string(l),
	)
	if backend != "" {
		env = append(env, BackendVariable+"="+backend)
	}
	return env
}

// waitReady waits for devstack's ready.json.
func waitReady(ctx context.Context, l layout, s spawned, out io.Writer) error {
	return await(ctx, l, ProcessStack, s, stackReady, out, func() (bool, error) {
		_, ok, err := readReady(l, s.record)
		return ok, err
	})
}

// await polls done until it returns true, the process ends, or limit is over. The
// error includes the last lines of the process's log.
func await(ctx context.Context, l layout, name string, s spawned, limit time.Duration, out io.Writer, done func() (bool, error)) error {
	begin, printed := time.Now(), time.Now()
	err := retry.Until(ctx, 25*time.Millisecond, func() (bool, error) {
		if ok, err := done(); ok || err != nil {
			return ok, err
		}
		if !s.running() {
			how := "ended"
			if s.ended != nil {
				<-s.ended
				how = "ended with " + s.how()
			}
			return false, fmt.Errorf("%s %s before it was ready; %s ends with:\n%s", name, how, l.log(name), lastLines(l.log(name), 12))
		}
		if time.Since(begin) > limit {
			return false, fmt.Errorf("%s is not ready after %s; %s ends with:\n%s", name, limit, l.log(name), lastLines(l.log(name), 12))
		}
		if time.Since(printed) > 5*time.Second {
			printed = time.Now()
			say(out, "waiting for %s: %.0fs", name, time.Since(begin).Seconds())
		}
		return false, nil
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("wait for %s: %w", name, err)
	}
	return err
}

// answers reports whether a GET of the URL succeeds.
func answers(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// stopAll stops the worker, then the stack.
func stopAll(ctx context.Context, l layout, out io.Writer) error {
	if err := stop(ctx, l, ProcessWorker, workerGrace, out); err != nil {
		return err
	}
	return stop(ctx, l, ProcessStack, stackGrace, out)
}
