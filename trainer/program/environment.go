package program

import (
	"bytes"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailsweep/tailsweep/internal/child"
)

// Limits of the question for the packages of a Python.
const (
	packagesTime  = 20 * time.Second
	packagesBytes = 1 << 20
)

// packagesScript prints the version of Python, and the packages as name==version. Files of the
// user in the working directory must not take the place of Python's own modules.
const packagesScript = `import sys
sys.path[:] = [p for p in sys.path if p not in ("", ".")]
import importlib.metadata, platform
print(platform.python_version())
names = set()
for d in importlib.metadata.distributions():
    name = d.metadata["Name"]
    if name:
        names.add(name + "==" + d.version)
print("\n".join(sorted(names, key=str.lower)))
`

// environment is what a Python says of itself.
type environment struct {
	python   string // its version, "" if it is not known
	packages []byte // lines name==version, nil if they are not known
}

// askEnvironment asks the Python of a command for its packages, in the background; the answer
// comes within packagesTime, and stop ends the question.
func askEnvironment(s child.Starter, command, env []string, dir string) (answer func() environment, stop func()) {
	none := func() environment { return environment{} }
	if !strings.HasPrefix(filepath.Base(command[0]), "python") {
		return none, func() {}
	}
	var out bytes.Buffer
	tooLong := false
	p, err := s.Start(child.Command{
		Args: []string{command[0], "-c", packagesScript}, Env: env, Dir: dir,
		Stdout: func(line []byte) {
			if tooLong = tooLong || out.Len()+len(line) >= packagesBytes; !tooLong {
				out.Write(line)
				out.WriteByte('\n')
			}
		},
		Stderr: func([]byte) {},
	})
	if err != nil {
		return none, func() {}
	}
	timer := time.AfterFunc(packagesTime, p.Kill)
	return func() environment {
		exit := p.Exit()
		timer.Stop()
		python, packages, ok := strings.Cut(out.String(), "\n")
		if exit.Code != 0 || tooLong || !ok {
			return environment{}
		}
		return environment{python: python, packages: []byte(packages)}
	}, func() { p.Kill(); p.Exit() }
}
