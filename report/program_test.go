package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
)

// programFixture is a FAKE sweep of a program of the user without a dataset, whose metrics and
// losses have names of its own. Its numbers mean nothing.
func programFixture() Input {
	in := Input{
		Spec: &sweep.Spec{
			APIVersion: sweep.APIVersion, Name: "wine", Method: sweep.MethodTPE,
			Trainer: &sweep.Trainer{
				Command: []string{"python3", "train.py", "--fast"}, Protocol: sweep.ProtocolJSON,
				Digests: map[string]string{"train.py": strings.Repeat("ab", 32), "losses.py": strings.Repeat("cd", 32)},
			},
			Train: sweep.Train{Steps: 400, Seed: 1},
			Parameters: []sweep.Parameter{
				{Name: "learning_rate", Distribution: sweep.DistLogUniform, Min: 1e-3, Max: 1},
				{Name: "class_weight", Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Word("balanced"), sweep.Word("none")}},
			},
			Metrics:     []sweep.Objective{{Name: "balanced_accuracy", Goal: sweep.Maximize}, {Name: "seconds", Goal: sweep.Minimize}},
			Constraints: []sweep.Constraint{{Metric: "f1", Op: ">=", Offset: 0.1}},
		},
		SpecYAML: "trainer: {command: [python3, train.py, --fast]}\n", Digest: "sha256:77",
		Progress: conduct.Progress{Phase: conduct.PhaseCompleted, Planned: 6, GPUHours: 0.01},
		Curves:   map[int][]sweep.CurvePoint{}, Version: "v0.1.0-test",
	}
	for i := range 6 {
		v := float64(i)
		t := sweep.Trial{
			Assignment: sweep.Assignment{
				Number: i, Kind: sweep.KindSearch, Seed: 1,
				Params: sweep.Params{"learning_rate": sweep.Number(0.01 * (v + 1)), "class_weight": sweep.Word("none")},
			},
			Status: sweep.StatusCompleted, Steps: 400, Attempts: 1, Backend: "program",
			Losses:     sweep.Losses{LossFirst: new(2.0), LossLast: new(0.5 - v/100)},
			Evaluation: sweep.Evaluation{Metrics: map[string]float64{"balanced_accuracy": 0.5 + v/20, "seconds": 3, "f1": 0.4, "minor": 7}, StandardError: map[string]float64{"balanced_accuracy": 0.01}},
		}
		if i == 0 {
			t.Kind = sweep.KindBaseline
		}
		for step := 100; step <= 400; step += 100 {
			in.Curves[i] = append(in.Curves[i], sweep.CurvePoint{Step: step, Loss: 1 / float64(step), Terms: map[string]float64{"val_loss": 2 / float64(step), "grad_norm": v}})
		}
		in.Trials = append(in.Trials, t)
	}
	return in
}

// The page of a program has what it reports, and nothing of datasets, models, guidance, groups
// or samples.
func TestAPageOfAProgram(t *testing.T) {
	var page bytes.Buffer
	require.NoError(t, Write(&page, programFixture()))
	golden := filepath.Join("testdata", "program.html")
	if *regen {
		require.NoError(t, os.WriteFile(golden, page.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), page.String(), "go test ./report -regen writes it anew")
	_, text, _ := strings.Cut(page.String(), "</style>")
	for _, has := range []string{
		"<dt>Program</dt><dd>python3 train.py --fast</dd>", "<dt>Training</dt><dd>400 steps</dd>", "<dt>Protocol</dt><dd>json</dd>",
		"losses.py cdcdcdcdcdcd...<br>train.py abababababab...<br>", "Trial 5 has the best balanced_accuracy: 0.7500", "<th scope=\"col\">f1</th>",
		"<figcaption>grad_norm</figcaption>", "<figcaption>val_loss</figcaption>", "The program reports balanced_accuracy, seconds and f1",
	} {
		require.True(t, strings.Contains(text, has), has) // not require.Contains, which prints the page
	}
	for _, not := range []string{
		"Dataset", "pixels", "Model", "width 0", "uidance", "Head against tail", "all terms", "Samples", "sample grid", "samples", "classifier", "images", "ddpm", "DDPM", "Backend", "evaluation", "minor",
	} {
		require.False(t, strings.Contains(text, not), not)
	}
}

// A program may report many losses: the page draws the first ones by name.
func TestPanelsOfAProgramAreBounded(t *testing.T) {
	in := programFixture()
	for i := range 3 * maxPanels {
		in.Curves[5][0].Terms[fmt.Sprintf("part%02d", i)] = 1
	}
	p := newPage(in)
	require.Len(t, p.Terms, maxPanels)
	require.Equal(t, 2*maxPanels+2, p.MoreTerms)
	require.Empty(t, p.DDPM)
	require.Equal(t, []string{"grad_norm", "part00"}, []string{p.Terms[0].Title, p.Terms[1].Title})
}

// With a dataset there are samples, which the program has written.
func TestAPageOfAProgramWithADataset(t *testing.T) {
	in := programFixture()
	in.Spec.Dataset = sweep.Dataset{Name: sweep.FashionMNIST10k, Size: 16, Imbalance: sweep.Imbalance{Profile: sweep.ProfileExp, Factor: 0.01}}
	in.Spec.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}
	in.Spec.Constraints = nil
	in.Spec.Evaluate = sweep.Evaluate{SamplesPerClass: 10}
	for i := range in.Trials {
		in.Trials[i].Metrics = map[string]float64{"fid.tail": 30 - float64(i), "fid.head": 20}
	}
	picture, err := os.ReadFile("testdata/grid.png")
	require.NoError(t, err)
	in.Grids = map[int][]byte{5: picture}
	var page bytes.Buffer
	require.NoError(t, Write(&page, in))
	for _, has := range []string{"<dt>Dataset</dt>", "<dt>Program</dt>", "Head against tail", "Images that the program has written.", "small classifier", "Sample grid of trial 5"} {
		require.True(t, strings.Contains(page.String(), has), has)
	}
	for _, not := range []string{"uidance", "same noise", "<dt>Model</dt>", "The program reports"} {
		require.False(t, strings.Contains(page.String(), not), not)
	}
}
