package program

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/internal/child"
	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/job"
)

// The folders within job.ProgramDir.
const (
	workDir    = "work"    // the program's working directory
	stagingDir = "staging" // where it writes checkpoints
	takenDir   = "taken"   // checkpoints on their way
)

// layOut makes the folders of the program, with the spec's files and the job file. What a
// killed attempt left in the same place is removed, and its processes are killed.
func (r *run) layOut() error {
	mark := job.ProgramMark(r.job.Staging)
	child.KillMarked(func(entry string) bool { return entry == mark })
	if err := os.RemoveAll(r.folder); err != nil {
		return err
	}
	for _, name := range []string{workDir, stagingDir, takenDir} {
		if err := os.MkdirAll(filepath.Join(r.folder, name), 0o700); err != nil {
			return err
		}
	}
	if r.job.Files != "" {
		if err := copyTree(r.job.Files, filepath.Join(r.folder, workDir)); err != nil {
			return fmt.Errorf("lay out trainer.files: %w", err)
		}
	}
	return file.WriteJSON(filepath.Join(r.folder, job.ProgramFile), r.program, 0o600)
}

// copyTree copies a plain file, or a folder with plain files, with the mode 0700 so that scripts
// can be started.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			return err
		}
		return copyFile(path, target, 0o700)
	})
}

// copyFile copies a plain file to a new one.
func copyFile(from, to string, mode fs.FileMode) error {
	in, size, err := file.OpenPlain(from, math.MaxInt64)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(in, size)) // it may grow
	return errors.Join(err, out.Close())
}

// environ returns the environment of the program, without ProgramVariable.
func (r *run) environ() []string {
	t := r.spec.Trainer
	env := child.Environ(os.Environ(), child.Also{Variables: t.PassEnv}, "")
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		env = append(env, name+"="+t.Env[name])
	}
	if r.plain != nil {
		for _, name := range sweep.JobValues() {
			if name != sweep.ArgsPlaceholder {
				env = append(env, "TAILSWEEP_"+strings.ToUpper(name)+"="+r.jobValue(name))
			}
		}
	}
	return env
}

// start starts the program.
func (r *run) start() (*child.Process, error) {
	command := r.spec.Trainer.Command
	if r.plain != nil {
		var err error
		if command, err = r.arguments(); err != nil {
			return nil, err
		}
	}
	env, work := r.environ(), filepath.Join(r.folder, workDir)
	r.environment, r.stopAsking = askEnvironment(r.starter, command, env, work)
	mark := job.ProgramMark(r.job.Staging)
	p, err := r.starter.Start(child.Command{
		Args: command, Dir: work, Env: append(env, mark), Mark: mark,
		Stdout: func(line []byte) { r.lines <- output{line: slices.Clone(line)} },
		Stderr: func(line []byte) { r.lines <- output{line: slices.Clone(line), stderr: true} },
	})
	if err != nil {
		return nil, bad(sweep.FailEnvironment, "%q of trainer.command: %v (a program without a slash is looked for in the worker's PATH, another one in the folder of trainer.files)", command[0], err)
	}
	return p, nil
}

// arguments returns the command of a plain program with its parameters.
func (r *run) arguments() ([]string, error) {
	var all, command []string
	named := map[string]bool{}
	for _, arg := range r.spec.Trainer.Command {
		for _, found := range sweep.TrainerPlaceholder.FindAllStringSubmatch(arg, -1) {
			named[found[1]] = true
		}
	}
	params := r.job.Assignment.Params
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !named[name] {
			all = append(all, "--"+name+"="+params[name].String())
		}
	}
	const args = "${" + sweep.ArgsPlaceholder + "}"
	for _, arg := range r.spec.Trainer.Command {
		if arg == args {
			command = append(command, all...)
			continue
		}
		word, ok, err := r.replaced(arg)
		if err != nil {
			return nil, err
		}
		if ok {
			command = append(command, word)
		}
	}
	if !slices.Contains(r.spec.Trainer.Command, args) {
		command = append(command, all...)
	}
	if len(command) == 0 {
		return nil, bad(sweep.FailBadData, "trainer.command names no program")
	}
	return command, nil
}

// replaced replaces the placeholders in an argument. ok is false if it has a parameter that
// this trial does not have.
func (r *run) replaced(arg string) (word string, ok bool, err error) {
	ok = true
	word = sweep.TrainerPlaceholder.ReplaceAllStringFunc(arg, func(found string) string {
		if found == "$$" {
			return "$"
		}
		name := found[2 : len(found)-1]
		value, given := r.job.Assignment.Params[name]
		_, parameter := r.spec.Parameter(name)
		switch {
		case given:
			return value.String()
		case parameter:
			ok = false
		case name != sweep.ArgsPlaceholder && slices.Contains(sweep.JobValues(), name):
			return r.jobValue(name)
		default:
			err = bad(sweep.FailBadData, "trainer.command has %s, which is neither a parameter nor a value of the job (valid: %s; ${%s} must be an argument of its own)",
				found, strings.Join(sweep.JobValues(), ", "), sweep.ArgsPlaceholder)
		}
		return ""
	})
	return word, ok, err
}

// jobValue returns a value of the job by its name in sweep.JobValues.
func (r *run) jobValue(name string) string {
	p := r.program
	switch name {
	case "seed":
		return fmt.Sprint(p.Seed)
	case "steps":
		return fmt.Sprint(p.Steps)
	case "until":
		return fmt.Sprint(p.Until)
	case "checkpoint_every":
		return fmt.Sprint(p.CheckpointEvery)
	case "resume":
		return p.Resume
	case "resume_step":
		return fmt.Sprint(p.ResumeStep)
	case "staging":
		return p.Staging
	case "device":
		return p.Device
	case "samples_per_class":
		return fmt.Sprint(p.SamplesPerClass)
	}
	return ""
}
