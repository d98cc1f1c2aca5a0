package conduct

import (
	"fmt"
	"strings"

	"github.com/tailsweep/tailsweep/internal/text"
	"github.com/tailsweep/tailsweep/sweep"
)

// Streak counts trials that failed in a row in the same way: with the same failure
// class and, but for numbers, the same message.
type Streak struct {
	Class   sweep.FailureClass `json:"class,omitempty"`
	Message string             `json:"message,omitempty"` // of the last one
	Trial   int                `json:"trial"`             // the last one
	Count   int                `json:"count"`
}

// after is the streak once t has finished.
func (s Streak) after(t sweep.Trial) Streak {
	if t.Status == sweep.StatusCancelled {
		return s
	}
	if t.Status != sweep.StatusFailed || t.Error == nil {
		return Streak{}
	}
	next := Streak{Class: t.Error.Class, Message: text.FirstLine(t.Error.Message), Trial: t.Number, Count: 1}
	if s.Count > 0 && s.Class == next.Class && withoutNumbers(s.Message) == withoutNumbers(next.Message) {
		next.Count += s.Count
	}
	return next
}

func (s Streak) text() string { return fmt.Sprintf("%s: %s", s.Class, s.Message) }

// failReason returns why a streak makes the sweep fail; "" when it does not.
func (s Streak) failReason(name string) string {
	if s.Count < streakLimit {
		return ""
	}
	return fmt.Sprintf("%d trials in a row failed with %s%s", s.Count, s.text(), s.Hint(name))
}

// Hint is the end of the message of a sweep of this name that failed because of the streak. A
// simulation leaves it out: its trials have no logs.
func (s Streak) Hint(name string) string {
	return fmt.Sprintf("; see `tailsweep logs %s %d`", name, s.Trial)
}

// withoutNumbers replaces numbers, which differ between failures of the same cause.
func withoutNumbers(message string) string {
	var b strings.Builder
	number := false
	for _, r := range message {
		if r >= '0' && r <= '9' {
			if !number {
				b.WriteByte('#')
			}
			number = true
			continue
		}
		number = false
		b.WriteRune(r)
	}
	return b.String()
}
