package archive

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

// programSpec is the spec of a sweep with a program of two files.
func programSpec() (spec *sweep.Spec, files map[string][]byte) {
	files = map[string][]byte{"train.py": []byte("print(1)"), "lib/loss.py": []byte("x = 1")}
	digests := map[string]string{}
	for path, data := range files {
		digests[path] = digestOf(data)
	}
	spec = aSpec()
	spec.Dataset, spec.Model = sweep.Dataset{}, sweep.Model{}
	spec.Trainer = &sweep.Trainer{Command: []string{"python", "train.py", "a|b"}, Files: []string{"train.py", "lib"}, Digests: digests}
	return spec, files
}

// withFiles reserves the name for a program's sweep and stores its files.
func withFiles(t *testing.T) (s *crashing, a *Archive, spec *sweep.Spec, owner sweep.Identity) {
	t.Helper()
	s = newCrashing()
	a = New(s)
	spec, files := programSpec()
	owner = sweep.Identity{ID: "one", Generation: 1}
	_, err := a.write(t.Context(), reservation{Digest: spec.Digest(), Spec: *spec, YAML: "name: fashion-lt\n", Owner: owner}, nil)
	require.NoError(t, err)
	require.NoError(t, a.PutTrainerFiles(t.Context(), name, owner, files))
	return s, a, spec, owner
}

func TestTrainerFiles(t *testing.T) {
	s, a, spec, owner := withFiles(t)
	_, files := programSpec()
	got, err := a.TrainerFiles(t.Context(), name, spec.Trainer.Digests)
	require.NoError(t, err)
	require.Equal(t, files, got)

	dir := filepath.Join(t.TempDir(), "files")
	require.NoError(t, a.Files(t.Context(), name, spec.Trainer.Digests, dir))
	require.Equal(t, []string{"lib", "lib/loss.py", "train.py"}, tree(t, dir))
	data, err := os.ReadFile(filepath.Join(dir, "train.py"))
	require.NoError(t, err)
	require.Equal(t, "print(1)", string(data))
	info, err := os.Stat(filepath.Join(dir, "train.py"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100, "a script can be started")

	before := len(s.ops)
	require.NoError(t, a.PutTrainerFiles(t.Context(), name, owner, files))
	require.Len(t, s.ops, before, "what is there is not written again")

	key := "v1/sweeps/" + name + "/files/" + spec.Trainer.Digests["train.py"]
	overwrite(t, s, key, flip)
	require.NoError(t, a.PutTrainerFiles(t.Context(), name, owner, files))
	_, err = a.TrainerFiles(t.Context(), name, spec.Trainer.Digests)
	require.NoError(t, err, "a damaged file was replaced")
}

func TestTrainerFilesOfAnotherOwner(t *testing.T) {
	s, a, spec, owner := withFiles(t)
	_, files := programSpec()
	files["train.py"] = []byte("print(2)")
	var other *OwnerError
	require.ErrorAs(t, a.PutTrainerFiles(t.Context(), name, sweep.Identity{ID: "two", Generation: 1}, files), &other)
	require.Len(t, slices.DeleteFunc(objects(t, s), func(key string) bool { return !strings.Contains(key, "/files/") }), 2, "nothing was written")

	_, _, err := a.beginRemoval(t.Context(), name, owner)
	require.NoError(t, err)
	owner.Generation++
	var removing *RemovingError
	require.ErrorAs(t, a.PutTrainerFiles(t.Context(), name, owner, files), &removing)
	require.Error(t, a.PutTrainerFiles(t.Context(), "unknown", owner, files))
	_, err = a.TrainerFiles(t.Context(), name, spec.Trainer.Digests)
	require.NoError(t, err)
}

// What is missing, changed, too large or would leave the folder is the fault of the data, not of a worker.
func TestTrainerFilesAreVerified(t *testing.T) {
	for what, test := range map[string]struct {
		damage func(t *testing.T, s *crashing, key string)
		want   string
	}{
		"missing": {func(t *testing.T, s *crashing, key string) { require.NoError(t, s.Delete(t.Context(), key)) }, "file train.py of the trainer of sweep fashion-lt is not in the object store"},
		"changed": {func(t *testing.T, s *crashing, key string) { overwrite(t, s, key, flip) }, "file train.py of the trainer of sweep fashion-lt has the digest"},
		"large": {func(t *testing.T, s *crashing, key string) {
			overwrite(t, s, key, func([]byte) []byte { return nil })
			require.NoError(t, s.Put(t.Context(), key, strings.NewReader(strings.Repeat("x", sweep.MaxTrainerBytes+1)), sweep.MaxTrainerBytes+1))
		}, "file train.py of the trainer of sweep fashion-lt is too large"},
	} {
		t.Run(what, func(t *testing.T) {
			s, a, spec, _ := withFiles(t)
			test.damage(t, s, "v1/sweeps/"+name+"/files/"+spec.Trainer.Digests["train.py"])
			dir := filepath.Join(t.TempDir(), "files")
			err := a.Files(t.Context(), name, spec.Trainer.Digests, dir)
			var failure *sweep.FailureError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, sweep.FailBadData, failure.Class)
			require.ErrorContains(t, err, test.want)
			require.NoDirExists(t, dir)

			checked, err := a.Check(t.Context(), name, CheckOptions{Now: time.Now()})
			require.NoError(t, err)
			i := slices.IndexFunc(checked.Findings, func(f Finding) bool { return f.Part == "files" && f.Level == LevelFault })
			require.GreaterOrEqual(t, i, 0, "doctor finds it")
			require.Contains(t, checked.Findings[i].Found, test.want)
		})
	}
	s, a, spec, _ := withFiles(t)
	dir := filepath.Join(t.TempDir(), "a", "files")
	require.Error(t, a.Files(t.Context(), name, map[string]string{"../out": spec.Trainer.Digests["train.py"]}, dir))
	require.NoFileExists(t, filepath.Join(filepath.Dir(dir), "out"))
	require.Error(t, a.Files(t.Context(), name, map[string]string{"x": "../../spec.json"}, dir))
	many := map[string]string{}
	for range sweep.MaxTrainerFiles + 1 {
		many[strings.Repeat("x", len(many)+1)] = spec.Trainer.Digests["train.py"]
	}
	require.Error(t, a.Files(t.Context(), name, many, dir))

	// What both files together have counts.
	big := strings.Repeat("x", sweep.MaxTrainerBytes-2)
	digest := digestOf([]byte(big))
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/"+name+"/files/"+digest, strings.NewReader(big), int64(len(big))))
	require.ErrorContains(t, a.Files(t.Context(), name, map[string]string{"a": digest, "b": spec.Trainer.Digests["train.py"]}, dir), "too large")
}

func TestCheckTrainerFiles(t *testing.T) {
	s, a, _, _ := withFiles(t)
	checked, err := a.Check(t.Context(), name, CheckOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Contains(t, checked.Findings, Finding{Part: "files", Level: LevelOK, Found: "2 files of the trainer verified"})
	require.NotContains(t, checked.Findings, "other")

	left := digestOf([]byte("left"))
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/"+name+"/files/"+left, strings.NewReader("left"), 4))
	checked, err = a.Check(t.Context(), name, CheckOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Zero(t, checked.Faults())
	i := slices.IndexFunc(checked.Findings, func(f Finding) bool { return f.Part == "files" && f.Level == LevelNotice })
	require.GreaterOrEqual(t, i, 0)
	require.Contains(t, checked.Findings[i].Found, "1 file is not of this spec")
}

// gc leaves the files, which a sweep that continues needs, and rm removes them before the reservation.
func TestTrainerFilesAreRemovedWithTheSweep(t *testing.T) {
	s, a, spec, owner := withFiles(t)
	garbage, err := a.Garbage(t.Context(), name, running{}, GarbageOptions{Now: time.Now().Add(1000 * time.Hour)})
	require.NoError(t, err)
	require.Empty(t, garbage)
	require.NoError(t, a.RemoveSweep(t.Context(), name, owner, func() error { return nil }, func(int) {}))
	require.Empty(t, objects(t, s))
	last := s.ops[len(s.ops)-1]
	require.Equal(t, "delete v1/sweeps/"+name+"/spec.json", last)
	require.Contains(t, s.ops, "delete v1/sweeps/"+name+"/files/"+spec.Trainer.Digests["train.py"])
}

// sealed stores the checkpoint of a program.
func sealed(t *testing.T, a *Archive, files map[string]string) sweep.Trial {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "mine")
	for path, content := range files {
		full := filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		require.NoError(t, os.WriteFile(full, []byte(content), 0o600))
	}
	m := checkpoint.Manifest{Sweep: name, Trial: 3, Attempt: 1, Step: 600, Provenance: checkpoint.Provenance{
		Version: "v0.1.0", Go: "go1.26.8", SpecDigest: "5bec", CreatedAt: "2026-11-24T08:00:00Z", Command: []string{"python", "train.py", "--lr=0.1"},
	}}
	final, err := checkpoint.Seal(parent, dir, m, map[string][]byte{
		checkpoint.CurveName: []byte(`{"step":10,"loss":1}` + "\n"), checkpoint.MetricsName: []byte(`{"metrics":{"val_loss":0.5}}`),
	})
	require.NoError(t, err)
	trial := aTrial(3)
	trial.Params = sweep.Params{"lr": sweep.Number(0.1)}
	trial.Evaluation = sweep.Evaluation{Metrics: map[string]float64{"val_loss": 0.5, "recall.rare/x": 0.25}, StandardError: map[string]float64{"val_loss": 0.1}}
	ref, err := a.Upload(t.Context(), name, 3, 1, final)
	require.NoError(t, err)
	trial.Checkpoint = ref.Key
	return trial
}

// A program's checkpoint is pulled whole, whatever its files are called.
func TestPullProgram(t *testing.T) {
	_, a, _, _ := withFiles(t)
	trial := sealed(t, a, map[string]string{"weights.pt": "w", "state/optim.pt": "o", "README.md": "mine", "samples/0/a b.png": "png"})
	p := Pull{Sweep: name, Trial: trial, Dir: t.TempDir()}
	require.NoError(t, a.Pull(t.Context(), p))
	require.Equal(t, []string{
		"MANIFEST.json", "README.md", "curve.jsonl", "metrics.json", "samples.tar", "spec.yaml", "state", "state/optim.pt", "tailsweep-README.md", "trial.json", "weights.pt",
	}, tree(t, p.Folder()))
	m, err := checkpoint.ReadManifest(p.Folder())
	require.NoError(t, err)
	for _, f := range m.Files {
		require.NoError(t, m.VerifyFile(p.Folder(), f.Path))
	}
	card, err := os.ReadFile(filepath.Join(p.Folder(), "tailsweep-README.md"))
	require.NoError(t, err)
	golden := filepath.Join("testdata", "card-program.md")
	if *regen {
		require.NoError(t, os.WriteFile(golden, card, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(card))

	dir := filepath.Join(t.TempDir(), "resume")
	var size int64
	require.NoError(t, a.Download(t.Context(), trial.Checkpoint, dir, func(bytes int64) { size = bytes }))
	require.Equal(t, m.Size(), size)
	require.NoError(t, a.KeepCurve(t.Context(), trial.Checkpoint))
	require.NoError(t, a.Remove(t.Context(), trial.Checkpoint))
	require.Error(t, a.Pull(t.Context(), Pull{Sweep: name, Trial: trial, Dir: t.TempDir()}))
}
