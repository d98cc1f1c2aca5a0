package cost

import (
	"math"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/space"
)

// Speed is how fast one training slot is assumed to be: measured, or estimated by
// the trainer. Fields that are not known are 0.
type Speed struct {
	ModelParameters  int64   // trainable numbers in the model
	CheckpointBytes  int64   // of a program of the user, whose model is not known
	StepsPerSecond   float64 // training
	SamplesPerSecond float64 // evaluation: sampled images, one guidance scale
}

// Estimate is what a sweep will cost if early_terminate stops no trial. Numbers that
// need a Speed or a run_cap that is not known are 0.
type Estimate struct {
	Trials          int           `json:"trials"` // baseline included
	Baseline        int           `json:"baseline"`
	StepsPerTrial   int64         `json:"steps_per_trial"`
	Steps           int64         `json:"steps"` // of all trials
	SamplesPerTrial int64         `json:"samples_per_trial"`
	Samples         int64         `json:"samples"`
	CheckpointBytes int64         `json:"checkpoint_bytes"` // one checkpoint
	WrittenBytes    int64         `json:"written_bytes"`    // all checkpoints of all trials
	KeptBytes       int64         `json:"kept_bytes"`       // what save_sweep_best leaves
	TrialTime       time.Duration `json:"trial_time"`       // nanoseconds: training and evaluation of one
	SlotTime        time.Duration `json:"slot_time"`        // nanoseconds: of all trials, what gpu_hours limits
	WallTime        time.Duration `json:"wall_time"`        // nanoseconds: at max_concurrent_trials, each with its own slot
}

// checkpointCopies is how many float32 copies of the model a checkpoint contains:
// the EMA weights, and in the state the weights and Adam's two moments.
const checkpointCopies = 4

// Of estimates what the sweep will cost.
func Of(s *sweep.Spec, speed Speed) Estimate {
	p := Estimate{
		Trials:          TrialCount(s),
		StepsPerTrial:   int64(s.Train.Steps),
		SamplesPerTrial: samplesPerTrial(s),
		CheckpointBytes: speed.ModelParameters*4*checkpointCopies + speed.CheckpointBytes,
	}
	if s.Baseline != nil {
		p.Baseline = len(s.Baseline.Seeds)
	}
	trials := int64(p.Trials)
	p.Steps = trials * p.StepsPerTrial
	p.Samples = trials * p.SamplesPerTrial
	perTrial := (p.StepsPerTrial + int64(s.Checkpoints.EverySteps) - 1) / int64(s.Checkpoints.EverySteps)
	p.WrittenBytes = trials * perTrial * p.CheckpointBytes
	p.KeptBytes = min(trials, int64(s.KeptCheckpoints())) * p.CheckpointBytes

	if speed.StepsPerSecond > 0 && (speed.SamplesPerSecond > 0 || p.SamplesPerTrial == 0) {
		seconds := float64(p.StepsPerTrial) / speed.StepsPerSecond
		if p.SamplesPerTrial > 0 {
			seconds += float64(p.SamplesPerTrial) / speed.SamplesPerSecond
		}
		p.TrialTime = inSeconds(seconds)
		p.SlotTime = inSeconds(seconds * float64(trials))
		rounds := math.Ceil(float64(trials) / float64(s.MaxConcurrentTrials))
		p.WallTime = inSeconds(seconds * rounds)
	}
	return p
}

// samplesPerTrial is how many images the evaluation of one trial samples, at its
// end and at every rung.
func samplesPerTrial(s *sweep.Spec) int64 {
	samples := s.Evaluate.Draws()
	if s.EarlyTerminate != nil {
		samples += s.AtRung().Evaluate.Draws() * len(s.Rungs())
	}
	return int64(samples) * int64(s.Dataset.Classes())
}

// inSeconds saturates where a duration ends, after 292 years.
func inSeconds(seconds float64) time.Duration {
	if seconds >= math.MaxInt64/1e9 {
		return math.MaxInt64
	}
	return time.Duration(seconds * 1e9)
}

// TrialCount is how many trials the sweep will have at most, baseline and repeats
// included; 0 when only hours or the wall clock end it.
func TrialCount(s *sweep.Spec) int {
	search := SearchCount(s)
	if search == 0 || s.Baseline == nil {
		return search
	}
	return search + len(s.Baseline.Seeds)
}

// SearchCount is TrialCount without the baseline.
func SearchCount(s *sweep.Spec) int {
	search := s.Budget.RunCap
	if s.Method == sweep.MethodGrid {
		all := GridSize(s)
		if r := s.Repeats; r != nil { // they follow the last configuration
			all += min(int(r.Share*float64(all)/(1-r.Share)+1e-9), all*len(r.Seeds))
		}
		if search == 0 || all < search {
			search = all
		}
	}
	return search
}

// GridSize is how many configurations a grid has, with the points that are not of it.
func GridSize(s *sweep.Spec) int {
	grid := space.Grid(s)
	of := make(map[string]bool, len(grid))
	for _, params := range grid {
		of[params.Key()] = true
	}
	size := len(grid)
	for _, params := range s.Points {
		if !of[params.Key()] {
			size++
		}
	}
	return size
}
