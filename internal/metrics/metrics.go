package metrics

import (
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

// Labels.
const (
	labelSweep  = "sweep"
	labelTrial  = "trial"
	labelMetric = "metric" // families of sweep.MetricList
	labelGroup  = "group"  // all, head, medium, tail
	labelTerm   = "term"
	labelStatus = "status"
	labelReason = "reason"
)

// Values of the label term in addition to sweep.LossTerms. The terms of that list are
// exported before they are weighted, and absent while they are off.
const (
	TermTotal = "total"
	TermDDPM  = "ddpm"
)

// reasonOther stands for a failure class that is not in the list.
const reasonOther = "other"

// Metrics holds the collectors of one process. It implements activities.Recorder
// and is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	temporal *temporal

	bestValue      *prometheus.GaugeVec
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
	trialPictures  *prometheus.GaugeVec
	restarts       *prometheus.CounterVec
	storedBytes    *prometheus.CounterVec
	storeSeconds   prometheus.Histogram

	mu     sync.Mutex
	sweeps []string                           // that have series; the one updated last is last
	active map[string]activities.SweepNumbers // of the sweeps that are exported as active
}

var _ activities.Recorder = (*Metrics)(nil)

// New returns the collectors of this process; version goes into build_info.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), active: map[string]activities.SweepNumbers{},

		bestValue:      gauge("best_value", "The best completed trial's own value of a metric, by class group.", labelSweep, labelMetric, labelGroup),
		trials:         gauge("trials", "Finished trials by how they ended.", labelSweep, labelStatus),
		trialsRunning:  gauge("trials_running", "Started trials without a result.", labelSweep),
		trialsPlanned:  gauge("trials_planned", "Trials the sweep will have, baseline included; 0 when unknown.", labelSweep),
		sweepActive:    gauge("sweep_active", "1 while the sweep runs, 0 after its end.", labelSweep),
		sweepBlocked:   gauge("sweep_blocked", "1 for each reason that blocks the sweep or its trials until its cause is removed, 0 for all others.", labelSweep, labelReason),
		gpuSeconds:     gauge("gpu_seconds", "Seconds that the sweep's trials held training slots.", labelSweep),
		trialStep:      gauge("trial_step", "Training steps done by a trial that trains here.", labelSweep, labelTrial),
		trialLoss:      gauge("trial_loss", "Latest loss of a trial that trains here, by term, before the weights; a term that is off has none.", labelSweep, labelTrial, labelTerm),
		trialGroupLoss: gauge("trial_group_loss", "Latest DDPM loss of a trial that trains here, by group of the samples' classes.", labelSweep, labelTrial, labelGroup),
		trialSpeed:     gauge("trial_steps_per_second", "Training steps per second of a trial that trains here.", labelSweep, labelTrial),
		trialPictures:  gauge("trial_pictures", "Images processed, real ones and samples, by the evaluation of a trial that is evaluated here.", labelSweep, labelTrial),
		restarts:       counter("training_restarts_total", "Attempts that followed a failure, by its class.", labelSweep, labelReason),
		storedBytes:    counter("checkpoint_stored_bytes_total", "Bytes of checkpoints stored.", labelSweep),
		storeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "checkpoint_store_seconds", Help: "Seconds to verify and store a checkpoint.",
			Buckets: []float64{0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300},
		}),
	}
	m.temporal = &temporal{registry: m.registry, vectors: make(map[string]prometheus.Collector)}
	build := gauge("build_info", "1, with what this process was built from.", "version", "goversion")
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(
		m.bestValue, m.trials, m.trialsRunning, m.trialsPlanned, m.sweepActive, m.sweepBlocked, m.gpuSeconds,
		m.trialStep, m.trialLoss, m.trialGroupLoss, m.trialSpeed, m.trialPictures, m.restarts, m.storedBytes, m.storeSeconds, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

const namespace = "tailsweep"

func gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// TrialProgress implements activities.Recorder.
func (m *Metrics) TrialProgress(sweepName string, trial int, p activities.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touch(sweepName)
	number := strconv.Itoa(trial)
	m.trialStep.WithLabelValues(sweepName, number).Set(float64(p.Step))
	m.trialSpeed.WithLabelValues(sweepName, number).Set(p.StepsPerSecond)
	if p.Point == nil {
		return
	}
	losses := map[string]float64{TermTotal: p.Point.Loss, TermDDPM: p.Point.DDPM}
	for _, term := range sweep.LossTerms() {
		if loss, on := p.Point.Terms[term.Name]; on {
			losses[term.Name] = loss
		}
	}
	for term, loss := range losses {
		m.trialLoss.WithLabelValues(sweepName, number, term).Set(loss)
	}
	for _, group := range sweep.GroupList() {
		if loss, ok := p.Point.Groups[group]; ok {
			m.trialGroupLoss.WithLabelValues(sweepName, number, group).Set(loss)
		}
	}
}

// EvaluationProgress implements activities.Recorder.
func (m *Metrics) EvaluationProgress(sweepName string, trial, pictures int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touch(sweepName)
	m.trialPictures.WithLabelValues(sweepName, strconv.Itoa(trial)).Set(float64(pictures))
}

// TrialEnded implements activities.Recorder: the trial no longer trains, and is
// no longer evaluated, here.
func (m *Metrics) TrialEnded(sweepName string, t sweep.Trial) {
	m.mu.Lock()
	defer m.mu.Unlock()
	labels := prometheus.Labels{labelSweep: sweepName, labelTrial: strconv.Itoa(t.Number)}
	m.trialStep.DeletePartialMatch(labels)
	m.trialSpeed.DeletePartialMatch(labels)
	m.trialLoss.DeletePartialMatch(labels)
	m.trialGroupLoss.DeletePartialMatch(labels)
	m.trialPictures.DeletePartialMatch(labels)
}

// Restart implements activities.Recorder.
func (m *Metrics) Restart(sweepName string, class sweep.FailureClass) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touch(sweepName)
	reason := string(class)
	if !slices.Contains(sweep.FailureList(), class) {
		reason = reasonOther
	}
	m.restarts.WithLabelValues(sweepName, reason).Inc()
}

// CheckpointStored implements activities.Recorder.
func (m *Metrics) CheckpointStored(sweepName string, bytes int64, seconds float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touch(sweepName)
	m.storedBytes.WithLabelValues(sweepName).Add(float64(max(bytes, 0)))
	m.storeSeconds.Observe(seconds)
}

// SweepState implements activities.Recorder. Metrics that are not in sweep.MetricList
// are left out.
func (m *Metrics) SweepState(sweepName string, s activities.SweepNumbers) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.touch(sweepName)
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
	for _, info := range sweep.MetricList() {
		family, group := split(info)
		if value, ok := s.Best[info.Name]; ok {
			m.bestValue.WithLabelValues(sweepName, family, group).Set(value)
		} else {
			m.bestValue.DeleteLabelValues(sweepName, family, group)
		}
	}
}

// ActiveSweeps returns the sweeps that are exported as active, with their numbers.
func (m *Metrics) ActiveSweeps() map[string]activities.SweepNumbers {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.active)
}

// split returns the labels of a metric: "fid.tail" is fid of tail, and one
// without a group is of all.
func split(info sweep.MetricInfo) (family, group string) {
	if info.Group == "" {
		return info.Name, sweep.GroupAll
	}
	return strings.TrimSuffix(info.Name, "."+info.Group), info.Group
}

// touch records an update of a sweep; the caller holds mu. The counters of a new sweep
// start at 0, so that Prometheus sees their first increase.
func (m *Metrics) touch(sweepName string) {
	if i := slices.Index(m.sweeps, sweepName); i >= 0 {
		m.sweeps = append(slices.Delete(m.sweeps, i, i+1), sweepName)
		return
	}
	m.sweeps = append(m.sweeps, sweepName)
	for _, reason := range sweep.FailureList() {
		m.restarts.WithLabelValues(sweepName, string(reason))
	}
	m.storedBytes.WithLabelValues(sweepName)
	if len(m.sweeps) > maxSweeps {
		m.forget(m.sweeps[0])
		m.sweeps = m.sweeps[1:]
	}
}

// forget removes every series of a sweep.
func (m *Metrics) forget(sweepName string) {
	labels := prometheus.Labels{labelSweep: sweepName}
	for _, v := range []*prometheus.GaugeVec{
		m.bestValue, m.trials, m.trialsRunning, m.trialsPlanned, m.sweepActive, m.sweepBlocked, m.gpuSeconds, m.trialStep, m.trialLoss, m.trialGroupLoss, m.trialSpeed, m.trialPictures,
	} {
		v.DeletePartialMatch(labels)
	}
	m.restarts.DeletePartialMatch(labels)
	m.storedBytes.DeletePartialMatch(labels)
	delete(m.active, sweepName)
}
