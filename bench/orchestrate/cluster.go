package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/tailsweep/tailsweep/bench/measure"
	"github.com/tailsweep/tailsweep/internal/retry"
	"github.com/tailsweep/tailsweep/internal/stack"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/workflows"
)

// cluster is a Temporal server on PostgreSQL, as docker-compose.yml configures it, or on
// Cassandra, and what the sweeps on it are.
type cluster struct {
	Store  string  `json:"store"` // postgres or cassandra, which has PostgreSQL for visibility
	Shards int     `json:"shards"`
	Sweeps int     `json:"sweeps"` // that share slots and trials equally, and run at the same time
	Delay  float64 `json:"delay"`  // seconds that PostgreSQL waits before it flushes a commit
}

// engine is the engine of a result, of which its file has the name.
func (c cluster) engine() string {
	return fmt.Sprintf("%s-%d-%dx-%gms", c.Store, c.Shards, c.Sweeps, 1000*c.Delay)
}

// clustered is a result on a cluster.
type clustered struct {
	result
	cluster
	Idle    database           `json:"idle"`    // a second without a sweep
	Trial   database           `json:"trial"`   // a trial
	Asked   map[string]float64 `json:"asked"`   // requests of a trial to the database, by service of Temporal
	Latency float64            `json:"latency"` // mean milliseconds of the update of a workflow in the database

	Operations map[string]float64 `json:"operations"` // Asked by operation
}

// per is what was counted after earlier, divided by n.
func per(counts, earlier map[string]float64, n float64) map[string]float64 {
	shares := map[string]float64{}
	for name, count := range counts {
		shares[name] = (count - earlier[name]) / n
	}
	return shares
}

// database is what PostgreSQL did.
type database struct {
	Writes     float64 `json:"writes"`     // transactions that write
	Statements float64 `json:"statements"` // SELECT, INSERT, UPDATE, DELETE
	Rows       float64 `json:"rows"`       // inserted, updated, deleted
	WAL        float64 `json:"wal"`        // bytes of the write-ahead log
	Flushes    float64 `json:"flushes"`    // of the log; PostgreSQL counts them up to a second late
	Bytes      float64 `json:"bytes"`      // size of all databases
}

// counters reads a database of PostgreSQL's statistics as JSON. A transaction has an id if it
// writes.
const counters = `select json_build_object(
	'writes', pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
	'statements', (select sum(calls) from pg_stat_statements),
	'rows', (select sum(rows) from pg_stat_statements where query ~* '^\s*(insert|update|delete)'),
	'wal', pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0'),
	'flushes', (select wal_sync from pg_stat_wal),
	'bytes', (select sum(pg_database_size(oid)) from pg_database))`

// since is what was done after earlier, divided by n.
func (d database) since(earlier database, n float64) database {
	return database{
		(d.Writes - earlier.Writes) / n, (d.Statements - earlier.Statements) / n, (d.Rows - earlier.Rows) / n,
		(d.WAL - earlier.WAL) / n, (d.Flushes - earlier.Flushes) / n, (d.Bytes - earlier.Bytes) / n,
	}
}

// idleTime is how long an idle cluster is measured.
const idleTime = 20 * time.Second

// clusterFlags are the flags of -postgres.
type clusterFlags struct {
	store          string
	shards, sweeps string
	delay          time.Duration
	commits, kept  bool
}

// clusters returns every combination.
func (f clusterFlags) clusters() ([]cluster, error) {
	shards, err := measure.Numbers("shards", f.shards)
	if err != nil {
		return nil, err
	}
	sweeps, err := measure.Numbers("sweeps", f.sweeps)
	if err != nil {
		return nil, err
	}
	var all []cluster
	for _, n := range shards {
		for _, s := range sweeps {
			all = append(all, cluster{Store: f.store, Shards: n, Sweeps: s, Delay: f.delay.Seconds()})
		}
	}
	return all, nil
}

// onClusters runs each case on each cluster, or measures commits, and writes the report.
func (p programs) onClusters(ctx context.Context, jobs []job, f clusterFlags, folder, document string, limit time.Duration) error {
	clusters, err := f.clusters()
	if err != nil {
		return err
	}
	s, err := loadClusters(folder)
	if err != nil {
		return err
	}
	switch {
	case f.kept:
	case f.commits:
		rates, err := p.measureCommits(ctx)
		if err != nil {
			return err
		}
		if err := s.addCommits(rates); err != nil {
			return err
		}
	default:
		if err := p.runClusters(ctx, jobs, clusters, s, limit); err != nil {
			return err
		}
	}
	if document == "" {
		return nil
	}
	return os.WriteFile(document, []byte(s.report()), 0o644)
}

func (p programs) runClusters(ctx context.Context, jobs []job, clusters []cluster, s *clusterStore, limit time.Duration) error {
	for _, c := range clusters {
		for _, j := range jobs {
			if j.engine != ours {
				continue
			}
			if j.Trials%c.Sweeps != 0 || j.Slots%c.Sweeps != 0 {
				return fmt.Errorf("-sweeps: %d sweeps cannot share %d trials and %d slots equally", c.Sweeps, j.Trials, j.Slots)
			}
			r := clustered{result: result{scenario: j.scenario, Engine: c.engine(), Machine: thisMachine()}, cluster: c}
			fmt.Fprintf(os.Stderr, "%s: %s, ideal %v\n", r.Engine, j.scenario, j.ideal())
			limited, cancel := context.WithTimeout(ctx, limit)
			err := p.runClustered(limited, &r)
			cancel()
			if err != nil {
				return fmt.Errorf("%s: %s: %w", r.Engine, j.scenario, err)
			}
			fmt.Println(r.text())
			if err := s.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// runClustered runs the sweeps of a case on a cluster of their own.
func (p programs) runClustered(ctx context.Context, r *clustered) (err error) {
	p, err = p.absolute()
	if err != nil {
		return err
	}
	if r.Machine.Version, err = version(ctx, p.tailsweep); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tailsweep-cluster-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	d, err := p.startPostgres(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.stop(syscall.SIGINT)) }()
	var k *cassandra
	if r.Store == "cassandra" {
		if k, err = p.startCassandra(ctx, dir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, k.stop()) }()
	}
	temporal, err := p.startTemporal(ctx, dir, d, k, r.Shards)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temporal.stop(syscall.SIGTERM)) }()
	// The stack's own Temporal is idle: only its object store is used.
	m := &measured{dir: filepath.Join(dir, "state"), program: p.tailsweep}
	m.status, err = stack.Up(ctx, stack.Options{
		Dir: m.dir, NoPrometheus: true, Out: os.Stderr, Executable: p.tailsweep, SearchAttributes: workflows.SearchAttributes(),
	})
	defer func() { err = errors.Join(err, stack.Down(context.WithoutCancel(ctx), m.dir, os.Stderr)) }()
	if err != nil {
		return err
	}
	metrics, err := freeAddress()
	if err != nil {
		return err
	}
	if err := m.setEnviron(temporal.address); err != nil {
		return err
	}
	if _, err := m.command(ctx, "setup"); err != nil {
		return err
	}
	m.status.WorkerMetrics = "http://" + metrics + "/metrics"
	worker, err := startDaemon(dir, "worker", m.environ, nil, p.tailsweep, "worker", "--slots", strconv.Itoa(r.Slots),
		"--trainer", p.sleeper, "--staging", filepath.Join(dir, "staging"), "--metrics-addr", metrics)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, worker.stop(syscall.SIGTERM)) }()
	if err := worker.ready(ctx, func() error { _, err := page(ctx, m.status.WorkerMetrics); return err }); err != nil {
		return err
	}
	m.pids = map[string]int{"worker": worker.pid(), "temporal": temporal.pid(), "store": m.status.Process(stack.ProcessStack).PID}
	c, err := client.Dial(client.Options{HostPort: temporal.address, Namespace: stack.Namespace})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := d.delay(ctx, r.Delay); err != nil {
		return err
	}
	if k != nil { // the first sweeps warm it up: Java compiles what runs often
		m.pids["cassandra"] = k.pid()
		if err := m.runSweeps(ctx, r, c, "warm"); err != nil {
			return err
		}
	}
	return m.playClustered(ctx, r, c, d, temporal)
}

// playClustered measures the idle cluster, and then the sweeps.
func (m *measured) playClustered(ctx context.Context, r *clustered, c client.Client, d *postgres, temporal *temporalServer) error {
	idle, err := d.counters(ctx)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idleTime):
	}
	before, err := d.counters(ctx)
	if err != nil {
		return err
	}
	r.Idle = before.since(idle, idleTime.Seconds())
	earlier, err := temporal.requests(ctx)
	if err != nil {
		return err
	}
	busy, err := treeCPU(d.pid())
	if err != nil {
		return err
	}
	costs, err := m.costs()
	if err != nil {
		return err
	}
	machine, err := readCPU(os.Getpid())
	if err != nil {
		return err
	}
	if err := m.runSweeps(ctx, r, c, sweepName); err != nil {
		return err
	}
	after, err := m.costs()
	if err != nil {
		return err
	}
	after["postgres"], err = treeCPU(d.pid())
	if err != nil {
		return err
	}
	costs["postgres"] = busy
	if err := m.spent(&r.result, costs, after, machine); err != nil {
		return err
	}
	n := float64(r.Trials)
	done, err := d.counters(ctx)
	if err != nil {
		return err
	}
	r.Trial = done.since(before, n)
	sent, err := temporal.requests(ctx)
	if err != nil {
		return err
	}
	r.Asked = per(sent.byService, earlier.byService, n)
	r.Operations = per(sent.byOperation, earlier.byOperation, n)
	r.Latency = 1000 * (sent.seconds - earlier.seconds) / max(1, sent.updates-earlier.updates)
	return m.lookClustered(ctx, r, c)
}

// member is the name of one of several sweeps.
func member(name string, i int) string { return fmt.Sprintf("%s-%d", name, i) }

// share is the scenario of one of the sweeps.
func (r *clustered) share() scenario {
	s := r.scenario
	s.Slots, s.Trials = s.Slots/r.Sweeps, s.Trials/r.Sweeps
	return s
}

// runSweeps runs the sweeps at the same time, to their ends.
func (m *measured) runSweeps(ctx context.Context, r *clustered, c client.Client, name string) error {
	for i := range r.Sweeps {
		file := filepath.Join(filepath.Dir(m.dir), member(name, i)+".yaml")
		spec := strings.Replace(r.share().spec(), "name: "+sweepName+"\n", "name: "+member(name, i)+"\n", 1)
		if err := os.WriteFile(file, []byte(spec), 0o600); err != nil {
			return err
		}
		if _, err := m.command(ctx, "run", "--detach", file); err != nil {
			return err
		}
	}
	for i := range r.Sweeps {
		if err := m.await(ctx, c, member(name, i)); err != nil {
			return err
		}
	}
	return nil
}

// lookClustered reads the trials of all sweeps, and the history of the first.
func (m *measured) lookClustered(ctx context.Context, r *clustered, c client.Client) error {
	var starts, ends []float64
	for i := range r.Sweeps {
		out, err := m.command(ctx, "trials", member(sweepName, i), "-o", "json")
		if err != nil {
			return err
		}
		var trials []sweep.Trial
		if err := json.Unmarshal(out, &trials); err != nil {
			return fmt.Errorf("tailsweep trials: %w", err)
		}
		began, ended := r.times(trials)
		starts, ends = append(starts, began...), append(ends, ended...)
	}
	if err := r.pace(starts, ends); err != nil {
		return err
	}
	var err error
	r.History, err = readHistory(ctx, c, member(sweepName, 0), r.share().Trials)
	return err
}

// daemon is a process that runs until it is stopped.
type daemon struct {
	name  string
	log   string
	cmd   *exec.Cmd
	ended chan struct{}
}

// startDaemon starts a program that writes to a log in dir.
func startDaemon(dir, name string, environ []string, as *syscall.Credential, program string, args ...string) (*daemon, error) {
	d := &daemon{name: name, log: filepath.Join(dir, name+".log"), cmd: exec.Command(program, args...), ended: make(chan struct{})}
	log, err := os.Create(d.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the process has its own
	d.cmd.Dir, d.cmd.Env, d.cmd.Stdout, d.cmd.Stderr = dir, environ, log, log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = d.cmd.Wait() // ready and stop report that it ended
		close(d.ended)
	}()
	return d, nil
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

// ready returns when the process answers; if it does not start, the error has its log.
func (d *daemon) ready(ctx context.Context, answers func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute) // Cassandra takes minutes on a busy machine
	defer cancel()
	var last error
	err := retry.Until(ctx, 100*time.Millisecond, func() (bool, error) {
		select {
		case <-d.ended:
			return false, errors.New("it has ended")
		default:
			last = answers()
			return last == nil, nil
		}
	})
	if err == nil {
		return nil
	}
	log, _ := os.ReadFile(d.log) // without it the error says less
	return errors.Join(fmt.Errorf("start %s: %w: %w; its log ends with:\n%s", d.name, err, last, log[max(0, len(log)-4000):]), d.stop(syscall.SIGKILL))
}

// stop ends the process with a signal, after a minute with SIGKILL.
func (d *daemon) stop(signal syscall.Signal) error {
	if err := d.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(time.Minute):
		return errors.Join(fmt.Errorf("%s does not end", d.name), d.cmd.Process.Kill())
	}
}

// postgres is a PostgreSQL server with the databases of Temporal.
type postgres struct {
	*daemon
	programs, host, port string
}

// superuser is the owner of the databases.
const superuser = "temporal"

// startPostgres starts a new server. It refuses to run as root: it then runs as the user
// postgres, whom Debian's package makes.
func (p programs) startPostgres(ctx context.Context, dir string) (*postgres, error) {
	var as *syscall.Credential
	data := filepath.Join(dir, "postgres")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return nil, err
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := errors.Join(os.Chown(data, int(uid), int(gid)), os.Chmod(dir, 0o711)); err != nil { //nolint:gosec // it has to reach its own folder
			return nil, err
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(p.postgres, "initdb"), "--pgdata", data, "--username", superuser, "--auth", "trust")
	initdb.Dir, initdb.SysProcAttr = data, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &postgres{programs: p.postgres}
	if s.host, s.port, err = net.SplitHostPort(at); err != nil {
		return nil, err
	}
	s.daemon, err = startDaemon(dir, "postgres", os.Environ(), as, filepath.Join(p.postgres, "postgres"), "-D", data, "-k", data, "-h", s.host, "-p", s.port,
		"-c", "max_connections=300", "-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.track_utility=off", "-c", "compute_query_id=on",
		"-c", "commit_siblings=0")
	if err != nil {
		return nil, err
	}
	if err := s.ready(ctx, func() error { _, err := s.sql(ctx, "select 1"); return err }); err != nil {
		return nil, err
	}
	_, err = s.sql(ctx, "create extension pg_stat_statements")
	if err != nil {
		err = errors.Join(err, s.stop(syscall.SIGINT))
	}
	return s, err
}

// environ is the environment of PostgreSQL's clients.
func (s *postgres) environ() []string {
	return append(os.Environ(), "PGHOST="+s.host, "PGPORT="+s.port, "PGUSER="+superuser, "PGDATABASE=postgres")
}

// sql runs a statement and returns its rows.
func (s *postgres) sql(ctx context.Context, statement string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, "psql"), "-X", "-A", "-t", "-q", "-c", statement)
	cmd.Env = s.environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w\n%s", err, out)
	}
	return string(out), nil
}

// delay sets how long each flush of the log waits, in seconds.
func (s *postgres) delay(ctx context.Context, seconds float64) error {
	for _, statement := range []string{
		fmt.Sprintf("alter system set commit_delay = %d", int(seconds*1e6)), "select pg_reload_conf()",
	} {
		if _, err := s.sql(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *postgres) counters(ctx context.Context) (database, error) {
	var d database
	out, err := s.sql(ctx, counters)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal([]byte(out), &d)
}

// temporalServer is the server that docker-compose.yml runs.
type temporalServer struct {
	*daemon
	address string // of the frontend
	metrics string // URL
}

// startTemporal makes Temporal's databases and starts its four services in one process.
func (p programs) startTemporal(ctx context.Context, dir string, d *postgres, k *cassandra, shards int) (*temporalServer, error) {
	for database, schema := range map[string]string{"temporal": "temporal", "temporal_visibility": "visibility"} {
		for _, args := range [][]string{
			{"create-database"},
			{"setup-schema", "--version", "0.0"},
			{"update-schema", "--schema-name", "postgresql/v12/" + schema},
		} {
			args = append([]string{"--plugin", "postgres12", "--endpoint", d.host, "--port", d.port, "--user", superuser, "--password", superuser, "--database", database}, args...)
			if out, err := exec.CommandContext(ctx, p.sqlTool, args...).CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%s %s: %w\n%s", p.sqlTool, strings.Join(args, " "), err, out)
			}
		}
	}
	if k != nil {
		if err := k.schema(ctx, p.cqlTool); err != nil {
			return nil, err
		}
	}
	settings, err := filepath.Abs("deploy/temporal/dynamicconfig.yaml")
	if err != nil {
		return nil, err
	}
	environ := append(os.Environ(), "DB=postgres12", "POSTGRES_SEEDS="+d.host, "DB_PORT="+d.port, "POSTGRES_USER="+superuser, "POSTGRES_PWD="+superuser,
		"NUM_HISTORY_SHARDS="+strconv.Itoa(shards), "BIND_ON_IP="+d.host, "DYNAMIC_CONFIG_FILE_PATH="+settings, "LOG_LEVEL=warn")
	at := map[string]string{}
	for _, name := range []string{
		"FRONTEND_GRPC", "FRONTEND_HTTP", "FRONTEND_MEMBERSHIP", "MATCHING_GRPC", "MATCHING_MEMBERSHIP",
		"HISTORY_GRPC", "HISTORY_MEMBERSHIP", "WORKER_GRPC", "WORKER_MEMBERSHIP", "PROMETHEUS",
	} {
		if at[name], err = freeAddress(); err != nil {
			return nil, err
		}
		_, port, err := net.SplitHostPort(at[name])
		if err != nil {
			return nil, err
		}
		environ = append(environ, name+"_PORT="+port)
	}
	environ = append(environ, "PROMETHEUS_ENDPOINT="+at["PROMETHEUS"])
	args := []string{"--allow-no-auth"}
	if k != nil {
		file, err := k.settings(dir, d, shards, at, settings)
		if err != nil {
			return nil, err
		}
		args = append(args, "--config-file", file)
	}
	s := &temporalServer{address: at["FRONTEND_GRPC"], metrics: "http://" + at["PROMETHEUS"] + "/metrics"}
	if s.daemon, err = startDaemon(dir, "temporal", environ, nil, p.temporal, append(args, "start")...); err != nil {
		return nil, err
	}
	c, err := client.NewLazyClient(client.Options{HostPort: s.address})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return s, s.ready(ctx, func() error {
		_, err := c.CheckHealth(ctx, &client.CheckHealthRequest{})
		return err
	})
}

// asked is what Temporal's services asked of the database.
type asked struct {
	byService, byOperation map[string]float64 // requests
	updates                float64            // of workflows
	seconds                float64            // that they took
}

var (
	serviceLine   = regexp.MustCompile(`(?m)^persistence_requests\{[^}]*service_name="(\w+)"[^}]*\} (\S+)$`)
	operationLine = regexp.MustCompile(`(?m)^persistence_requests\{[^}]*operation="(\w+)"[^}]*\} (\S+)$`)
	latencyLine   = regexp.MustCompile(`(?m)^persistence_latency_(sum|count)\{[^}]*operation="UpdateWorkflowExecution"[^}]*\} (\S+)$`)
)

// requests reads Temporal's metrics.
func (s *temporalServer) requests(ctx context.Context) (asked, error) {
	text, err := page(ctx, s.metrics)
	if err != nil {
		return asked{}, fmt.Errorf("metrics of Temporal: %w", err)
	}
	a := asked{byService: map[string]float64{}, byOperation: map[string]float64{}}
	latency := map[string]float64{}
	err = errors.Join(addLines(text, serviceLine, a.byService), addLines(text, operationLine, a.byOperation), addLines(text, latencyLine, latency))
	a.seconds, a.updates = latency["sum"], latency["count"]
	return a, err
}

// freeAddress is an address of loopback that nothing uses. Temporal's schema for PostgreSQL
// has 15 bits for the ports of its services.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		l, fault := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15_000+rand.IntN(1<<15-15_000)))
		if fault == nil {
			return l.Addr().String(), l.Close()
		}
		err = fault
	}
	return "", err
}
