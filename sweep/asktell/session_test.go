package asktell

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

var regen = flag.Bool("regen", false, "write the golden transcripts")

// talk sends lines and returns the answers.
func talk(t *testing.T, lines ...string) []string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Serve(strings.NewReader(strings.Join(lines, "\n")), &out))
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

// A transcript has the client's lines after "> " and the answers after "< ". Its
// searches are grids, so that no change of a search method changes it.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			var sent []string
			for line := range strings.Lines(string(want)) {
				if text, ok := strings.CutPrefix(line, "> "); ok || line == "\n" {
					sent = append(sent, strings.TrimSuffix(text, "\n"))
				}
			}
			answers := talk(t, sent...)
			var got strings.Builder
			for _, line := range sent {
				if line == "" {
					got.WriteString("\n")
					continue
				}
				fmt.Fprintf(&got, "> %s\n", line)
				if len(answers) > 0 {
					fmt.Fprintf(&got, "< %s\n", answers[0])
					answers = answers[1:]
				}
			}
			require.Empty(t, answers, "answers that belong to no line")
			if *regen {
				require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
			}
			require.Equal(t, string(want), got.String())
		})
	}
}

// wide has every kind of parameter.
const wide = `[{"name":"lr","type":"float","low":1e-4,"high":1,"log":true,"zero":0.2},
{"name":"width","type":"int","low":8,"high":64,"step":8},{"name":"depth","type":"int","low":1,"high":6},
{"name":"drop","type":"float","low":0,"high":0.5},{"name":"act","type":"cat","choices":["relu","gelu",3]},
{"name":"slope","type":"float","low":0.1,"high":0.9,"step":0.1,"when":"act == relu"},{"name":"fixed","type":"const","value":"w"}]`

// A session suggests what direct calls of the sampler suggest, with injected and failed
// trials in the ledger.
func TestSessionIsTheSampler(t *testing.T) {
	for _, method := range sweep.Methods() {
		if method == sweep.MethodGrid {
			continue // the transcripts have it
		}
		t.Run(string(method), func(t *testing.T) {
			s := &session{newSampler: sampler.New, most: maxTrials}
			send := func(format string, args ...any) reply {
				r, _ := s.do(fmt.Appendf(nil, format, args...))
				require.Empty(t, r.Error)
				return r
			}
			send(`{"op":"init","space":%s,"seed":4,"budget":40,"parallel":3,"method":%q,"ncon":1}`, strings.ReplaceAll(wide, "\n", ""), method)
			direct, err := sampler.New(method)
			require.NoError(t, err)
			r := sampler.Request{Spec: s.spec, Exact: true}
			for n := range 14 {
				if n == 5 {
					answer := send(`{"op":"inject","u":[0,0.5,0.99,1,0.34,0.5,0],"values":[1.5],"constraints":[-1]}`)
					require.Equal(t, r.Number, *answer.ID)
					a := sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Seed: trainSeed, Params: s.ledger[len(s.ledger)-1].Params}
					r.Ledger = append(r.Ledger, sweep.Trial{Assignment: a, Status: sweep.StatusCompleted, Evaluation: sweep.Evaluation{Metrics: map[string]float64{"f0": 1.5, "c0": -1}}})
					r.Number++
					continue
				}
				asked := send(`{"op":"ask"}`)
				params, reason, err := direct.Suggest(r)
				require.NoError(t, err)
				require.Equal(t, params, asked.Params, "trial %d", r.Number)
				require.Equal(t, r.Number, *asked.ID)
				explained := send(`{"op":"explain","id":%d}`, r.Number)
				require.Equal(t, reason, *explained.Reason)
				a := sweep.Assignment{Number: r.Number, Kind: sweep.KindSearch, Seed: trainSeed, Params: params}
				r.Pending = append(r.Pending, a)
				r.Number++
				r.Index++
				if len(r.Pending) < 3 {
					continue
				}
				done := r.Pending[1] // not the oldest
				r.Pending = append(r.Pending[:1:1], r.Pending[2:]...)
				trial := sweep.Trial{Assignment: done, Status: sweep.StatusFailed}
				if done.Number%4 == 3 {
					send(`{"op":"tell","id":%d,"status":"failed"}`, done.Number)
				} else {
					value, c := math.Abs(params["drop"].Float()-0.2)+params["lr"].Float(), params["drop"].Float()-0.4
					trial.Status, trial.Metrics = sweep.StatusCompleted, map[string]float64{"f0": value, "c0": c}
					send(`{"op":"tell","id":%d,"values":[%v],"constraints":[%v]}`, done.Number, value, c)
				}
				r.Ledger = append(r.Ledger, trial)
			}
		})
	}
}

func TestInjectedPoint(t *testing.T) {
	s := &session{newSampler: sampler.New, most: maxTrials}
	send := func(line string) reply {
		r, _ := s.do([]byte(line))
		return r
	}
	require.True(t, send(`{"op":"init","method":"random","space":`+strings.ReplaceAll(wide, "\n", "")+`}`).OK)
	require.True(t, send(`{"op":"inject","u":[1,1,0,0.5,0.2,1,0.4],"values":[1]}`).OK)
	require.Equal(t, sweep.Params{"lr": sweep.Number(1), "width": sweep.Number(64), "depth": sweep.Number(1), "drop": sweep.Number(0.25),
		"act": sweep.Word("relu"), "slope": sweep.Number(0.9), "fixed": sweep.Word("w")}, s.ledger[0].Params)
	require.True(t, send(`{"op":"inject","u":[0.05,0,1,0,1,1,0.4],"values":[1]}`).OK)
	require.Equal(t, sweep.Params{"lr": sweep.Number(0), "width": sweep.Number(8), "depth": sweep.Number(6), "drop": sweep.Number(0),
		"act": sweep.Number(3), "fixed": sweep.Word("w")}, s.ledger[1].Params)

	// The numbers of another program may differ by rounding.
	require.True(t, send(`{"op":"inject","params":{"lr":1.0000000001,"width":8,"depth":2,"drop":-1e-12,"act":"relu","slope":0.30000000000000004,"fixed":"w"},"values":[1]}`).OK)
	require.Equal(t, sweep.Params{"lr": sweep.Number(1), "width": sweep.Number(8), "depth": sweep.Number(2), "drop": sweep.Number(0),
		"act": sweep.Word("relu"), "slope": sweep.Number(0.3), "fixed": sweep.Word("w")}, s.ledger[2].Params)

	for says, params := range map[string]string{
		`params.lr: 1e-5 is not one of its values (valid: a number in [0.0001, 1], or 0)`: `{"lr":1e-5,"width":8,"depth":2,"drop":0,"act":3,"fixed":"w"}`,
		`params.width: 9 is not one of its values (valid: 8 + k * 8 in [8, 64])`:          `{"lr":0,"width":9,"depth":2,"drop":0,"act":3,"fixed":"w"}`,
		`params.depth: 2.5 is not one of its values (valid: an integer in [1, 6])`:        `{"lr":0,"width":8,"depth":2.5,"drop":0,"act":3,"fixed":"w"}`,
		`params.act: "elu" is not one of its values (valid: one of relu, gelu, 3)`:        `{"lr":0,"width":8,"depth":2,"drop":0,"act":"elu","fixed":"w"}`,
		`params.fixed: 1 is not one of its values (valid: one of w)`:                      `{"lr":0,"width":8,"depth":2,"drop":0,"act":3,"fixed":1}`,
		`params.slope: given, though "act == relu" is false`:                              `{"lr":0,"width":8,"depth":2,"drop":0,"act":3,"fixed":"w","slope":0.1}`,
		`params.slope: is missing`: `{"lr":0,"width":8,"depth":2,"drop":0,"act":"relu","fixed":"w"}`,
	} {
		require.Contains(t, send(`{"op":"inject","values":[1],"params":`+params+`}`).Error, says)
	}
	require.Len(t, s.ledger, 3)
}

// modelled recommends the second finished trial, whatever its value.
type modelled struct{ sampler.Sampler }

func (modelled) Recommend(r sampler.Request) (sweep.Trial, bool) {
	if len(r.Ledger) < 2 {
		return sweep.Trial{}, false
	}
	return r.Ledger[1], true
}

func TestBestUnderNoiseIsTheModelsChoice(t *testing.T) {
	for noisy, want := range map[bool]int{false: 0, true: 1} {
		s := &session{most: maxTrials, newSampler: func(m sweep.Method) (sampler.Sampler, error) {
			inner, err := sampler.New(m)
			return modelled{inner}, err
		}}
		send := func(format string, args ...any) reply {
			r, _ := s.do(fmt.Appendf(nil, format, args...))
			require.Empty(t, r.Error)
			return r
		}
		send(`{"op":"init","noisy":%v,"method":"random","space":[{"name":"x","type":"float","low":0,"high":1}]}`, noisy)
		send(`{"op":"inject","u":[0.5],"values":[1]}`)
		require.Equal(t, 0, *send(`{"op":"best"}`).ID)
		send(`{"op":"inject","u":[0.6],"values":[2]}`)
		require.Equal(t, want, *send(`{"op":"best"}`).ID)
	}
}

// spy records what it is asked.
type spy struct {
	sampler.Sampler
	last *sampler.Request
}

func (s spy) Suggest(r sampler.Request) (sweep.Params, sweep.Reason, error) {
	*s.last = r
	return s.Sampler.Suggest(r)
}

func TestRequestOfTheSampler(t *testing.T) {
	var last sampler.Request
	s := &session{most: maxTrials, newSampler: func(m sweep.Method) (sampler.Sampler, error) {
		inner, err := sampler.New(m)
		return spy{inner, &last}, err
	}}
	send := func(line string) {
		r, _ := s.do([]byte(line))
		require.Empty(t, r.Error)
	}
	const rest = `"method":"random","nobj":2,"ncon":1,"seed":7,"budget":30,"parallel":5,"space":[{"name":"x","type":"float","low":0,"high":1}]}`
	send(`{"op":"init","noisy":true,` + rest)
	send(`{"op":"ask"}`)
	require.False(t, last.Exact)
	send(`{"op":"init",` + rest)
	for range 4 {
		send(`{"op":"ask"}`)
	}
	send(`{"op":"tell","id":2,"values":[1,2],"constraints":[3]}`)
	send(`{"op":"tell","id":0,"status":"diverged"}`)
	send(`{"op":"inject","u":[1],"status":"failed"}`)
	send(`{"op":"ask"}`)

	require.True(t, last.Exact)
	require.Equal(t, []int{5, 4}, []int{last.Number, last.Index}, "the injected trial has a number and no index")
	var finished, pending []int
	for _, trial := range last.Ledger {
		finished = append(finished, trial.Number)
	}
	for _, a := range last.Pending {
		pending = append(pending, a.Number)
	}
	require.Equal(t, []int{2, 0, 4}, finished, "in the order of tell and inject")
	require.Equal(t, []int{1, 3}, pending)
	require.Equal(t, []sweep.Status{sweep.StatusCompleted, sweep.StatusDiverged, sweep.StatusFailed},
		[]sweep.Status{last.Ledger[0].Status, last.Ledger[1].Status, last.Ledger[2].Status})
	require.Equal(t, map[string]float64{"f0": 1, "f1": 2, "c0": 3}, last.Ledger[0].Metrics)
	for _, trial := range last.Ledger {
		require.Equal(t, last.Spec.Train.Seed, trial.Seed)
		require.Equal(t, sweep.KindSearch, trial.Kind)
	}
	require.Equal(t, &sweep.Spec{APIVersion: sweep.APIVersion, Name: "asktell", Method: sweep.MethodRandom, Seed: 7, Train: sweep.Train{Seed: trainSeed},
		Metrics:     []sweep.Objective{{Name: "f0", Goal: sweep.Minimize}, {Name: "f1", Goal: sweep.Minimize}},
		Constraints: []sweep.Constraint{{Metric: "c0", Op: "<="}},
		Budget:      sweep.Budget{RunCap: 30}, MaxConcurrentTrials: 5,
		Parameters: []sweep.Parameter{{Name: "x", Distribution: sweep.DistUniform, Max: 1}}}, last.Spec)
}
