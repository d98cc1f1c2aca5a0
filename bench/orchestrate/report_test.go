package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPaceLeavesOutTheEdges(t *testing.T) {
	r := result{scenario: scenario{Sleep: 1, Slots: 2, Trials: 200}}
	var starts, ends []float64
	at := 100.0
	for i := range 200 { // a second a trial at first, two after half of them, and slow edges
		step := 1.0
		switch {
		case i < 2 || i >= 198:
			step = 50
		case i >= 100:
			step = 2
		}
		at += step
		starts, ends = append(starts, at-1.5), append(ends, at)
	}
	require.NoError(t, r.pace(starts, ends))
	require.InDelta(t, ends[199]-starts[0], r.Seconds, 1e-9)
	require.InDelta(t, 1, r.AtStart, 1e-9)
	require.InDelta(t, 2, r.AtEnd, 1e-9)
	require.InDelta(t, 2, r.drift(), 1e-9)
	require.InDelta(t, 0.5, r.TrialLag, 1e-9)
	require.InDelta(t, 200/(r.Seconds*2), r.Occupied, 1e-9)
	require.Error(t, r.pace(starts[:1], ends))
}

func TestPaceIsNotThatOfADisturbance(t *testing.T) {
	r := result{scenario: scenario{Sleep: 1, Slots: 2, Trials: 4000}}
	var starts, ends []float64
	at := 100.0
	for i := range 4000 {
		at++
		if i == 3700 {
			at += 100
		}
		starts, ends = append(starts, at-1.5), append(ends, at)
	}
	require.NoError(t, r.pace(starts, ends))
	require.InDelta(t, 1, r.drift(), 1e-9)
}

func TestIdealRoundsUp(t *testing.T) {
	require.Equal(t, "30s", scenario{Sleep: 10, Slots: 16, Trials: 33}.ideal().String())
}

// sampleResult is a result of a case, with round numbers.
func sampleResult(c scenario) result {
	return result{
		scenario: c, Engine: ours, Others: new(0.01), Seconds: 2 * c.ideal().Seconds(), AtStart: 1, AtEnd: 1.5,
		CPU: map[string]float64{"stack": 50, "worker": 20, "children": 5}, Memory: map[string]int64{"stack": 300e6, "worker": 600e6},
		Requests: map[string]float64{"GET": 4, "PUT": 6}, Verbs: map[string]float64{"trials": 0.5, "best": 2, "list": 0.1, "report": 3},
		History: &history{Runs: 2, Sweep: counts{Events: 30 * float64(c.Trials), Transitions: 15 * float64(c.Trials), Activities: map[string]float64{"Suggest": float64(c.Trials)}}, Trial: counts{Events: 20, Transitions: 10, Activities: map[string]float64{"Train": 1}}, Largest: 300 << 10, State: 100 << 10, Stages: stages{Begin: 10, Slot: 20, Train: 1050, Between: 10, Evaluate: 50, Publish: 60}},
	}
}

func TestReportComparesWithTheGoals(t *testing.T) {
	s := &store{}
	require.NoError(t, s.add(sampleResult(scenario{"random", 1, 64, 10_000})))
	busy := sampleResult(scenario{"bayes", 10, 16, 320})
	busy.Others = new(0.5)
	require.NoError(t, s.add(busy))
	require.NoError(t, s.add(result{scenario: scenario{"random", 1, 64, 320}, Engine: ray, Seconds: 50, AtStart: 1, AtEnd: 1}))
	text := s.report()
	for _, line := range []string{
		"| tailsweep | random | 1 s | 64 | 10000 | 157 | 314.0 | 2.00 | 31.8 | 1.50 | 1 % |",
		"| ray | random | 1 s | 64 | 320 | 5 | 50.0 | 10.00 | 6.4 | 1.00 | not known |",
		"| random, 10000 x 1 s on 64 | 50, 20, 5 | 10.0 | 50.0 | 25.0 |",
		"| random, 10000 x 1 s on 64 | 2010 | 10 | 20 | 1050 | 10 | 50 | 60 | 810 |",
		"| 12 trials a second, children of 1 s | 31.8 | random, 10000 x 1 s on 64 | met |",
		"| at most 1.05 of the ideal, children of 10 s on 16 slots | 2.00 | bayes, 320 x 10 s on 16 | **not met** (busy machine) |",
		"| memory of the worker below 500 MB | 600 MB |",
		"| best below 1 s at 10,000 trials | 2.00 s | random, 10000 x 1 s on 64 | **not met** |",
		"| no payload above 256 KiB | 300 KiB |",
		"GET 4.0, PUT 6.0",
	} {
		require.Contains(t, text, line)
	}
}

// A slow case counts, whichever build it was measured with, which is named.
func TestGoalsAreOfTheWorstCase(t *testing.T) {
	s := &store{}
	old := sampleResult(scenario{"bayes", 1, 64, 320})
	old.Seconds, old.Machine.Version, old.Machine.At = 320, "old", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, s.add(old))
	now := sampleResult(scenario{"random", 1, 64, 320})
	now.Machine.Version, now.Machine.At = "new", old.Machine.At.Add(time.Hour)
	require.NoError(t, s.add(now))
	text := s.report()
	require.Contains(t, text, "| 12 trials a second, children of 1 s | 1.0 | bayes, 320 x 1 s on 64 | **not met** (measured with old) |")
	require.Contains(t, text, "| trials below 1 s at 10,000 trials | not measured |")
}

func TestResultsAreKept(t *testing.T) {
	folder := t.TempDir()
	s, err := load(folder)
	require.NoError(t, err)
	c := scenario{"random", 1, 16, 320}
	require.NoError(t, s.add(sampleResult(c)))
	again := sampleResult(c)
	again.Seconds = 7
	require.NoError(t, s.add(again))
	require.NoError(t, s.addVirtual(virtual{Trials: 10, Slots: 2}))
	s, err = load(folder)
	require.NoError(t, err)
	require.True(t, s.has(ours, c))
	require.False(t, s.has(ray, c))
	require.Len(t, s.results, 1)
	require.InDelta(t, 7, s.results[0].Seconds, 0)
	require.Len(t, s.virtual, 1)
}

func TestMatrixIsShortestFirst(t *testing.T) {
	jobs, err := matrix("random,bayes", "1s,10s", "16", "320,2000", 320)
	require.NoError(t, err)
	require.Len(t, jobs, 10)
	require.Equal(t, job{ours, scenario{"random", 1, 16, 320}}, jobs[0])
	require.Equal(t, job{ray, scenario{"random", 1, 16, 320}}, jobs[1])
	require.Equal(t, job{ours, scenario{"bayes", 10, 16, 2000}}, jobs[9])
	for _, wrong := range [][4]string{{"random", "soon", "1", "1"}, {"random", "1s", "0", "1"}, {"random", "1s", "1", "x"}} {
		_, err := matrix(wrong[0], wrong[1], wrong[2], wrong[3], 0)
		require.Error(t, err)
	}
}

func TestCasesByName(t *testing.T) {
	jobs, err := named("bayes-10s-16-320,ray-1s-64-10000")
	require.NoError(t, err)
	require.Equal(t, []job{{ours, scenario{"bayes", 10, 16, 320}}, {ray, scenario{"random", 1, 64, 10000}}}, jobs)
	jobs, err = named(strings.Join(shortCases, ","))
	require.NoError(t, err)
	require.Len(t, jobs, len(shortCases))
	for _, wrong := range []string{"", "random-1s-16", "random-soon-16-320"} {
		_, err := named(wrong)
		require.Error(t, err)
	}
}

func TestExpectedIsAsLastTime(t *testing.T) {
	s := &store{}
	c := scenario{"random", 1, 16, 320}
	require.Equal(t, time.Minute+around, s.expected(job{ours, c}))
	require.NoError(t, s.add(result{scenario: c, Engine: ours, Seconds: 25}))
	require.Equal(t, 25*time.Second+around, s.expected(job{ours, c}))
	require.NoError(t, s.add(result{scenario: c, Engine: ray, Seconds: 500}))
	require.Equal(t, 1000*time.Second+around, s.expected(job{ray, scenario{"random", 1, 64, 640}}))
}

func TestVirtualTime(t *testing.T) {
	v, err := play("300/20")
	require.NoError(t, err)
	require.Equal(t, 300, v.Trials)
	require.Greater(t, v.Steps, 3*300)
	require.Positive(t, v.State)
	require.Less(t, v.Pending, v.State)
	require.Positive(t, v.Pending)
	_, err = play("300")
	require.Error(t, err)
}
