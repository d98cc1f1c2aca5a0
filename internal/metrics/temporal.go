package metrics

import (
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// sdkLabels are the labels of every SDK metric. The SDK uses one name with different
// tags, and Prometheus needs one set of labels a name: a missing tag is empty, which
// Prometheus treats as absent, and a tag that is not listed (those of Nexus, and
// client_name, which is constant) is left out.
var sdkLabels = []string{
	"namespace", "worker_type", "workflow_type", "activity_type", "task_queue",
	"operation", "poller_type", "status_code", "failure_reason", "cause",
}

// sdkBuckets are bounds in seconds: from a request to the server up to the wait of a
// trial for a slot.
var sdkBuckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 6 * 3600}

// Temporal returns the handler for client.Options.MetricsHandler. Names are those
// of Temporal's documentation: temporal_ in front, _total on counters, _seconds
// on latencies.
func (m *Metrics) Temporal() client.MetricsHandler { return sdkHandler{temporal: m.temporal} }

// temporal makes the collectors of SDK metrics as the SDK asks for them.
type temporal struct {
	registry *prometheus.Registry
	mu       sync.Mutex
	vectors  map[string]prometheus.Collector // by full name
}

// sdkHandler is a client.MetricsHandler with some tags.
type sdkHandler struct {
	temporal *temporal
	tags     map[string]string
}

// WithTags implements client.MetricsHandler.
func (h sdkHandler) WithTags(tags map[string]string) client.MetricsHandler {
	merged := maps.Clone(h.tags)
	if merged == nil {
		merged = make(map[string]string, len(tags))
	}
	maps.Copy(merged, tags)
	return sdkHandler{temporal: h.temporal, tags: merged}
}

// Counter implements client.MetricsHandler.
func (h sdkHandler) Counter(name string) client.MetricsCounter {
	opts := prometheus.CounterOpts{Name: name + "_total", Help: help(name)}
	vec, ok := vector(h.temporal, opts.Name, func() *prometheus.CounterVec { return prometheus.NewCounterVec(opts, sdkLabels) })
	if !ok {
		return client.MetricsNopHandler.Counter(name)
	}
	return sdkCounter{vec.WithLabelValues(h.labels()...)}
}

// Gauge implements client.MetricsHandler.
func (h sdkHandler) Gauge(name string) client.MetricsGauge {
	opts := prometheus.GaugeOpts{Name: name, Help: help(name)}
	vec, ok := vector(h.temporal, opts.Name, func() *prometheus.GaugeVec { return prometheus.NewGaugeVec(opts, sdkLabels) })
	if !ok {
		return client.MetricsNopHandler.Gauge(name)
	}
	return sdkGauge{vec.WithLabelValues(h.labels()...)}
}

// Timer implements client.MetricsHandler.
func (h sdkHandler) Timer(name string) client.MetricsTimer {
	opts := prometheus.HistogramOpts{Name: name + "_seconds", Help: help(name), Buckets: sdkBuckets}
	vec, ok := vector(h.temporal, opts.Name, func() *prometheus.HistogramVec { return prometheus.NewHistogramVec(opts, sdkLabels) })
	if !ok {
		return client.MetricsNopHandler.Timer(name)
	}
	return sdkTimer{vec.WithLabelValues(h.labels()...)}
}

func help(name string) string { return "The Temporal SDK's metric " + name + "." }

// labels returns the values of sdkLabels.
func (h sdkHandler) labels() []string {
	values := make([]string, len(sdkLabels))
	for i, label := range sdkLabels {
		values[i] = h.tags[label]
	}
	return values
}

// vector returns the collector of a name, made at its first use. ok is false when the
// name cannot be registered or is another kind of metric; the worker then runs
// without it.
func vector[V prometheus.Collector](t *temporal, name string, create func() V) (vec V, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.vectors[name]
	if !ok {
		vec = create()
		if t.registry.Register(vec) != nil {
			return vec, false
		}
		t.vectors[name] = vec
		return vec, true
	}
	vec, ok = known.(V)
	return vec, ok
}

type sdkCounter struct{ prometheus.Counter }

// Inc implements client.MetricsCounter.
func (c sdkCounter) Inc(n int64) {
	if n > 0 { // a counter that goes down panics
		c.Add(float64(n))
	}
}

type sdkGauge struct{ prometheus.Gauge }

// Update implements client.MetricsGauge.
func (g sdkGauge) Update(value float64) { g.Set(value) }

type sdkTimer struct{ prometheus.Observer }

// Record implements client.MetricsTimer.
func (t sdkTimer) Record(d time.Duration) { t.Observe(d.Seconds()) }
