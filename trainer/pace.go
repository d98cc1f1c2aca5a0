package trainer

import (
	"fmt"
	"os"
	"time"
)

// pace measures steps per second. It leaves out the first step, which compiles, and the
// time that checkpoints take.
type pace struct {
	began, last     time.Time // zero until the first step is done
	beganAt, lastAt int
	reported        time.Time
}

func newPace() *pace { return &pace{reported: time.Now()} }

// stepped marks the end of a step. The first call starts the measurement.
func (p *pace) stepped(step int) {
	if p.began.IsZero() {
		p.began, p.beganAt = time.Now(), step
		p.last, p.lastAt = p.began, step
	}
}

// quiet reports whether no rate was reported for d.
func (p *pace) quiet(d time.Duration) bool { return time.Since(p.reported) >= d }

// rate returns the steps per second since the last call, 0 where no step has passed.
func (p *pace) rate(step int) float64 {
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

// leaveOut leaves out the last d, in which no step was made.
func (p *pace) leaveOut(d time.Duration) {
	p.began, p.last = p.began.Add(d), p.last.Add(d)
}

// overall returns the steps per second since the first step.
func (p *pace) overall(step int) float64 {
	if seconds := time.Since(p.began).Seconds(); seconds > 0 && step > p.beganAt {
		return float64(step-p.beganAt) / seconds
	}
	return 0
}

// residentBytes returns the resident memory of this process, 0 where the system does
// not report it. GoMLX's binding of PJRT has no query for the memory of a device
// (go-xla v0.4.2).
func residentBytes() int64 {
	data, _ := os.ReadFile("/proc/self/statm") // other systems have none
	var all, resident int64                    // pages
	if _, err := fmt.Sscan(string(data), &all, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}
