package program

import "github.com/tailsweep/tailsweep/trainer/job"

// Options has what a training needs besides its job.
type Options struct {
	Events  func(job.Event) error         // receives every event except those of type error, from one goroutine; its error ends the training
	Drain   <-chan struct{}               // when it closes, the program gets SIGTERM, and the training ends as preempted; may be nil
	Log     func(format string, a ...any) // free text for people, and each line of text of the program; may be nil
	Version string                        // of tailsweep, for manifests

	// Observe receives what the program does, from one goroutine and in order; may be nil. It is
	// for those who test a program: Events has what came of it.
	Observe func(Observation)

	atOrphaned func(do func()) // see job.Child
}

// Observation is one thing that a program did. A line of its output gives one: with Message if it
// is a message of the protocol, with Problem if something is wrong with it, which ends the attempt, and
// else with Text alone. The lines of a plain program have no Message.
type Observation struct {
	Message *job.Event // as the program wrote it, with the fields of the protocol only
	Problem string     // what is wrong, in a sentence; the error of Run has it, too
	Text    string     // the line as the program wrote it, at most 256 KiB
	Stderr  bool       // Text is of stderr, not of stdout

	Started bool     // the program's process has started
	Exited  bool     // it has ended, and what it had started is killed
	Code    int      // its exit code after Exited, -1 after a signal
	Killed  bool     // after Exited: tailsweep killed it, since it did not end in time or after an error
	Left    []string // after Exited: command lines of what it had started and that ran when it had ended (Linux)
}
