package specfile

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tailsweep/tailsweep/sweep"
)

// Limits of a program's parameters and environment.
const (
	maxFreeParameters = 200
	maxVariables      = 100
	maxVariable       = 4096 // bytes of a value
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,99}$`)
	fileDigest   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// checkTrainer checks what is only in a spec with a trainer, and that nothing asks for an
// evaluation of samples where there is no dataset.
func (c *checker) checkTrainer() {
	s := c.spec
	if b := s.Baseline; b != nil && !c.given(&b.Params) {
		c.wrong(b, "", "params is missing", "a value for each parameter of the baseline")
	}
	if !s.HasDataset() && !c.given(&s.Dataset) {
		for _, field := range []any{&s.Evaluate, &s.Gates} {
			if c.given(field) {
				c.wrong(field, "", "there is no dataset to compare samples with", "dataset, or none of this")
			}
		}
	}
	c.checkFiles(s.Trainer)
	c.checkVariables(s.Trainer)
	c.checkPlaceholders(s.Trainer)
}

// freeNames says what a program may call things.
const freeNames = "a letter or _, then letters, digits, _, -, / and dots; at most 100 characters"

func (c *checker) checkFiles(t *sweep.Trainer) {
	for i := range t.Files {
		if name := &t.Files[i]; c.valid(name) && !filepath.IsLocal(*name) || strings.Contains(*name, "\\") {
			c.wrong(name, *name, "is not below the folder of the spec's file", "a relative path without ..")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Digests)) {
		if !fileDigest.MatchString(t.Digests[name]) || !filepath.IsLocal(name) {
			c.wrong(c.at(&t.Digests), name, "is not a file and its SHA-256", "no digests: `tailsweep run` fills them in")
			return
		}
	}
}

func (c *checker) checkVariables(t *sweep.Trainer) {
	if len(t.Env) > maxVariables {
		c.wrong(c.at(&t.Env), "", fmt.Sprintf("has %d entries", len(t.Env)), fmt.Sprintf("at most %d", maxVariables))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Env)) {
		field := c.at(&t.Env).field(name)
		switch value := t.Env[name]; {
		case !c.valid(field):
		case !variableName.MatchString(name):
			c.wrong(field, name, "cannot be the name of a variable", "a letter or _, then letters, digits and _; at most 100")
		case sweep.OwnVariable(name):
			c.wrong(field, name, "is a variable of tailsweep or of its credentials", "another name")
		case len(value) > maxVariable || strings.ContainsRune(value, 0):
			c.wrong(field, "", "is too long, or has a zero byte", fmt.Sprintf("at most %d bytes", maxVariable))
		}
	}
	for i := range t.PassEnv {
		name := &t.PassEnv[i]
		switch _, set := t.Env[*name]; {
		case !c.valid(name):
		case sweep.OwnVariable(*name):
			c.wrong(name, *name, "is never passed on: it is a variable of tailsweep or of its credentials", "another name")
		case set:
			c.wrong(name, *name, "is set by trainer.env, too", "one of the two")
		}
	}
}

// checkPlaceholders checks the names in the command of a plain program.
func (c *checker) checkPlaceholders(t *sweep.Trainer) {
	if t.Protocol != sweep.ProtocolPlain || !c.valid(&t.Command) || !c.given(&c.spec.Parameters) || !c.valid(&c.spec.Parameters) {
		return
	}
	for i := range t.Command {
		for _, found := range sweep.TrainerPlaceholder.FindAllStringSubmatch(t.Command[i], -1) {
			name := found[1]
			if _, parameter := c.spec.Parameter(name); found[0] == "$$" || parameter || slices.Contains(sweep.JobValues(), name) {
				continue
			}
			var valid []string
			for _, p := range c.spec.Parameters {
				valid = append(valid, p.Name)
			}
			c.wrong(&t.Command[i], found[0], "is neither a parameter nor a value of the job", strings.Join(append(valid, sweep.JobValues()...), ", "))
		}
	}
}
