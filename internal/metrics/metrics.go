package metrics

import (
	"log/slog"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/sweep"
)

// maxSweeps is how many sweeps have series at a time. A further one replaces the
// sweep that was updated longest ago.
const maxSweeps = 100

// Names of the user's program that become the values of labels, a sweep.
const (
	maxFree   = 16 // metrics that the spec in force names
	maxLosses = 8  // besides TermTotal, in the order in which they appear
)

// Labels.
const (
	labelSweep  = "sweep"
	labelTrial  = "trial"
	labelMetric = "metric" // families of sweep.MetricList, and at most maxFree names of a sweep's program
	labelGoal   = "goal"   // a sweep.Goal
	labelGroup  = "group"  // all, head, medium, tail
	labelTerm   = "term"   // closed, and at most maxLosses names of a sweep's program
	labelStatus = "status"
	labelReason = "reason"
	labelMethod = "method" // of HTTP
)

// Values of the label term in addition to sweep.LossTerms and to the losses of programs. The
// terms of that list are exported before they are weighted, and absent while they are off.
// TermTotal is what is minimised: the loss called loss of a program.
const (
	TermTotal = "total"
	TermDDPM  = "ddpm"
)

// reasonOther stands for a failure class that is not in the list.
const reasonOther = "other"

// Metrics contains the collectors of one process. It implements activities.Recorder
// and is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	temporal *temporal
	vectors  []interface{ DeletePartialMatch(prometheus.Labels) int } // all vectors

	bestValue      *prometheus.GaugeVec
	objective      *prometheus.GaugeVec
	trials         *prometheus.GaugeVec
	trialsRunning  *prometheus.GaugeVec
	trialsPlanned  *prometheus.GaugeVec
	sweepActive    *prometheus.GaugeVec
	sweepBlocked   *prometheus.GaugeVec
	gpuSeconds     *prometheus.GaugeVec
	trialStep      *prometheus.GaugeVec
	trialLoss      *prometheus.GaugeVec
	trialGroupLoss *prometheus.GaugeVec
	trialSpeed     *prometheus.GaugeVec
	trialImages    *prometheus.GaugeVec
	restarts       *prometheus.CounterVec
	storedBytes    *prometheus.CounterVec
	storeSeconds   prometheus.Histogram
	storeRequests  *prometheus.CounterVec
	workerResting  prometheus.Gauge

	log    *slog.Logger
	mu     sync.Mutex
	sweeps []string                           // that have series; the one updated last is last
	active map[string]activities.SweepNumbers // of the sweeps that are exported as active
	free   map[string][]series                // metrics of programs that have series, by sweep
	losses map[string]*losses                 // of programs, by sweep
}

// series are the labels of a metric.
type series struct{ name, family, group string }

// losses are the names of a program's losses in one sweep.
type losses struct {
	exported []string // at most maxLosses
	said     bool     // the log has that there are more
}

var _ activities.Recorder = (*Metrics)(nil)

// New returns the collectors of this process; version goes into build_info, and the names that
// are not exported into the log.
func New(version string, log *slog.Logger) *Metrics {
	registry := prometheus.NewRegistry()
	m := &Metrics{
		registry: registry, log: log,
		active: map[string]activities.SweepNumbers{}, free: map[string][]series{}, losses: map[string]*losses{},
		temporal: &temporal{registry: registry, vectors: map[string]prometheus.Collector{}},
		storeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "checkpoint_store_seconds", Help: "Seconds to verify and store a checkpoint.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
		storeRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "store_requests_total", Help: "Requests to the object store by HTTP method, retries included.",
		}, []string{labelMethod}),
		workerResting: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "worker_resting", Help: "1 while this worker takes no trials after failures in a row that its machine caused.",
		}),
	}
	m.bestValue = m.gauge("best_value", "The best completed trial's own value of a metric, by class group.", labelSweep, labelMetric, labelGroup)
	m.objective = m.gauge("sweep_objective", "The place of a metric among the sweep's objectives, 1 for the first, with the direction that is better.", labelSweep, labelMetric, labelGroup, labelGoal)
	m.trials = m.gauge("trials", "Finished trials by how they ended.", labelSweep, labelStatus)
	m.trialsRunning = m.gauge("trials_running", "Started trials without a result.", labelSweep)
	m.trialsPlanned = m.gauge("trials_planned", "Trials the sweep will have, baseline included; 0 when unknown.", labelSweep)
	m.sweepActive = m.gauge("sweep_active", "1 while the sweep runs, 0 after its end.", labelSweep)
	m.sweepBlocked = m.gauge("sweep_blocked", "1 for each reason that blocks the sweep or its trials until its cause is removed, 0 for all others.", labelSweep, labelReason)
	m.gpuSeconds = m.gauge("gpu_seconds", "Seconds that the sweep's trials occupied training slots.", labelSweep)
	m.trialStep = m.gauge("trial_step", "Training steps done by a trial that trains here.", labelSweep, labelTrial)
	m.trialLoss = m.gauge("trial_loss", "Latest loss of a trial that trains here, by term, before the weights; a term that is off has none.", labelSweep, labelTrial, labelTerm)
	m.trialGroupLoss = m.gauge("trial_group_loss", "Latest DDPM loss of a trial that trains here, by group of the samples' classes.", labelSweep, labelTrial, labelGroup)
	m.trialSpeed = m.gauge("trial_steps_per_second", "Training steps per second of a trial that trains here.", labelSweep, labelTrial)
	m.trialImages = m.gauge("trial_images", "Images processed, real ones and samples, by the evaluation of a trial that is evaluated here.", labelSweep, labelTrial)
	m.restarts = m.counter("training_restarts_total", "Attempts that followed a failure, by its class.", labelSweep, labelReason)
	m.storedBytes = m.counter("checkpoint_stored_bytes_total", "Bytes of checkpoints stored.", labelSweep)
	m.gauge("build_info", "1, with the versions that this process was built from.", "version", "goversion").WithLabelValues(version, runtime.Version()).Set(1)
	registry.MustRegister(m.storeSeconds, m.storeRequests, m.workerResting, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

const namespace = "tailsweep"

// gauge registers a vector of gauges.
func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	vec := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(vec)
	m.vectors = append(m.vectors, vec)
	return vec
}

// counter registers a vector of counters.
func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(vec)
	m.vectors = append(m.vectors, vec)
	return vec
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// TrialProgress implements activities.Recorder.
func (m *Metrics) TrialProgress(sweepName string, trial int, p activities.Progress) {
	defer m.update(sweepName)()
	number := strconv.Itoa(trial)
	m.trialStep.WithLabelValues(sweepName, number).Set(float64(p.Step))
	m.trialSpeed.WithLabelValues(sweepName, number).Set(p.StepsPerSecond)
	if p.Point == nil {
		return
	}
	m.trialLoss.WithLabelValues(sweepName, number, TermTotal).Set(p.Point.Loss)
	if p.Point.DDPM != 0 { // programs have none
		m.trialLoss.WithLabelValues(sweepName, number, TermDDPM).Set(p.Point.DDPM)
	}
	for _, term := range m.terms(sweepName, p.Point.Terms) {
		m.trialLoss.WithLabelValues(sweepName, number, term).Set(p.Point.Terms[term])
	}
	for _, group := range sweep.GroupList() {
		if loss, ok := p.Point.Groups[group]; ok {
			m.trialGroupLoss.WithLabelValues(sweepName, number, group).Set(loss)
		}
	}
}

// terms returns the names of the losses that are exported: those of sweep.LossTerms, and the
// first maxLosses names of a program, in every trial of the sweep the same. The log has once
// for each sweep how many are left out.
func (m *Metrics) terms(sweepName string, values map[string]float64) []string {
	var names []string
	left := 0
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, own := sweep.LookupLossTerm(name); own || m.exports(sweepName, name) {
			names = append(names, name)
		} else {
			left++
		}
	}
	if of := m.losses[sweepName]; left > 0 && !of.said {
		of.said = true
		m.log.Warn("Prometheus gets only some losses of a program", "sweep", sweepName, "exported", of.exported, "left_out", left)
	}
	return names
}

// exports reports whether a loss of a program is exported.
func (m *Metrics) exports(sweepName, name string) bool {
	of := m.losses[sweepName]
	if of == nil {
		of = &losses{}
		m.losses[sweepName] = of
	}
	if !slices.Contains(of.exported, name) {
		if len(of.exported) == maxLosses || !sweep.FreeName(name) || name == TermTotal {
			return false
		}
		of.exported = append(of.exported, name)
	}
	return true
}

// EvaluationProgress implements activities.Recorder.
func (m *Metrics) EvaluationProgress(sweepName string, trial, images int) {
	defer m.update(sweepName)()
	m.trialImages.WithLabelValues(sweepName, strconv.Itoa(trial)).Set(float64(images))
}

// TrialEnded implements activities.Recorder: the trial no longer trains, and is
// no longer evaluated, here.
func (m *Metrics) TrialEnded(sweepName string, t sweep.Trial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	labels := prometheus.Labels{labelSweep: sweepName, labelTrial: strconv.Itoa(t.Number)}
	for _, v := range []*prometheus.GaugeVec{m.trialStep, m.trialSpeed, m.trialLoss, m.trialGroupLoss, m.trialImages} {
		v.DeletePartialMatch(labels)
	}
}

// Restart implements activities.Recorder.
func (m *Metrics) Restart(sweepName string, class sweep.FailureClass) {
	defer m.update(sweepName)()
	reason := string(class)
	if !slices.Contains(sweep.FailureList(), class) {
		reason = reasonOther
	}
	m.restarts.WithLabelValues(sweepName, reason).Inc()
}

// CheckpointStored implements activities.Recorder.
func (m *Metrics) CheckpointStored(sweepName string, bytes int64, seconds float64) {
	defer m.update(sweepName)()
	m.storedBytes.WithLabelValues(sweepName).Add(float64(max(bytes, 0)))
	m.storeSeconds.Observe(seconds)
}

// StoreRequest counts a request to the object store.
func (m *Metrics) StoreRequest(method string) { m.storeRequests.WithLabelValues(method).Inc() }

// WorkerResting implements worker.Metrics.
func (m *Metrics) WorkerResting(resting bool) {
	value := 0.0
	if resting {
		value = 1
	}
	m.workerResting.Set(value)
}

// SweepState implements activities.Recorder. Metrics that are neither in sweep.MetricList nor
// named by the spec in force, as s.Free has them, are left out.
func (m *Metrics) SweepState(sweepName string, s activities.SweepNumbers) {
	defer m.update(sweepName)()
	m.trialsRunning.WithLabelValues(sweepName).Set(float64(s.Running))
	m.trialsPlanned.WithLabelValues(sweepName).Set(float64(s.Planned))
	m.gpuSeconds.WithLabelValues(sweepName).Set(s.GPUHours * 3600)
	active := 0.0
	delete(m.active, sweepName)
	if s.Active {
		active = 1
		m.active[sweepName] = s
	}
	m.sweepActive.WithLabelValues(sweepName).Set(active)
	for _, reason := range block.Reasons() {
		blocked := 0.0
		if s.Active && slices.Contains(s.Blocked, reason) {
			blocked = 1
		}
		m.sweepBlocked.WithLabelValues(sweepName, string(reason)).Set(blocked)
	}
	for _, status := range sweep.StatusList() {
		m.trials.WithLabelValues(sweepName, string(status)).Set(float64(s.ByStatus[status]))
	}
	free := freeSeries(s.Free)
	m.objective.DeletePartialMatch(prometheus.Labels{labelSweep: sweepName})
	for i, o := range s.Objectives {
		if of, ok := seriesOf(o.Name, free); ok {
			m.objective.WithLabelValues(sweepName, of.family, of.group, string(o.Goal)).Set(float64(i + 1))
		}
	}
	for _, info := range sweep.MetricList() {
		m.best(sweepName, split(info.Name, info.Group), s.Best)
	}
	for _, before := range m.free[sweepName] {
		if !slices.Contains(free, before) {
			m.bestValue.DeleteLabelValues(sweepName, before.family, before.group)
		}
	}
	m.free[sweepName] = free
	for _, of := range free {
		m.best(sweepName, of, s.Best)
	}
}

// best exports the best trial's value of a metric, or that it has none.
func (m *Metrics) best(sweepName string, of series, values map[string]float64) {
	if value, ok := values[of.name]; ok {
		m.bestValue.WithLabelValues(sweepName, of.family, of.group).Set(value)
	} else {
		m.bestValue.DeleteLabelValues(sweepName, of.family, of.group)
	}
}

// ActiveSweeps returns the sweeps that are exported as active, with their numbers.
func (m *Metrics) ActiveSweeps() map[string]activities.SweepNumbers {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.active)
}

// split returns the labels of a metric: "fid.tail" is fid of tail, and one without a group is
// of all.
func split(name, group string) series {
	if group == "" {
		return series{name, name, sweep.GroupAll}
	}
	return series{name, strings.TrimSuffix(name, "."+group), group}
}

// freeSeries returns the labels of metrics of a program, no two of which are equal: the first
// maxFree names that are valid. As in the closed list, "recall.tail" is recall of tail; where
// there is also a metric recall, "recall.all" keeps its name.
func freeSeries(names []string) []series {
	var list []series
	for _, name := range names {
		if !sweep.FreeName(name) || len(list) == maxFree {
			continue
		}
		group := name[strings.LastIndexByte(name, '.')+1:]
		if !slices.Contains(sweep.MetricGroups(), group) || group == name || slices.Contains(names, strings.TrimSuffix(name, "."+sweep.GroupAll)) && group == sweep.GroupAll {
			group = ""
		}
		list = append(list, split(name, group))
	}
	return list
}

// seriesOf returns the labels of a metric, and whether it is exported: one of the closed list
// or of free. FID of single classes is not.
func seriesOf(name string, free []series) (series, bool) {
	if info, known := sweep.LookupMetric(name); known {
		return split(name, info.Group), !strings.HasPrefix(name, sweep.FIDClass)
	}
	i := slices.IndexFunc(free, func(s series) bool { return s.name == name })
	if i < 0 {
		return series{}, false
	}
	return free[i], true
}

// update locks m for an update of a sweep; the caller calls done after it. The counters
// of a new sweep start at 0, so that Prometheus sees their first increase.
func (m *Metrics) update(sweepName string) (done func()) {
	m.mu.Lock()
	if i := slices.Index(m.sweeps, sweepName); i >= 0 {
		m.sweeps = append(slices.Delete(m.sweeps, i, i+1), sweepName)
		return m.mu.Unlock
	}
	m.sweeps = append(m.sweeps, sweepName)
	for _, reason := range sweep.FailureList() {
		m.restarts.WithLabelValues(sweepName, string(reason))
	}
	m.storedBytes.WithLabelValues(sweepName)
	if len(m.sweeps) > maxSweeps {
		for _, v := range m.vectors {
			v.DeletePartialMatch(prometheus.Labels{labelSweep: m.sweeps[0]})
		}
		delete(m.active, m.sweeps[0])
		delete(m.free, m.sweeps[0])
		delete(m.losses, m.sweeps[0])
		m.sweeps = m.sweeps[1:]
	}
	return m.mu.Unlock
}
