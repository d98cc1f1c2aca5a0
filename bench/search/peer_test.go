package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/bench/search/problems"
	"github.com/tailsweep/tailsweep/sweep"
)

// fakeVariable makes the test's own binary a peer.
const fakeVariable = "TAILSWEEP_FAKE_PEER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(fakeVariable); mode != "" {
		fake(mode)
		return
	}
	os.Exit(m.Run())
}

// fake answers asks with points on a line, and checks what it receives.
func fake(mode string) {
	lines := bufio.NewScanner(os.Stdin)
	for asked := 0; lines.Scan(); {
		var r map[string]any
		if json.Unmarshal(lines.Bytes(), &r) != nil {
			os.Exit(3)
		}
		switch r["op"] {
		case "init":
			if space := r["space"].([]any); r["nobj"] != 1.0 || r["noisy"] != false || r["seed"] != 7.0 || len(space) != 2 {
				fmt.Println(`{"error":"the init is not as expected"}`)
				continue
			}
			fmt.Println(`{"ok":true}`)
		case "ask":
			switch {
			case mode == "silent":
				os.Exit(0)
			case mode == "error" && asked == 3:
				fmt.Println(`{"error":"no idea"}`)
			default:
				fmt.Printf(`{"id":%d,"params":{"x1":%g,"x2":2.275}}`+"\n", 100+asked, float64(asked))
			}
			asked++
		case "tell":
			if mode == "failures" {
				if failed := r["status"] == "failed"; failed != (r["id"].(float64) >= 104) || failed != (r["values"] == nil) {
					fmt.Println(`{"error":"the status is not as expected"}`)
					continue
				}
				fmt.Println(`{"ok":true}`)
				continue
			}
			if r["id"].(float64) < 100 || len(r["values"].([]any)) != 1 {
				fmt.Println(`{"error":"the tell is not as expected"}`)
				continue
			}
			fmt.Println(`{"ok":true}`)
		case "quit":
			fmt.Println(`{"ok":true}`)
			return
		}
	}
}

func playFake(t *testing.T, mode string) ([]result, error) {
	t.Setenv(fakeVariable, mode)
	e := engine{Name: "fake", Version: "1", Command: []string{os.Args[0]}}
	problem, ok := problems.Lookup("branin")
	require.True(t, ok)
	if mode == "failures" {
		eval := problem.Eval
		problem.Eval = func(p sweep.Params) ([]float64, []float64) {
			if p["x1"].Float() >= 4 {
				return []float64{math.Inf(1)}, nil
			}
			return eval(p)
		}
	}
	return play(job{key: keyOf(e, problem, 8, 3, 7), engine: e, problem: problem, Shorter: []int{2}})
}

func TestPeerRuns(t *testing.T) {
	results, err := playFake(t, "good")
	require.NoError(t, err)
	require.Len(t, results, 2)
	require.Equal(t, 2, results[1].Budget)
	// Branin at (3, 2.275) is nearly its optimum, and only the longer run gets there.
	require.Less(t, results[0].final(), 0.01)
	require.Greater(t, results[1].final(), 0.3)
	require.Greater(t, results[0].AskMillis, 0.0)
}

func TestPeerReceivesFailures(t *testing.T) {
	results, err := playFake(t, "failures")
	require.NoError(t, err)
	require.Less(t, results[0].final(), 0.01)
}

func TestErrorsOfPeers(t *testing.T) {
	_, err := playFake(t, "error")
	require.ErrorContains(t, err, "ask: no idea")
	_, err = playFake(t, "silent")
	require.ErrorContains(t, err, "the peer ended")
}
