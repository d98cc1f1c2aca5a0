package progress

import (
	"maps"
	"slices"
	"time"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// usualShare is a guess at the share of a trial's time that training takes, until a trial has
// finished; the rest is evaluation.
const usualShare = 0.85

// trainingShare is the share of the time of the finished trials that training took.
func trainingShare(finished []sweep.Trial) float64 {
	var train, all float64
	for _, t := range finished {
		if t.Status == sweep.StatusCompleted {
			train += t.TrainTime
			all += t.TrainTime + t.EvalTime
		}
	}
	if all <= 0 {
		return usualShare
	}
	return train / all
}

// fraction is the share of a trial that is done, in [0, 1], where share of its time is training.
func (l LiveTrial) fraction(share float64) float64 {
	done := 0.0
	if l.Steps > 0 {
		done = min(1, float64(l.Step)/float64(l.Steps))
	}
	switch {
	case l.Stage == stagePublishing:
		return 1
	case l.Trained:
		return share + (1-share)*done
	default:
		return share * done
	}
}

// inSlot reports whether the trial has a training slot.
func (l LiveTrial) inSlot() bool {
	switch l.Stage {
	case stageStarting, stageLoading, stageCompiling, StageTraining, stageEvaluating:
		return true
	}
	return false
}

// ETA estimates the time until the sweep ends, from the time that all trials so far took and
// what is done of those in flight, and at first also from the speed of their training. It
// returns false where neither is known, where the sweep is not running, and where only work
// remains whose progress is unknown: publishing, or waiting for a worker.
func (v View) ETA() (time.Duration, bool) {
	p := v.Progress
	if p.Planned == 0 || p.Phase != conduct.PhaseRunning || p.StartedAt.IsZero() {
		return 0, false
	}
	share := trainingShare(v.Finished)
	done, slots, steps := float64(p.Finished), 0, 0
	for _, r := range p.Running {
		l := v.Live[r.Number]
		done += l.fraction(share)
		if l.inSlot() {
			slots++
		}
		if l.Stage == StageTraining {
			steps = max(steps, l.Steps)
		}
	}
	if steps == 0 && v.Spec != nil {
		steps = v.Spec.Train.Steps
	}
	left, elapsed := float64(p.Planned)-done, p.Elapsed(v.Now).Seconds()
	speed := v.speed()
	switch {
	case left <= 0, speed == 0 && p.Finished == 0:
		return 0, false
	case speed == 0:
		return conduct.Seconds(elapsed * left / done), true
	}
	n := float64(max(1, slots))
	bySpeed := left * float64(steps) / (share * speed) / n
	// The time so far counts as the trials that are done; the speed counts as one trial in
	// each slot before the first has finished, and less with each that has.
	weight := n / float64(1+p.Finished)
	return conduct.Seconds((elapsed*left + weight*bySpeed) / (done + weight)), true
}

// speed returns the steps per second of a trial that trains: of this moment where Speed is not
// known, 0 where none trains.
func (v View) speed() float64 {
	if v.Speed > 0 {
		return v.Speed
	}
	return new(speeds).add(v.Live)
}

// maxSpeeds is how many reports of a speed count: those of some minutes.
const maxSpeeds = 61

// speeds are the speeds that trials have reported of late. A single one varies with what else
// the machine does.
type speeds struct {
	list []float64
	seen map[int]int // step of the last report, by trial
}

// add takes the reports that are new, and returns the median of the last maxSpeeds; 0 without
// any.
func (s *speeds) add(live map[int]LiveTrial) float64 {
	if s.seen == nil {
		s.seen = map[int]int{}
	}
	for _, n := range slices.Sorted(maps.Keys(live)) {
		l := live[n]
		if l.Stage == StageTraining && l.StepsPerSecond > 0 && s.seen[n] != l.Step {
			s.list, s.seen[n] = append(s.list, l.StepsPerSecond), l.Step
		}
	}
	if len(s.list) == 0 {
		return 0
	}
	s.list = s.list[max(0, len(s.list)-maxSpeeds):]
	sorted := slices.Sorted(slices.Values(s.list))
	return sorted[len(sorted)/2]
}
