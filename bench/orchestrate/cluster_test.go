package main

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClustersAreAllCombinations(t *testing.T) {
	clusters, err := clusterFlags{store: "postgres", shards: "4,512", sweeps: "1,2", delay: 50 * time.Millisecond}.clusters()
	require.NoError(t, err)
	require.Equal(t, []cluster{{"postgres", 4, 1, 0.05}, {"postgres", 4, 2, 0.05}, {"postgres", 512, 1, 0.05}, {"postgres", 512, 2, 0.05}}, clusters)
	require.Equal(t, "postgres-512-2x-50ms", clusters[3].engine())
}

func TestSweepsThatCannotShareAreRefused(t *testing.T) {
	err := programs{}.runClusters(t.Context(), []job{{ours, scenario{"random", 1, 16, 320}}}, []cluster{{Shards: 4, Sweeps: 3}}, nil, time.Minute)
	require.ErrorContains(t, err, "3 sweeps cannot share 320 trials and 16 slots")
}

func TestTemporalsMetricsAreCounted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`# TYPE persistence_requests counter
persistence_requests{namespace="a",operation="UpdateWorkflowExecution",service_name="history"} 30
persistence_requests{namespace="b",operation="UpdateWorkflowExecution",service_name="history"} 2
persistence_requests{namespace="a",operation="CreateTasks",service_name="matching"} 1.5e+01
persistence_latency_bucket{operation="UpdateWorkflowExecution",service_name="history",le="0.1"} 30
persistence_latency_sum{operation="UpdateWorkflowExecution",service_name="history"} 0.5
persistence_latency_count{operation="UpdateWorkflowExecution",service_name="history"} 32
persistence_latency_sum{operation="CreateTasks",service_name="matching"} 7
`)) // the client fails without it
	}))
	defer server.Close()
	a, err := (&temporalServer{metrics: server.URL}).requests(t.Context())
	require.NoError(t, err)
	require.Equal(t, asked{
		byService:   map[string]float64{"history": 32, "matching": 15},
		byOperation: map[string]float64{"UpdateWorkflowExecution": 32, "CreateTasks": 15}, updates: 32, seconds: 0.5,
	}, a)
}

func TestTreeCPUHasRunningChildren(t *testing.T) {
	busy := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; read line")
	in, err := busy.StdinPipe()
	require.NoError(t, err)
	out, err := busy.StdoutPipe()
	require.NoError(t, err)
	parent := os.Getpid()
	require.NoError(t, busy.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	child, err := readCPU(busy.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, child.own)
	own, err := readCPU(parent)
	require.NoError(t, err)
	tree, err := treeCPU(parent)
	require.NoError(t, err)
	require.GreaterOrEqual(t, tree, own.own+own.children+child.own)
	require.NoError(t, in.Close())
	_ = busy.Wait() // read fails at the end of its input
}

func TestClusterReport(t *testing.T) {
	r := clustered{result: sampleResult(scenario{"random", 1, 64, 320}), cluster: cluster{Store: "postgres", Shards: 512, Sweeps: 2, Delay: 0.05}}
	r.History.Sweep = counts{Transitions: 4 * 160}
	r.CPU = map[string]float64{"temporal": 50, "postgres": 30, "worker": 20, "store": 2, "children": 10}
	r.Trial = database{Writes: 40, Statements: 300, Rows: 90, WAL: 120e3, Flushes: 20, Bytes: 60e3}
	r.Idle = database{Writes: 1.5, Statements: 20}
	r.Asked = map[string]float64{"history": 35, "matching": 6, "frontend": 1, "worker": 0.1}
	r.Operations = map[string]float64{"UpdateWorkflowExecution": 16, "CreateWorkflowExecution": 1, "UpdateShard": 0.5, "GetTransferTasks": 7}
	r.Latency = 100
	r.Engine = r.engine()
	s := &clusterStore{folder: t.TempDir()}
	require.NoError(t, s.add(r))
	require.NoError(t, s.add(r))
	require.NoError(t, s.addCommits([]commitRate{{Clients: 16, Synchronous: true, PerSecond: 1234, CPU: 0.125, Others: 0.25}}))
	loaded, err := loadClusters(s.folder)
	require.NoError(t, err)
	require.Len(t, loaded.results, 1)
	text := loaded.report()
	for _, line := range []string{
		"| random, 320 x 1 s on 64, postgres, 512 shards, 2 sweeps, delay 50 ms | 5 | 10 | 32.0 | 100.0 | 10 | 1 % |",
		"| random, 320 x 1 s on 64, postgres, 512 shards, 2 sweeps, delay 50 ms | 50, 30, 0, 20, 2, 10 | 14.0 | 40.0 | 300 | 90 | 120 | 20.0 | 60 | 35, 6.0, 1.0, 0.1 | 17.5 | 1.5, 20 |",
		"| 16 | true | 1234 | 0.125 | 25 % |",
	} {
		require.Contains(t, text, line)
	}
}
