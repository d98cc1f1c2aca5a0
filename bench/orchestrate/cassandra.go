package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

// cassandra is one node with Temporal's keyspace.
type cassandra struct {
	*daemon
	host, port string
}

// keyspace is Temporal's.
const keyspace = "temporal"

// opened are the packages of Java 17 that Cassandra 5.0 reads by reflection, from its
// conf/jvm17-server.options.
const opened = `java.base/java.io java.base/java.lang java.base/java.lang.module java.base/java.lang.ref java.base/java.lang.reflect java.base/java.net
	java.base/java.nio java.base/java.util java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/jdk.internal.loader java.base/jdk.internal.math
	java.base/jdk.internal.misc java.base/jdk.internal.module java.base/jdk.internal.ref java.base/jdk.internal.reflect java.base/jdk.internal.util.jar java.base/sun.nio.ch
	java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server java.rmi/sun.rmi.transport.tcp java.sql/java.sql
	jdk.management/com.sun.management.internal jdk.naming.rmi/com.sun.jndi.rmi.registry jdk.unsupported/sun.misc`

// cassandraConfig is cassandra.yaml: what has no default.
const cassandraConfig = `cluster_name: tailsweep
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [%[1]s/data]
commitlog_directory: %[1]s/commitlog
saved_caches_directory: %[1]s/saved_caches
hints_directory: %[1]s/hints
cdc_raw_directory: %[1]s/cdc
commitlog_sync: periodic
commitlog_sync_period: 10000ms
endpoint_snitch: SimpleSnitch
listen_address: %[2]s
rpc_address: %[2]s
native_transport_port: %[3]s
storage_port: %[4]s
seed_provider: [{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{seeds: "%[2]s:%[4]s"}]}]
`

// logConfig is logback.xml: warnings go to the log of the process.
const logConfig = `<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%level %d %logger{20} %msg%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
`

// startCassandra starts a node from its jars.
func (p programs) startCassandra(ctx context.Context, dir string) (*cassandra, error) {
	c := &cassandra{}
	var ports []string
	for range 2 {
		at, err := freeAddress()
		if err != nil {
			return nil, err
		}
		host, port, err := net.SplitHostPort(at)
		if err != nil {
			return nil, err
		}
		c.host, ports = host, append(ports, port)
	}
	c.port = ports[0]
	data := filepath.Join(dir, "cassandra")
	config, logs := filepath.Join(dir, "cassandra.yaml"), filepath.Join(dir, "logback.xml")
	err := errors.Join(os.Mkdir(data, 0o700), os.WriteFile(logs, []byte(logConfig), 0o600),
		os.WriteFile(config, fmt.Appendf(nil, cassandraConfig, data, c.host, c.port, ports[1]), 0o600))
	if err != nil {
		return nil, err
	}
	agents, err := filepath.Glob(filepath.Join(p.cassandra, "jamm-*.jar"))
	if err != nil || len(agents) == 0 {
		return nil, errors.Join(err, fmt.Errorf("-cassandra: %s has no jamm-*.jar", p.cassandra))
	}
	args := []string{
		"-Xms1g", "-Xmx1g", "-javaagent:" + agents[0], "-Djdk.attach.allowAttachSelf=true", "-Dcassandra-foreground=yes",
		"-Dcassandra.config=file://" + config, "-Dlogback.configurationFile=file://" + logs, "-Dcassandra.storagedir=" + data, "-Djava.io.tmpdir=" + data,
		"-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.ring_delay_ms=100",
	}
	for _, name := range strings.Fields(opened) {
		args = append(args, "--add-opens", name+"=ALL-UNNAMED", "--add-exports", name+"=ALL-UNNAMED")
	}
	args = append(args, "-cp", p.cassandra+"/*", "org.apache.cassandra.service.CassandraDaemon")
	if c.daemon, err = startDaemon(dir, "cassandra", os.Environ(), nil, "java", args...); err != nil {
		return nil, err
	}
	return c, c.ready(ctx, func() error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(c.host, c.port))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// cassandraSettings is Temporal's configuration with its workflows in Cassandra and its
// visibility in PostgreSQL.
var cassandraSettings = template.Must(template.New("").Parse(`log: {stdout: true, level: warn}
persistence:
  numHistoryShards: {{.Shards}}
  defaultStore: default
  visibilityStore: visibility
  datastores:
    default:
      cassandra: {hosts: "{{.Cassandra.Host}}", port: {{.Cassandra.Port}}, keyspace: {{.Keyspace}}, maxConns: 20, disableInitialHostLookup: true}
    visibility:
      sql: {pluginName: postgres12, databaseName: temporal_visibility, connectAddr: "{{.SQL}}", connectProtocol: tcp, user: {{.User}}, password: {{.User}}, maxConns: 10, maxIdleConns: 10, maxConnLifetime: 1h}
global:
  membership: {maxJoinDuration: 30s}
  metrics: {prometheus: {timerType: histogram, listenAddress: "{{.At.PROMETHEUS}}"}}
services:
  frontend: {rpc: {grpcPort: {{.Port.FRONTEND_GRPC}}, membershipPort: {{.Port.FRONTEND_MEMBERSHIP}}, httpPort: {{.Port.FRONTEND_HTTP}}, bindOnIP: {{.Host}}}}
  matching: {rpc: {grpcPort: {{.Port.MATCHING_GRPC}}, membershipPort: {{.Port.MATCHING_MEMBERSHIP}}, bindOnIP: {{.Host}}}}
  history: {rpc: {grpcPort: {{.Port.HISTORY_GRPC}}, membershipPort: {{.Port.HISTORY_MEMBERSHIP}}, bindOnIP: {{.Host}}}}
  worker: {rpc: {grpcPort: {{.Port.WORKER_GRPC}}, membershipPort: {{.Port.WORKER_MEMBERSHIP}}, bindOnIP: {{.Host}}}}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation: {active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "{{.At.FRONTEND_GRPC}}"}}
dcRedirectionPolicy: {policy: noop}
publicClient: {hostPort: "{{.At.FRONTEND_GRPC}}"}
dynamicConfigClient: {filepath: {{.Settings}}, pollInterval: 60s}
`))

// settings writes Temporal's configuration, and returns its file.
func (c *cassandra) settings(dir string, d *postgres, shards int, at map[string]string, dynamic string) (string, error) {
	ports := map[string]string{}
	for name, address := range at {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return "", err
		}
		ports[name] = port
	}
	name := filepath.Join(dir, "temporal.yaml")
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	err = cassandraSettings.Execute(f, map[string]any{
		"Shards": strconv.Itoa(shards), "Cassandra": map[string]string{"Host": c.host, "Port": c.port}, "Keyspace": keyspace,
		"SQL": net.JoinHostPort(d.host, d.port), "User": superuser, "At": at, "Port": ports, "Host": c.host, "Settings": dynamic,
	})
	return name, errors.Join(err, f.Close())
}

// schema makes Temporal's keyspace.
func (c *cassandra) schema(ctx context.Context, tool string) error {
	at := []string{"--endpoint", c.host, "--port", c.port, "--disable-initial-host-lookup", "--timeout", "60"}
	for _, args := range [][]string{
		{"create-keyspace", "--keyspace", keyspace, "--replication-factor", "1"},
		{"--keyspace", keyspace, "setup-schema", "--version", "0.0"},
		{"--keyspace", keyspace, "update-schema", "--schema-name", "cassandra/temporal"},
	} {
		if out, err := exec.CommandContext(ctx, tool, append(at[:len(at):len(at)], args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", tool, strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// stop kills the node: nothing of it is kept, and a drain takes long.
func (c *cassandra) stop() error { return c.daemon.stop(syscall.SIGKILL) }
