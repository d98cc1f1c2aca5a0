package asktell

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/sampler"
)

const initLine = `{"op":"init","space":[{"name":"x","type":"float","low":0,"high":1}],"method":"random"}`

func TestALongLineIsSkipped(t *testing.T) {
	long := `{"op":"quit","` + strings.Repeat("x", 3*maxLine) + `":1}`
	answers := talk(t, initLine, long, "", " \t\r", `{"op":"ask"}`+"\r", long)
	require.Len(t, answers, 4)
	require.JSONEq(t, `{"ok":true}`, answers[0])
	require.JSONEq(t, `{"error":"a line of more than 1048576 bytes"}`, answers[1])
	require.Contains(t, answers[2], `"id":0`)
	require.Equal(t, answers[1], answers[3])
}

// The client waits for an answer before it sends the next line.
func TestAnswersAreWrittenAtOnce(t *testing.T) {
	toServer, client := io.Pipe()
	answers, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(toServer, out) }()
	lines := bufio.NewReader(answers)
	for _, line := range []string{initLine, `{"op":"ask"}`, `{"op":"tell","id":0,"values":[1]}`, `{"op":"quit"}`} {
		_, err := io.WriteString(client, line+"\n")
		require.NoError(t, err)
		answer, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.NotContains(t, answer, "error")
	}
	require.NoError(t, <-ended)
}

func TestBrokenStreams(t *testing.T) {
	broken := errors.New("broken")
	in, w := io.Pipe()
	require.NoError(t, w.CloseWithError(broken))
	require.ErrorIs(t, Serve(in, io.Discard), broken)

	r, out := io.Pipe()
	require.NoError(t, r.CloseWithError(broken))
	require.ErrorIs(t, Serve(strings.NewReader(initLine), out), broken)
}

func TestTheLimitOfTrials(t *testing.T) {
	var out bytes.Buffer
	in := initLine + strings.Repeat("\n"+`{"op":"ask"}`, 3) + "\n" + `{"op":"inject","u":[0],"values":[0]}` + "\n" + initLine + "\n" + `{"op":"ask"}`
	require.NoError(t, serve(strings.NewReader(in), &out, &session{newSampler: sampler.New, most: 2}))
	answers := strings.Split(out.String(), "\n")
	for _, at := range []int{3, 4} {
		require.Contains(t, answers[at], "the session has reached its limit of 2 trials")
	}
	require.Contains(t, answers[6], `"id":0`)
}

// FuzzSession checks that any bytes get one answer for each line that is not
// blank, that an answer is a JSON object with ok, id or error, and that an error
// changes nothing: without the refused lines the other answers are the same.
func FuzzSession(f *testing.F) {
	f.Add([]byte(initLine + "\n" + `{"op":"ask"}` + "\n\n" + `{"op":"tell","id":0,"values":[1]}` + "\n" + `{"op":"best"}` + "\n" + `{"op":"quit"}`))
	f.Add([]byte(`{"op":"init","space":` + strings.ReplaceAll(wide, "\n", "") + `,"nobj":2,"ncon":1}` + "\n" +
		`{"op":"ask"}` + "\n" + `{"op":"inject","u":[0,1,1,0.5,0.5,0,0],"values":[1,2],"constraints":[0]}` + "\n" + `{"op":"best"}`))
	f.Add([]byte(`{"op":"init","space":[{"name":"k","type":"ordinal","choices":["a",1]}],"method":"grid"}` + "\n" +
		strings.Repeat(`{"op":"ask"}`+"\n", 3) + `{"op":"tell","id":1,"status":"failed"}` + "\n" + `{"op":"explain","id":1}`))
	f.Add([]byte("{\"op\":\"ask\"}\r\n\xff{}\n[[[[\nnull\n\"\\ud800\"\n{\"op\":\"tell\",\"id\":1e999}"))
	play := func(t *testing.T, in []byte) (lines, answers [][]byte) {
		quick := func(m sweep.Method) (sampler.Sampler, error) {
			if m != sweep.MethodGrid {
				m = sweep.MethodRandom
			}
			return sampler.New(m)
		}
		var out bytes.Buffer
		require.NoError(t, serve(bytes.NewReader(in), &out, &session{newSampler: quick, most: 50}))
		for line := range bytes.Lines(in) {
			if len(bytes.TrimSpace(line)) > 0 {
				lines = append(lines, line)
			}
		}
		for answer := range bytes.Lines(out.Bytes()) {
			answers = append(answers, answer)
		}
		return lines, answers
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<16 {
			return
		}
		lines, answers := play(t, in)
		var accepted, want []byte
		for i, answer := range answers {
			var r struct {
				OK    *bool
				ID    *int
				Error *string
			}
			require.NoError(t, json.Unmarshal(answer, &r), "%s", answer)
			require.Truef(t, r.OK != nil || r.ID != nil || r.Error != nil, "%s", answer)
			if r.Error == nil {
				accepted = append(append(accepted, bytes.TrimSuffix(lines[i], []byte("\n"))...), '\n')
				want = append(want, answer...)
			}
		}
		if len(answers) < len(lines) {
			require.JSONEq(t, `{"ok":true}`, string(answers[len(answers)-1]), "lines without an answer, and no quit")
		}
		_, again := play(t, accepted)
		require.Equal(t, string(want), string(bytes.Join(again, nil)))
	})
}
