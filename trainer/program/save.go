package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/jsonl"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// maxWaiting is how many checkpoints wait to be sealed before the program has to wait, too.
const maxWaiting = 3

// maxResults bounds the file metrics.json, in bytes.
const maxResults = 1 << 20

// save is a checkpoint on its way.
type save struct {
	step    int
	dir     string // the program's folder, moved to where it does not write; "" without one
	curve   []sweep.CurvePoint
	results *sweep.Evaluation // the metrics of its step, nil if there are none
}

type sealed struct {
	step int
	dir  string
	err  error
}

// take takes the folder of a checkpoint away from the program.
func (r *run) take(step int, dir string) error {
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(r.program.Staging, dir)
	}
	if err := file.Inside(r.program.Staging, dir); err != nil {
		return bad(sweep.FailBug, "the checkpoint of step %d: %v (valid: a folder inside staging)", step, err)
	}
	switch info, err := os.Lstat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return bad(sweep.FailBug, "the checkpoint of step %d: there is no folder %s (each checkpoint needs a folder of its own: that of the last one was moved away)", step, dir)
	case err != nil:
		return err
	case !info.IsDir():
		return bad(sweep.FailBug, "the checkpoint of step %d: %s is not a folder", step, dir)
	}
	own := filepath.Join(r.folder, takenDir, fmt.Sprint(step))
	if err := os.Rename(dir, own); err != nil {
		return fmt.Errorf("take the checkpoint of step %d: %w", step, err)
	}
	s := &save{step: step, dir: own, curve: r.curve.upTo(step)}
	if r.plain != nil {
		results, err := takeResults(own)
		if err != nil {
			return bad(sweep.FailBadData, "the checkpoint of step %d: %v", step, err)
		}
		r.results = results // of the last checkpoint
	}
	r.taken = &step
	r.sampled = step == r.until && hasSamples(own)
	if step == r.until && r.found == nil {
		r.held = s // until its metrics are known, or the program has ended
		return nil
	}
	if step == r.until {
		s.results = r.found
	}
	r.queueSave(s)
	return nil
}

// takeResults reads the file metrics.json that a plain program wrote into a folder, and
// removes it, since tailsweep writes one of that name; nil without one.
func takeResults(dir string) (*sweep.Evaluation, error) {
	path := filepath.Join(dir, checkpoint.MetricsName)
	data, err := file.ReadPlain(path, maxResults)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var given map[string]*float64
	if err := json.Unmarshal(data, &given); err != nil {
		return nil, fmt.Errorf("%s is not an object of names and numbers: %w", checkpoint.MetricsName, err)
	}
	results, err := evaluation(given, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", checkpoint.MetricsName, err)
	}
	return results, os.Remove(path)
}

// release seals the checkpoint at until, which waited for its metrics.
func (r *run) release() {
	s := r.held
	if s == nil {
		return
	}
	r.held = nil
	s.results, s.curve = r.found, r.curve.upTo(s.step)
	r.queueSave(s)
}

// hasSamples reports whether a folder of the program has images to measure.
func hasSamples(dir string) bool {
	for _, name := range []string{checkpoint.SamplesDir, checkpoint.SamplesDir + ".npz"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// queueSave seals a checkpoint after those before it, while the program goes on.
func (r *run) queueSave(s *save) {
	r.queue = append(r.queue, s)
	r.sealNext()
}

// sealNext begins with the next checkpoint, if none is being sealed.
func (r *run) sealNext() {
	if r.sealing || len(r.queue) == 0 {
		return
	}
	s := r.queue[0]
	r.queue, r.sealing = r.queue[1:], true
	go func() {
		dir, err := r.seal(s)
		r.sealed <- sealed{s.step, dir, err}
	}()
}

// wasSealed emits the event of a complete checkpoint.
func (r *run) wasSealed(s sealed) error {
	r.sealing = false
	if s.err != nil {
		return s.err
	}
	if err := r.send(); err != nil {
		return err
	}
	step := s.step
	r.saved = &step
	if err := r.emit(job.Event{Type: job.Checkpoint, Step: s.step, Steps: r.steps, Dir: s.dir}); err != nil {
		return err
	}
	r.sealNext()
	return nil
}

// seal makes the checkpoint. It runs while the training goes on.
func (r *run) seal(s *save) (dir string, err error) {
	extra := map[string][]byte{}
	if extra[checkpoint.CurveName], err = jsonl.Encode(s.curve); err != nil {
		return "", err
	}
	if s.results != nil {
		if extra[checkpoint.MetricsName], err = json.Marshal(results{s.results.Metrics, s.results.StandardError}); err != nil {
			return "", err
		}
	}
	env := r.environment()
	if env.packages != nil {
		extra[checkpoint.EnvironmentName] = env.packages
	}
	return checkpoint.Seal(r.job.Staging, s.dir, checkpoint.Manifest{
		Sweep: r.spec.Name, Trial: r.job.Assignment.Number, Attempt: r.job.Attempt, Step: s.step,
		Provenance: checkpoint.Provenance{
			Version: r.options.Version, Go: runtime.Version(), Build: checkpoint.BuildSettings(), Backend: Backend, Device: r.program.Device,
			SpecDigest: r.spec.Digest(), Command: r.spec.Trainer.Command, Python: env.python, Parent: r.job.Parent,
			CreatedAt: time.Now().UTC().Format(time.RFC3339),
		},
	}, extra)
}

// results is the content of metrics.json in a checkpoint.
type results struct {
	Metrics       map[string]float64 `json:"metrics"`
	StandardError map[string]float64 `json:"standard_error,omitempty"`
}

// adds lists the files of a checkpoint that are not the program's.
var adds = []string{checkpoint.CurveName, checkpoint.MetricsName, checkpoint.EnvironmentName}

// resume reads the checkpoint that the job resumes from. complete is true if it is that of the
// end of this job with all its results, so that nothing is left to do.
func (r *run) resume() (complete bool, err error) {
	dir, err := filepath.Abs(r.job.Resume)
	if err != nil {
		return false, err
	}
	m, err := checkpoint.ReadManifest(dir)
	if err != nil {
		return false, bad(sweep.FailTransient, "resume: %v", err) // the next attempt takes an older one
	}
	if m.Step > r.until {
		return false, bad(sweep.FailBadData, "the checkpoint %s is of step %d, and the training ends at step %d: resume from an earlier one, or raise train.steps", dir, m.Step, r.until)
	}
	if _, ok := m.File(checkpoint.CurveName); ok {
		f, size, err := file.OpenPlain(filepath.Join(dir, checkpoint.CurveName), maxCurve)
		if err != nil {
			return false, bad(sweep.FailTransient, "resume: %v", err)
		}
		points, err := jsonl.DecodeAll[sweep.CurvePoint](io.LimitReader(f, size), int(size)+1)
		if err := errors.Join(err, f.Close()); err != nil {
			return false, bad(sweep.FailTransient, "resume: %s: %v", checkpoint.CurveName, err)
		}
		r.curve.continueFrom(points, m.Step)
	}
	own := slices.DeleteFunc(slices.Clone(m.Files), func(f checkpoint.File) bool { return slices.Contains(adds, f.Path) })
	if m.Step == r.until {
		found, err := readResults(dir, m)
		if err != nil {
			return false, bad(sweep.FailTransient, "resume: %v", err)
		}
		_, packed := m.File(checkpoint.SamplesName)
		_, array := m.File(checkpoint.SamplesDir + ".npz")
		if len(r.missing(found)) == 0 && (found != nil || len(own) > 0) && (packed || array || !r.spec.EvaluatesSamples()) {
			r.found = found
			return true, nil
		}
	}
	if len(own) == 0 {
		r.options.Log("the checkpoint of step %d has metrics and no files of the program: the training begins at step 0", m.Step)
		r.curve.cut(-1)
		return false, nil
	}
	r.program.Resume, r.program.ResumeStep = dir, m.Step
	r.step, r.saved = m.Step, &m.Step
	return false, nil
}

// maxCurve bounds the curve of a checkpoint, in bytes.
const maxCurve = 64 << 20

func readResults(dir string, m checkpoint.Manifest) (*sweep.Evaluation, error) {
	if _, ok := m.File(checkpoint.MetricsName); !ok {
		return nil, nil
	}
	data, err := file.ReadPlain(filepath.Join(dir, checkpoint.MetricsName), maxResults)
	if err != nil {
		return nil, err
	}
	var found results
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, fmt.Errorf("%s: %w", checkpoint.MetricsName, err)
	}
	return &sweep.Evaluation{Metrics: found.Metrics, StandardError: found.StandardError}, nil
}

// again copies the program's files of the checkpoint that it resumed from, for a new one of the
// same step: an earlier attempt had ended between the checkpoint and its metrics.
func (r *run) again() (dir string, err error) {
	m, err := checkpoint.ReadManifest(r.program.Resume)
	if err != nil {
		return "", bad(sweep.FailTransient, "resume: %v", err)
	}
	dir = filepath.Join(r.folder, takenDir, "again")
	for _, f := range m.Files {
		if slices.Contains(adds, f.Path) || f.Path == checkpoint.SamplesName {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", err
		}
		if err := copyFile(filepath.Join(r.program.Resume, filepath.FromSlash(f.Path)), path, 0o600); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// stepOf returns the step of a folder called step-N by a plain program.
func stepOf(name string) (step int, ok bool) {
	digits, ok := strings.CutPrefix(name, "step-")
	if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	step, err := strconv.Atoi(digits)
	return step, err == nil
}
