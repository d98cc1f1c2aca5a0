package stack

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// layout is a state folder; its methods are the paths in it.
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
			return fmt.Errorf("make the state folder (TAILSWEEP_STATE_DIR names another): %w", err)
		}
	}
	return nil
}

// setup is what the folder was made with, kept for its life but for ports that
// somebody else took.
type setup struct {
	S3     string `json:"s3"`
	Bucket string `json:"bucket"`
	Ports  ports  `json:"ports"`
}

// loadSetup reads setup.json, or makes a new one for kind ("" means the default).
func loadSetup(l layout, kind string) (setup, error) {
	var s setup
	err := readJSON(l.setup(), &s)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if kind == "" {
			kind = S3Versitygw
		}
		return setup{S3: kind, Bucket: "tailsweep"}, nil
	case err != nil:
		return setup{}, err
	case kind != "" && kind != s.S3:
		return setup{}, fmt.Errorf("s3 %q: the state folder %s was made with %q, and its objects are there; "+
			"use --s3 %s, or another folder by TAILSWEEP_STATE_DIR", kind, string(l), s.S3, s.S3)
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
	err := readJSON(l.credentials(), &k)
	if errors.Is(err, os.ErrNotExist) {
		k = keys{Access: "tailsweep-" + rand.Text()[:8], Secret: rand.Text() + rand.Text()[:8]}
		return k, writeJSON(l.credentials(), k)
	}
	if err == nil && (k.Access == "" || k.Secret == "") {
		err = fmt.Errorf("%s holds no access_key and secret_key", l.credentials())
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
	if err := readJSON(layout(dir).credentials(), &k); err != nil {
		return "", "", fmt.Errorf("credentials of the embedded stack: %w", err)
	}
	return k.Access, k.Secret, nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file whole, readable by its owner only.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(append(b, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	return nil
}
