package worker

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/workflows"
)

func TestServeMetrics(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "numbers") })
	address, stop, err := serveMetrics("127.0.0.1:0", nil, page)
	require.NoError(t, err)
	status := func(path string) int {
		response, err := http.Get("http://" + address + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, status("/metrics"))
	require.Equal(t, http.StatusNotFound, status("/"), "nothing else is served")
	require.Equal(t, http.StatusMisdirectedRequest, statusAs(t, address, "evil.example"))

	open, stopOpen, err := serveMetrics("0.0.0.0:0", nil, page)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, statusAs(t, open, "worker"), "Prometheus asks for it by the name of the container")
	require.NoError(t, stopOpen())

	_, _, err = serveMetrics(address, nil, page)
	require.ErrorContains(t, err, address)
	require.ErrorContains(t, err, "TAILSWEEP_METRICS_ADDR")
	require.NoError(t, stop())
	_, err = http.Get("http://" + address + "/metrics") //nolint:bodyclose // there is no response
	require.Error(t, err)
}

func statusAs(t *testing.T, address, host string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	require.NoError(t, err)
	r.Host = host
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

func TestNumbersOfARunningSweep(t *testing.T) {
	p := conduct.Progress{
		Planned: 9, Counts: map[sweep.Status]int{sweep.StatusCompleted: 2}, Running: make([]conduct.Running, 3),
		Best: &conduct.BestTrial{Metrics: map[string]float64{"fid.tail": 7}}, GPUHours: 1.5,
	}
	require.Equal(t, activities.SweepNumbers{
		Running: 3, ByStatus: p.Counts, Planned: 9, Best: p.Best.Metrics, GPUHours: 1.5, Active: true,
	}, workflows.Numbers(p))
	ended := time.Now()
	p.EndedAt, p.Best = &ended, nil
	require.False(t, workflows.Numbers(p).Active)
	require.Nil(t, workflows.Numbers(p).Best)
}

func TestSlotsByDevice(t *testing.T) {
	require.Equal(t, 1, Config{}.slots())
	require.Equal(t, 2, Config{Devices: []string{"0", "3"}}.slots())
	require.Equal(t, 4, Config{Slots: 4, Devices: []string{"0", "3"}}.slots())

	free := newSlots(3, []string{"0", "3"})
	var devices []string
	for range 3 {
		s, err := free.take(t.Context())
		require.NoError(t, err)
		devices = append(devices, s)
	}
	require.Equal(t, []string{"0", "3", "0"}, devices)
}
