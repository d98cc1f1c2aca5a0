package sweep

// Task is what everybody who works on a trial needs to know of it.
type Task struct {
	Spec       Spec       `json:"spec"`
	Assignment Assignment `json:"assignment"`
	Attempt    int        `json:"attempt"` // at training, from 1; each number is used once a trial
}

// TrainJob is one attempt at training a trial, on one machine.
type TrainJob struct {
	Task
	Until   int    `json:"until,omitempty"`  // step to end at, with a checkpoint; 0: the last step
	Staging string `json:"staging"`          // existing folder that whole checkpoints appear in, as step-%010d
	Resume  string `json:"resume,omitempty"` // folder of a verified checkpoint to resume from
	Parent  string `json:"parent,omitempty"` // key of that checkpoint, for the manifest
}

// EvaluateJob is the evaluation of one checkpoint, on one machine.
type EvaluateJob struct {
	Task
	Checkpoint string `json:"checkpoint"` // folder of a verified checkpoint
	Output     string `json:"output"`     // existing folder that grid.png is written into
}
