package stack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tailsweep/tailsweep/internal/file"
	"github.com/tailsweep/tailsweep/internal/folder"
	"github.com/tailsweep/tailsweep/internal/lock"
)

// ownerOnly is the mode of the state folder's files.
const ownerOnly = 0o600

// layout is a state folder; its methods return the paths in it.
type layout string

func (l layout) path(parts ...string) string {
	return filepath.Join(append([]string{string(l)}, parts...)...)
}

func (l layout) setup() string          { return l.path("setup.json") }
func (l layout) credentials() string    { return l.path("credentials.json") }
func (l layout) lock() string           { return l.path("up.lock") }
func (l layout) pid(name string) string { return l.path("run", name+".json") }
func (l layout) devstackConfig() string { return l.path("run", "devstack.json") }
func (l layout) ready() string          { return l.path("run", "ready.json") }
func (l layout) log(name string) string { return l.path("logs", name+".log") }

// make creates the folders, for the owner only.
func (l layout) make() error {
	for _, dir := range []string{"run", "logs"} {
		if err := os.MkdirAll(l.path(dir), 0o700); err != nil {
			return folder.Hint(fmt.Errorf("make the state folder: %w", err), folder.StateVariable)
		}
	}
	return nil
}

// take locks the folder against other processes that start or stop the stack.
func (l layout) take(ctx context.Context, out io.Writer) (release func() error, err error) {
	release, err = lock.Take(ctx, l.lock(), func() {
		say(out, "another tailsweep process is starting or stopping the stack (it has the lock %s); waiting", l.lock())
	})
	return release, folder.Hint(err, folder.StateVariable)
}

// setup is the content of setup.json. Only ports that another process uses are replaced
// later.
type setup struct {
	S3     string `json:"s3"`
	Bucket string `json:"bucket"`
	Ports  ports  `json:"ports"`
}

// loadSetup reads setup.json, or makes a new one for kind ("" means the default).
func loadSetup(l layout, kind string) (setup, error) {
	var s setup
	err := file.ReadJSON(l.setup(), &s)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if kind == "" {
			kind = S3Versitygw
		}
		return setup{S3: kind, Bucket: "tailsweep"}, nil
	case err != nil:
		return setup{}, err
	case kind != "" && kind != s.S3:
		return setup{}, fmt.Errorf("%w %q: the state folder %s uses %q, which has its objects; "+
			"use --s3 %s, or set TAILSWEEP_STATE_DIR to another folder", ErrOtherS3, kind, string(l), s.S3, s.S3)
	}
	return s, nil
}

// keys are the S3 credentials.
type keys struct {
	Access string `json:"access_key"`
	Secret string `json:"secret_key"`
}

// loadKeys reads the folder's credentials, or makes random ones.
func loadKeys(l layout) (keys, error) {
	var k keys
	err := file.ReadJSON(l.credentials(), &k)
	if errors.Is(err, os.ErrNotExist) {
		k = keys{Access: "tailsweep-" + rand.Text()[:8], Secret: rand.Text() + rand.Text()[:8]}
		return k, file.WriteJSON(l.credentials(), k, ownerOnly)
	}
	if err == nil && (k.Access == "" || k.Secret == "") {
		err = fmt.Errorf("%s has no access_key and secret_key", l.credentials())
	}
	return k, err
}

// Credentials returns the S3 keys of the stack in the state folder dir.
func Credentials(dir string) (accessKey, secretKey string, err error) {
	dir, err = resolve(dir)
	if err != nil {
		return "", "", err
	}
	var k keys
	if err := file.ReadJSON(layout(dir).credentials(), &k); err != nil {
		return "", "", folder.Hint(fmt.Errorf("credentials of the embedded stack: %w", err), folder.StateVariable)
	}
	return k.Access, k.Secret, nil
}
