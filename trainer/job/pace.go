package job

import "time"

// Pace measures steps per second. It leaves out the first step, which compiles or loads, and
// the time that LeaveOut is given.
type Pace struct {
	began, last     time.Time // zero until the first step is done
	beganAt, lastAt int
	reported        time.Time
}

// NewPace returns a Pace whose measurement has not begun.
func NewPace() *Pace { return &Pace{reported: time.Now()} }

// Stepped marks the end of a step. The first call starts the measurement.
func (p *Pace) Stepped(step int) {
	if p.began.IsZero() {
		p.began, p.beganAt = time.Now(), step
		p.last, p.lastAt = p.began, step
	}
}

// Quiet reports whether no rate was reported for d.
func (p *Pace) Quiet(d time.Duration) bool { return time.Since(p.reported) >= d }

// Rate returns the steps per second since the last call, 0 where no step has passed.
func (p *Pace) Rate(step int) float64 {
	now := time.Now()
	p.reported = now
	seconds := now.Sub(p.last).Seconds()
	if step == p.lastAt || seconds <= 0 {
		return 0
	}
	rate := float64(step-p.lastAt) / seconds
	p.last, p.lastAt = now, step
	return rate
}

// LeaveOut leaves out the last d, in which no step was made.
func (p *Pace) LeaveOut(d time.Duration) {
	p.began, p.last = p.began.Add(d), p.last.Add(d)
}

// Overall returns the steps per second since the first step.
func (p *Pace) Overall(step int) float64 {
	if seconds := time.Since(p.began).Seconds(); seconds > 0 && step > p.beganAt {
		return float64(step-p.beganAt) / seconds
	}
	return 0
}
