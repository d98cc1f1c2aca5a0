package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/activities"
	"github.com/tailsweep/tailsweep/internal/block"
	"github.com/tailsweep/tailsweep/internal/store"
	"github.com/tailsweep/tailsweep/internal/store/storetest"
	"github.com/tailsweep/tailsweep/sweep"
	"github.com/tailsweep/tailsweep/sweep/conduct"
	"github.com/tailsweep/tailsweep/trainer/checkpoint"
)

var checkedAt = time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)

// trialAt is trial number n as it ends, n minutes after the sweep began. Every third is
// the only one without a checkpoint; trial 5 failed and has no result.
func trialAt(n int) sweep.Trial {
	t := aTrial(n)
	t.StartedAt = t.StartedAt.Add(time.Duration(n) * time.Minute)
	t.FinishedAt = t.StartedAt.Add(time.Minute)
	t.Metrics["fid.tail"] = 20 + float64(n%7)
	if n == 5 {
		t.Status, t.Evaluation, t.Error = sweep.StatusFailed, sweep.Evaluation{}, &sweep.Failure{Class: sweep.FailLost, Message: "the worker is gone"}
	}
	return t
}

// whole puts a complete sweep of 20 trials in 17 segments into the store, and returns
// its ledger.
func whole(t *testing.T, s store.Store) []sweep.Trial {
	t.Helper()
	return wholeWith(t, s, conduct.State{Phase: conduct.PhaseCompleted, Segments: 17}, nil)
}

// wholeWith is whole with a state, and with other minutes at which trials ended.
func wholeWith(t *testing.T, s store.Store, st conduct.State, ends map[int]int) []sweep.Trial {
	t.Helper()
	a := New(s)
	spec := aSpec()
	spec.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}
	reserve(t, a, spec, "name: "+name+"\n")
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 4, 4))))
	file := filepath.Join(t.TempDir(), "grid.png")
	require.NoError(t, os.WriteFile(file, picture.Bytes(), 0o600))
	var all []sweep.Trial
	for n := range 20 {
		trial := trialAt(n)
		if end, ok := ends[n]; ok {
			trial.FinishedAt = aTrial(n).StartedAt.Add(time.Duration(end) * time.Minute)
		}
		if n < 3 {
			ref, err := a.Upload(t.Context(), name, n, 1, stage(t, n, 1, 600, fmt.Sprint(n)))
			require.NoError(t, err)
			trial.Checkpoint = ref.Key
			trial.Grid, err = a.PutGrid(t.Context(), name, n, file)
			require.NoError(t, err)
			require.NoError(t, a.PutLog(t.Context(), name, n, 1, file))
			require.NoError(t, a.KeepCurve(t.Context(), ref.Key))
		}
		if n != 5 {
			require.NoError(t, a.PutResult(t.Context(), name, trial))
		}
		all = append(all, trial)
	}
	for seg, trials := range cut(all) {
		require.NoError(t, a.AppendSegment(t.Context(), name, seg, trials))
		require.NoError(t, a.Compact(t.Context(), name, seg+1))
	}
	require.NoError(t, a.PutBest(t.Context(), name, []int{0, 1}, all))
	state, err := json.Marshal(st)
	require.NoError(t, err)
	require.NoError(t, a.PutState(t.Context(), name, state))
	require.NoError(t, a.PutCommandEntry(t.Context(), name, conduct.CommandEntry{Number: 1, At: checkedAt}))
	return all
}

// cut makes segments: the fifth has four trials, all others one.
func cut(all []sweep.Trial) [][]sweep.Trial {
	var segments [][]sweep.Trial
	for n := 0; n < len(all); {
		size := 1
		if n == 4 {
			size = 4
		}
		segments = append(segments, all[n:n+size])
		n += size
	}
	return segments
}

func check(t *testing.T, s store.Store, o CheckOptions) Checked {
	t.Helper()
	o.Now, o.ReadData = checkedAt, true
	checked, err := New(s).Check(t.Context(), name, o)
	require.NoError(t, err)
	return checked
}

// contents are all objects of a store.
func contents(t *testing.T, s store.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range objects(t, s) {
		data, _, err := New(s).object(key, nil).read(t.Context(), 1<<30)
		require.NoError(t, err)
		all[key] = string(data)
	}
	return all
}

func faults(c Checked) []Finding {
	return slices.DeleteFunc(slices.Clone(c.Findings), func(f Finding) bool { return f.Level != LevelFault })
}

func TestCheckOfACompleteSweep(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	before := contents(t, s)
	checked := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, faults(checked), "%+v", checked.Findings)
	require.Empty(t, checked.Repairs)
	require.Equal(t, before, contents(t, s))
	var lines []string
	for _, f := range checked.Findings {
		require.Equal(t, LevelOK, f.Level, "%+v", f)
		lines = append(lines, f.Part+": "+f.Found)
	}
	spec := *aSpec()
	spec.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Minimize}}
	require.Equal(t, []string{
		fmt.Sprintf("spec: digest %.12s verified", spec.Digest()),
		"state: completed, 17 segments; 1 entry in the command log",
		"ledger: 17 segments with 20 trials, digests and links verified",
		"packs: 1 pack verified against the segments",
		"results: 19 results verified against the ledger; 1 failed or cancelled trial published none",
		"pointer: it names trials 0, 1",
		"checkpoints: 3 checkpoints: all 138 B verified",
		"grids: 3 sample grids",
		"curves: 3 loss curves: all verified",
		"logs: 3 logs",
	}, lines)
	require.Equal(t, len(before), checked.Objects)

	_, err := New(storetest.NewMemory()).Check(t.Context(), name, CheckOptions{Now: checkedAt})
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = New(s).Check(t.Context(), "No Name", CheckOptions{})
	require.ErrorContains(t, err, "sweep name")
}

func under(rest string) string { return "v1/sweeps/" + name + "/" + rest }

func curveOf(n int) string { return under(fmt.Sprintf("trials/%06d/attempts/1/curve.jsonl", n)) }

// resealed changes the body of a sealed object, and its digest.
func resealed(t *testing.T, data []byte, old, now string) []byte {
	body, err := unseal(data)
	require.NoError(t, err)
	body = bytes.Replace(body, []byte(old), []byte(now), 1)
	return seal(digestOf(body), body)
}

func resultOf(n int) string { return under(fmt.Sprintf("trials/%06d/result.json", n)) }

const model = "trials/000001/attempts/1/checkpoints/step-0000000600/model.safetensors"

const stateAside = "put aside: the sweep continues from its ledger and its command log; requested trials that have not started are lost"

// repairs are damages of a complete sweep, the keys that are named, and what a repair
// does. exact: afterwards the store is as it was, but for what was put aside.
var repairs = []struct {
	name   string
	damage func(t *testing.T, s store.Store)
	keys   []string
	says   string
	done   string // of the first repair; "" if there is none
	exact  bool
}{
	{"a segment with a flipped bit", flipping(3, 300), []string{ledgerKey(3)}, "digest", "restored byte for byte from a pack", true},
	{"a segment with a flipped bit and no pack", both(removing(packOf(0, 15)), flipping(3, 300)), []string{ledgerKey(3)}, "digest", "restored byte for byte from results", true},
	{"a segment with a flipped link", both(removing(packOf(0, 15)), flipping(3, 30)), []string{ledgerKey(3)}, "follows", "restored byte for byte from its own trials", true},
	{"a missing segment", both(removing(packOf(0, 15)), removing(ledgerKey(3))), []string{ledgerKey(3)}, "missing", "restored byte for byte from results", true},
	{"a missing first segment", both(removing(packOf(0, 15)), removing(ledgerKey(0))), []string{ledgerKey(0)}, "missing", "restored byte for byte from results", true},
	{"the last segment damaged", flipping(16, 300), []string{ledgerKey(16)}, "digest", "written anew from results, linked to the segment before", true},
	{"a segment of which a trial has no result", both(removing(packOf(0, 15)), flipping(4, 10)), []string{ledgerKey(4)}, "header", "restored byte for byte from results", true},
	{"such a segment with a flipped bit in that trial", both(removing(packOf(0, 15)), rewriting(4, func(b []byte) []byte {
		return bytes.Replace(b, []byte("the worker is gone"), []byte("the worker is gane"), 1)
	})), []string{ledgerKey(4)}, "digest", "written anew from results, linked to the segment before", false},
	{"three segments lost", both(removing(packOf(0, 15)), removing(ledgerKey(8)), removing(ledgerKey(9)), removing(ledgerKey(10))),
		[]string{ledgerKey(8), ledgerKey(9), ledgerKey(10)}, "missing", "written anew from results, linked to the segment before", true},
	{"a duplicate number", func(t *testing.T, s store.Store) { relink(t, s, 16, trialAt(19), trialAt(2)) }, []string{ledgerKey(16)}, "trial 2 is there again", "written anew from its own trials, linked to the segment before", true},
	{"a pack with a flipped bit", func(t *testing.T, s store.Store) { overwrite(t, s, packOf(0, 15), flip) }, []string{packOf(0, 15)}, "differs from its segments", "written anew from its segments", true},
	{"a missing pack", removing(packOf(0, 15)), nil, "", "written from its segments", true},
	{"a damaged pointer", func(t *testing.T, s store.Store) {
		overwrite(t, s, under(bestName), func([]byte) []byte { return []byte("{") })
	}, []string{under(bestName)}, "cannot be read", "points at the trials 0, 1", true},
	{"a changed pointer", func(t *testing.T, s store.Store) {
		overwrite(t, s, under(bestName), func(b []byte) []byte { return bytes.Replace(b, []byte(`"backend":"`), []byte(`"backend":"x`), 1) })
	}, []string{under(bestName)}, "its result of trial 0 differs from the ledger's", "points at the trials 0, 1", false},
	{"a missing pointer", removing(under(bestName)), []string{under(bestName)}, "missing", "points at the trials 0, 1", true},
	{"a damaged result", func(t *testing.T, s store.Store) {
		overwrite(t, s, resultOf(7), func(b []byte) []byte { return b[:40] })
	}, []string{resultOf(7)}, "cannot be read", "written anew from the ledger", true},
	{"a result with a changed digit", func(t *testing.T, s store.Store) {
		overwrite(t, s, resultOf(7), func(b []byte) []byte { return bytes.Replace(b, []byte(`"fid.tail":20`), []byte(`"fid.tail":10`), 1) })
	}, []string{resultOf(7)}, "does not name", "written anew from the ledger", true},
	{"such a result that the ledger does not have", func(t *testing.T, s store.Store) {
		require.NoError(t, New(s).PutResult(t.Context(), name, trialAt(30)))
		overwrite(t, s, resultOf(30), func(b []byte) []byte { return bytes.Replace(b, []byte(`"fid.tail":22`), []byte(`"fid.tail":12`), 1) })
	}, []string{resultOf(30)}, "does not name", "put aside: the trial then counts as lost", true},
	{"another result", func(t *testing.T, s store.Store) {
		overwrite(t, s, resultOf(7), func(b []byte) []byte { return resealed(t, b, `"fid.tail":20`, `"fid.tail":10`) })
	}, []string{resultOf(7)}, "differs from the ledger, whose segment 4 has trial 7", "written anew from the ledger", true},
	{"a missing result", removing(resultOf(7)), []string{resultOf(7)}, "missing", "written anew from the ledger", true},
	{"a damaged result that the ledger does not have", func(t *testing.T, s store.Store) {
		require.NoError(t, s.Put(t.Context(), resultOf(30), strings.NewReader("{"), 1))
	}, []string{resultOf(30)}, "cannot be read", "put aside: the trial then counts as lost", true},
	{"a damaged state", func(t *testing.T, s store.Store) {
		overwrite(t, s, under(stateName), func(b []byte) []byte { return b[:20] })
	}, []string{under(stateName)}, "cannot be read", stateAside, false},
	{"a state with a changed digit", func(t *testing.T, s store.Store) {
		overwrite(t, s, under(stateName), func(b []byte) []byte { return bytes.Replace(b, []byte(`"segments":17`), []byte(`"segments":16`), 1) })
	}, []string{under(stateName)}, "does not name", stateAside, false},
	{"a command with a changed digit", func(t *testing.T, s store.Store) {
		overwrite(t, s, under("commands/20261130T080000.000000000Z-000001.json"), func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"number": 1`), []byte(`"number": 2`), 1)
		})
	}, []string{under("commands/20261130T080000.000000000Z-000001.json")}, "does not name", "put aside: the command log lacks this entry", false},
	{"a curve with a changed digit", func(t *testing.T, s store.Store) {
		overwrite(t, s, curveOf(1), func(b []byte) []byte { return bytes.Replace(b, []byte(`"loss":1`), []byte(`"loss":2`), 1) })
	}, []string{curveOf(1)}, "does not name", "copied from the checkpoint again", true},
	{"a curve with a changed digest", func(t *testing.T, s store.Store) {
		overwrite(t, s, curveOf(1), func(b []byte) []byte { b[20] ^= 1; return b })
	}, []string{curveOf(1)}, "does not name", "copied from the checkpoint again", true},
	{"a damaged curve of a checkpoint that was removed", func(t *testing.T, s store.Store) {
		require.NoError(t, s.Put(t.Context(), curveOf(3), strings.NewReader("{"), 1))
	}, []string{curveOf(3)}, "does not name", "", false},
	{"a damaged command", func(t *testing.T, s store.Store) {
		overwrite(t, s, under("commands/20261130T080000.000000000Z-000001.json"), func([]byte) []byte { return []byte("[]") })
	}, []string{under("commands/20261130T080000.000000000Z-000001.json")}, "cannot be read", "put aside: the command log lacks this entry", false},
	{"the last segments of a sweep that has ended", both(removing(packOf(0, 15)), removing(ledgerKey(15)), removing(ledgerKey(16))),
		[]string{ledgerKey(15), ledgerKey(16)}, "missing", "written anew from results, linked to the segment before", true},
	{"a missing copy of the spec", removing(under(yamlName)), []string{under(yamlName)}, "missing", "written anew from spec.json", true},
	{"a missing spec", removing(under(specName)), []string{under(specName)}, "missing", "", false},
	{"another spec", func(t *testing.T, s store.Store) {
		overwrite(t, s, under(specName), func(b []byte) []byte { return bytes.Replace(b, []byte(`"seed": 7`), []byte(`"seed": 8`), 1) })
	}, []string{under(specName)}, "the spec has the digest", "", false},
	{"a weight with a flipped bit", func(t *testing.T, s store.Store) { overwrite(t, s, under(model), flip) }, []string{under(filepath.Dir(model))}, "sha256", "", false},
	{"a missing weight", removing(under(model)), []string{under(filepath.Dir(model))}, "is missing", "", false},
	{"a lost checkpoint", removing(under(filepath.Dir(model) + "/MANIFEST.json")), []string{under(filepath.Dir(model))}, "which is lost", "", false},
	{"a missing grid", removing(under("trials/000001/grid.png")), []string{under("trials/000001/grid.png")}, "missing", "", false},
	{"a damaged grid", func(t *testing.T, s store.Store) { overwrite(t, s, under("trials/000001/grid.png"), flip) }, []string{under("trials/000001/grid.png")}, "damaged", "", false},
}

func both(damages ...func(*testing.T, store.Store)) func(*testing.T, store.Store) {
	return func(t *testing.T, s store.Store) {
		for _, damage := range damages {
			damage(t, s)
		}
	}
}

func TestCheckNamesAndRepairs(t *testing.T) {
	testRepairs(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}

// TestRepairsOnS3 runs against the service that TestLedgerOnS3 names.
func TestRepairsOnS3(t *testing.T) { testRepairs(t, storetest.OpenS3) }

func testRepairs(t *testing.T, open func(*testing.T) store.Store) {
	for _, c := range repairs {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			ledger := whole(t, s)
			intact := contents(t, s)
			c.damage(t, s)
			damagedNow := contents(t, s)

			checked := check(t, s, CheckOptions{})
			require.Equal(t, damagedNow, contents(t, s), "a check changes nothing")
			var keys []string
			for _, f := range faults(checked) {
				keys = append(keys, f.Key)
				require.Contains(t, f.Found, c.says)
				require.Equal(t, c.done != "", strings.Contains(f.Fix, "--repair"), "%+v", f)
			}
			require.Equal(t, c.keys, keys, "%+v", checked.Findings)

			repaired := check(t, s, CheckOptions{Repair: true})
			if c.done == "" {
				require.Empty(t, repaired.Repairs)
				require.NotEmpty(t, faults(repaired))
				return
			}
			require.Empty(t, faults(repaired), "%+v", repaired.Findings)
			require.Equal(t, c.done, repaired.Repairs[0].Done, "%+v", repaired.Repairs)
			after := contents(t, s)
			for _, r := range repaired.Repairs {
				if r.Aside != "" {
					require.Equal(t, damagedNow[r.Key], after[r.Aside], "what was damaged is kept")
					require.Contains(t, r.Aside, under("damaged/20261130T080000Z/"))
					delete(after, r.Aside)
				}
			}
			trials, err := New(s).Trials(t.Context(), name)
			require.NoError(t, err)
			require.ElementsMatch(t, numbersOf(ledger), numbersOf(trials))
			if c.exact {
				maps.DeleteFunc(after, func(_, content string) bool { return content == string(moved) })
				require.Equal(t, ledger, trials)
				require.Equal(t, intact, after)
			}
			require.NoError(t, New(s).PutResult(t.Context(), name, trialAt(20)))
			require.NoError(t, New(s).AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(20)}), "the sweep continues")
			require.Empty(t, check(t, s, CheckOptions{Repair: true}).Repairs)
		})
	}
}

// Keys that are not tailsweep's, in every folder of a sweep, break nothing.
func TestForeignKeysAreIgnored(t *testing.T) {
	s := storetest.NewMemory()
	ledger := whole(t, s)
	before := check(t, s, CheckOptions{})
	foreign := []string{
		"README", "spec.json.bak", "ledger/000016.jsonl.bak", "ledger/000017.tmp", "ledger/notes/17", "ledger/17.jsonl", "packs/000000-000015.txt", "packs/old/x", "pointers/best.json~",
		"commands/readme.txt", "commands/20261130T080001.000000000Z-000002.json.bak", "trials/readme", "trials/000001/extra.txt", "trials/x/result.json", "trials/0000021/result.json",
		"trials/000030/notes", "trials/000001/attempts/1/checkpoints/step-x/MANIFEST.json", "trials/000001/attempts/1/checkpoints/readme", "trials/000001/attempts/x/log.txt", "new-folder/of/others",
	}
	for _, key := range foreign {
		require.NoError(t, s.Put(t.Context(), under(key), strings.NewReader("{"), 1))
	}
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/README", strings.NewReader("{"), 1))
	require.NoError(t, s.Put(t.Context(), "v1/sweeps/Not A Name/spec.json", strings.NewReader("{"), 1))

	a := New(s)
	trials, err := a.Trials(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, ledger, trials)
	segments, err := a.Segments(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, 17, segments)
	_, changed, err := a.SpecVersion(t.Context(), name)
	require.NoError(t, err)
	require.False(t, changed)
	_, err = a.Overview(t.Context(), name)
	require.NoError(t, err)
	attempts, err := a.Attempts(t.Context(), name, 1)
	require.NoError(t, err)
	require.Equal(t, []int{1}, attempts)
	stored, partial, err := a.List(t.Context(), name, 1)
	require.NoError(t, err)
	require.Len(t, stored, 1)
	require.Empty(t, partial)
	_, found, err := a.Best(t.Context(), name)
	require.NoError(t, err)
	require.True(t, found)
	sweeps, err := a.Sweeps(t.Context())
	require.NoError(t, err)
	require.Len(t, sweeps, 1)
	require.NoError(t, sweeps[0].Err)
	_, err = a.Restore(t.Context(), name, here)
	require.NoError(t, err)
	require.NoError(t, a.CheckUnneeded(t.Context(), "another"))
	garbage, err := a.Garbage(t.Context(), name, running{progress: &conduct.Progress{Kept: []int{0, 1, 2}}}, GarbageOptions{Now: time.Now()})
	require.NoError(t, err)
	require.Empty(t, garbage)
	after := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, after.Repairs)
	require.Equal(t, before.Findings, after.Findings[:len(before.Findings)])
	require.Equal(t, LevelNotice, after.Findings[len(before.Findings)].Level)
	require.Contains(t, after.Findings[len(before.Findings)].Found, fmt.Sprintf("%d keys are not tailsweep's and ignored", len(foreign)))
	require.NoError(t, New(s).AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(20)}), "the sweep continues")
}

// The last segments are lost, and only the sweep knows that they were there. A trial that
// still runs has a result already: it stays out of the ledger.
func TestRepairAsksTheSweepForItsSegments(t *testing.T) {
	s := storetest.NewMemory()
	ledger := whole(t, s)
	running := trialAt(20)
	require.NoError(t, New(s).PutResult(t.Context(), name, running))
	intact := contents(t, s)
	both(removing(under(stateName)), removing(ledgerKey(15)), removing(ledgerKey(16)), removing(packOf(0, 15)))(t, s)
	delete(intact, under(stateName))
	require.Empty(t, faults(check(t, s, CheckOptions{})))
	p := &conduct.Progress{Segments: 17, Running: []conduct.Running{{Assignment: running.Assignment}}}
	require.Len(t, faults(check(t, s, CheckOptions{Progress: p})), 2)
	repaired := check(t, s, CheckOptions{Progress: p, Repair: true})
	require.Empty(t, faults(repaired), "%+v", repaired)
	require.Equal(t, intact, contents(t, s))
	trials, err := New(s).Ledger(t.Context(), name, 17)
	require.NoError(t, err)
	require.Equal(t, ledger, trials)
}

// A lost segment of which a trial has no result cannot be restored. It does not get a
// result that ended after the next segment, which the ledger may still take.
func TestRepairLeavesLaterResultsOut(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	require.NoError(t, New(s).PutResult(t.Context(), name, trialAt(20)))
	both(removing(ledgerKey(4)), removing(packOf(0, 15)))(t, s)
	repaired := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, faults(repaired), "%+v", repaired.Findings)
	require.Equal(t, "written anew from results, linked to the segment before", repaired.Repairs[0].Done)
	ledger, err := New(s).Ledger(t.Context(), name, 17)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, numbersOf(ledger))
	require.NoError(t, New(s).AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(20)}))
}

// Trials run at the same time: a segment may have trials that ended after those of the next
// segment, and in another order than they ended.
func TestRepairRestoresSegmentsOfConcurrentTrials(t *testing.T) {
	for what, c := range map[string]struct {
		ends map[int]int
		lost []int
	}{
		"after the next segment":      {map[int]int{3: 30}, []int{3}},
		"after two, both lost":        {map[int]int{3: 30, 9: 31}, []int{3, 6}},
		"the later lost segment last": {map[int]int{3: 31, 9: 30}, []int{3, 6}},
		"the first of all":            {map[int]int{0: 30}, []int{0}},
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			ledger := wholeWith(t, s, conduct.State{Phase: conduct.PhaseCompleted, Segments: 17}, c.ends)
			intact := contents(t, s)
			removing(packOf(0, 15))(t, s)
			for _, seg := range c.lost {
				removing(ledgerKey(seg))(t, s)
			}
			repaired := check(t, s, CheckOptions{Repair: true})
			require.Empty(t, faults(repaired), "%+v", repaired.Findings)
			require.Equal(t, "restored byte for byte from results", repaired.Repairs[0].Done)
			require.Equal(t, intact, contents(t, s))
			trials, err := New(s).Ledger(t.Context(), name, 17)
			require.NoError(t, err)
			require.Equal(t, ledger, trials)
		})
	}
}

func TestArrangements(t *testing.T) {
	pool := []sweep.Trial{aTrial(0), aTrial(1), aTrial(2)}
	var all []string
	for trials := range arrangements(pool) {
		all = append(all, fmt.Sprint(numbersOf(trials)))
	}
	require.Equal(t, []string{"[0]", "[0 1]", "[0 1 2]", "[1]", "[2]", "[1 2]"}, all[:6])
	require.Subset(t, all, []string{"[0 2]", "[2 0]", "[2 1]", "[2 1 0]", "[1 2 0]"})
	for n := range 400 {
		pool = append(pool, aTrial(3+n))
	}
	tries := 0
	for range arrangements(pool) {
		tries++
	}
	require.Equal(t, len(pool)+mostTries, tries)
}

// The segment of trials 4 to 7 is lost. It cannot be restored byte for byte, since trial 5 has
// no result. Trial 6 ended after the next segment, but the sweep counts it.
func TestRepairKeepsWhatTheSweepCounts(t *testing.T) {
	ended := checkedAt
	for what, c := range map[string]struct {
		st       conduct.State
		progress *conduct.Progress
	}{
		"the state":                          {st: conduct.State{Phase: conduct.PhaseCompleted, Segments: 17, Watermark: 20}},
		"the state, out of order":            {st: conduct.State{Phase: conduct.PhaseRunning, Segments: 17, Watermark: 4, Ahead: []int{5, 6}}},
		"the workflow":                       {st: conduct.State{Phase: conduct.PhaseRunning, Segments: 17}, progress: &conduct.Progress{Segments: 17, Finished: 20}},
		"the workflow of a sweep that ended": {st: conduct.State{Phase: conduct.PhaseRunning, Segments: 17}, progress: &conduct.Progress{Segments: 17, Finished: 20, EndedAt: &ended}},
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			wholeWith(t, s, c.st, map[int]int{6: 30})
			both(removing(packOf(0, 15)), removing(ledgerKey(4)))(t, s)
			repaired := check(t, s, CheckOptions{Repair: true, Progress: c.progress})
			ledger, err := New(s).Ledger(t.Context(), name, 17)
			require.NoError(t, err)
			require.ElementsMatch(t, []int{0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, numbersOf(ledger))
			found := faults(repaired)
			require.Len(t, found, 1, "%+v", repaired.Findings)
			require.Equal(t, "the ledger does not have trial 5, which the sweep counts as finished", found[0].Found)
			require.Contains(t, found[0].Fix, "without a result")
		})
	}
}

// The ledger is intact, but lacks a trial that the sweep counts.
func TestALedgerWithoutATrialThatTheSweepCountsIsAFault(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	require.NoError(t, New(s).PutResult(t.Context(), name, trialAt(20)))
	require.Empty(t, faults(check(t, s, CheckOptions{})))
	running := &conduct.Progress{Segments: 17, Finished: 21}
	found := faults(check(t, s, CheckOptions{Repair: true, Progress: running}))
	require.Len(t, found, 1)
	require.Equal(t, "the ledger does not have trial 20, which the sweep counts as finished", found[0].Found)
	require.Contains(t, found[0].Fix, "tailsweep stop "+name)

	state, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Segments: 17, Watermark: 21})
	require.NoError(t, err)
	require.NoError(t, New(s).PutState(t.Context(), name, state))
	require.Len(t, faults(check(t, s, CheckOptions{})), 1)
	repaired := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, faults(repaired), "%+v", repaired.Findings)
	require.Equal(t, "written from the results of trial 20", repaired.Repairs[0].Done)
	ledger, err := New(s).Ledger(t.Context(), name, 18)
	require.NoError(t, err)
	require.Equal(t, trialAt(20), ledger[20])
}

// A repair that is killed at any write is completed by the next one.
func TestRepairSurvivesAKill(t *testing.T) {
	for kill := range 100 {
		s := newCrashing()
		whole(t, s)
		both(flipping(3, 300), flipping(16, 300), removing(packOf(0, 15)), removing(under(bestName)),
			rewriting(4, func(b []byte) []byte { return bytes.Replace(b, []byte("gone"), []byte("gane"), 1) }))(t, s)
		lost := contents(t, s)
		s.left = kill
		_, err := New(s).Check(t.Context(), name, CheckOptions{Repair: true, Now: checkedAt})
		died := err != nil
		s.left = -1
		require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
		after := contents(t, s)
		for _, seg := range []int{3, 4, 16} {
			kept := false
			for key, content := range after {
				kept = kept || strings.Contains(key, "/damaged/") && content == lost[ledgerKey(seg)]
			}
			require.True(t, kept, "segment %d is not kept", seg)
		}
		if !died {
			require.Greater(t, kill, 10)
			return
		}
	}
	t.Fatal("the repair has no end")
}

// bare is a fake of versitygw on files that lost their extended attributes: until they are
// put again, the objects have no ETag, and nothing counts as existing.
type bare struct {
	*storetest.Memory
	keys map[string]bool
}

func (b bare) strip(info store.Info) store.Info {
	if b.keys[info.Key] {
		info.ETag = ""
	}
	return info
}

func (b bare) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	r, info, err := b.Memory.Get(ctx, key)
	return r, b.strip(info), err
}

func (b bare) Stat(ctx context.Context, key string) (store.Info, error) {
	info, err := b.Memory.Stat(ctx, key)
	return b.strip(info), err
}

func (b bare) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for info, err := range b.Memory.List(ctx, prefix) {
			if !yield(b.strip(info), err) {
				return
			}
		}
	}
}

func (b bare) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	delete(b.keys, key)
	return b.Memory.Put(ctx, key, body, size)
}

func (b bare) PutIfAbsent(ctx context.Context, key string, body []byte) (string, error) {
	if b.keys[key] {
		return "", b.Put(ctx, key, bytes.NewReader(body), int64(len(body)))
	}
	return b.Memory.PutIfAbsent(ctx, key, body)
}

func (b bare) Delete(ctx context.Context, key string) error {
	delete(b.keys, key)
	return b.Memory.Delete(ctx, key)
}

// Seen on versitygw: an object whose file was copied without its extended attributes is
// overwritten by a put with If-None-Match.
func TestObjectsWithoutETag(t *testing.T) {
	s := bare{storetest.NewMemory(), map[string]bool{}}
	a := New(s)
	whole(t, s)
	intact := contents(t, s)
	for _, key := range objects(t, s) {
		s.keys[key] = true
	}
	for _, writer := range []*Archive{a, New(s)} {
		err := writer.AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(20)})
		require.ErrorContains(t, err, "copied without their extended attributes")
		require.Equal(t, block.LedgerDamaged, activities.BlockReason(err))
	}
	trials, err := New(s).Trials(t.Context(), name)
	require.NoError(t, err, "reading is safe: the digests are right")
	require.Len(t, trials, 20)
	found := faults(check(t, s, CheckOptions{}))
	require.Len(t, found, 1)
	require.Contains(t, found[0].Found, fmt.Sprintf("%d objects have no ETag", len(intact)))
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
	require.Equal(t, intact, contents(t, s))
	for _, writer := range []*Archive{a, New(s)} {
		require.NoError(t, writer.AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(20)}))
	}
}

// vanishing is a store from which an object is removed just before it is read.
type vanishing struct {
	*storetest.Memory
	key string
}

func (v vanishing) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	if key == v.key {
		if err := v.Delete(ctx, key); err != nil {
			return nil, store.Info{}, err
		}
	}
	return v.Memory.Get(ctx, key)
}

// A sweep that runs removes checkpoints while they are checked. That is neither a fault nor
// the absence of the sweep.
func TestACheckpointMayBeRemovedWhileItIsChecked(t *testing.T) {
	for _, file := range []string{checkpoint.ManifestName, checkpoint.ModelName} {
		s := vanishing{Memory: storetest.NewMemory()}
		whole(t, s)
		for _, key := range objects(t, s) {
			if strings.HasSuffix(key, "/"+file) {
				s.key = key
			}
		}
		require.NotEmpty(t, s.key)
		checked := check(t, s, CheckOptions{})
		require.Empty(t, faults(checked), file)
		require.True(t, slices.ContainsFunc(checked.Findings, func(f Finding) bool {
			return strings.HasPrefix(f.Found, "1 checkpoint has no manifest")
		}), "%s: %+v", file, checked.Findings)
	}
}

// overtaken is a bare store in which a sweep writes after an object was read.
type overtaken struct {
	bare
	key   string
	write func()
}

func (o overtaken) Get(ctx context.Context, key string) (io.ReadCloser, store.Info, error) {
	r, info, err := o.bare.Get(ctx, key)
	if key == o.key {
		o.write()
	}
	return r, info, err
}

func TestStoringAgainOverwritesNothingThatIsWrittenMeanwhile(t *testing.T) {
	s := overtaken{bare{storetest.NewMemory(), map[string]bool{}}, under(stateName), func() {}}
	whole(t, s)
	s.keys[under(stateName)] = true
	next, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Segments: 17})
	require.NoError(t, err)
	reads := 0
	s.write = func() {
		if reads++; reads == 2 { // the first is that of the check
			require.NoError(t, New(s.bare).PutState(t.Context(), name, next))
		}
	}
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
	require.Greater(t, reads, 1)
	st, err := New(s.bare).state(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseStopped, st.Phase)
}

func TestPutBestKeepsTheGenerationThatIsWrittenMeanwhile(t *testing.T) {
	s := overtaken{bare{storetest.NewMemory(), map[string]bool{}}, under(bestName), nil}
	require.NoError(t, New(s.bare).PutBest(t.Context(), name, []int{1}, []sweep.Trial{aTrial(1)}))
	s.keys[under(bestName)] = true
	reads := 0
	s.write = func() {
		if reads++; reads == 1 {
			require.NoError(t, New(s.bare).PutBest(t.Context(), name, []int{2}, []sweep.Trial{aTrial(2)}))
		}
	}
	require.NoError(t, New(s).PutBest(t.Context(), name, []int{3}, []sweep.Trial{aTrial(3)}))
	best, _, err := New(s.bare).Best(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, Best{Generation: 3, Trials: []sweep.Trial{aTrial(3)}}, best)
}

func TestPutBestReplacesADamagedPointer(t *testing.T) {
	for what, content := range map[string]string{"not JSON": "{", "empty": "", "too large": strings.Repeat(" ", maxPointer+1), "another type": "[]"} {
		for _, s := range []store.Store{storetest.NewMemory(), bare{storetest.NewMemory(), map[string]bool{}}} {
			require.NoError(t, s.Put(t.Context(), under(bestName), strings.NewReader(content), int64(len(content))))
			if b, ok := s.(bare); ok {
				b.keys[under(bestName)] = true
			}
			require.NoError(t, New(s).PutBest(t.Context(), name, []int{1}, []sweep.Trial{aTrial(1)}), what)
			best, ok, err := New(s).Best(t.Context(), name)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, Best{Generation: 1, Trials: []sweep.Trial{aTrial(1)}}, best)
		}
	}
}

// A sweep that was reset to before an edit has set the gates of a result that comes from
// after it.
func TestCheckTakesTheGatesOfTheLedger(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	gated := trialAt(20)
	gated.Gates = []string{"too large"}
	require.NoError(t, New(s).PutResult(t.Context(), name, gated))
	gated.Gates = nil
	require.NoError(t, New(s).AppendSegment(t.Context(), name, 17, []sweep.Trial{gated}))
	require.NotContains(t, fmt.Sprint(check(t, s, CheckOptions{}).Findings), "trial 20")
}

// After a change of the spec the ledger has gates that the result does not have, and the
// spec in force ranks the trials.
func TestCheckUsesTheSpecInForce(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	spec := *aSpec()
	spec.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Maximize}}
	state, err := json.Marshal(conduct.State{Phase: conduct.PhaseRunning, Segments: 17, Spec: &spec})
	require.NoError(t, err)
	require.NoError(t, New(s).PutState(t.Context(), name, state))
	gated := trialAt(20)
	require.NoError(t, New(s).PutResult(t.Context(), name, gated))
	gated.Gates = []string{"too large"}
	require.NoError(t, New(s).AppendSegment(t.Context(), name, 17, []sweep.Trial{gated}))
	require.NoError(t, s.Delete(t.Context(), under(bestName)))
	repaired := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, faults(repaired), "%+v", repaired.Findings)
	require.Equal(t, "points at the trials 2, 1", repaired.Repairs[0].Done)
	require.Len(t, repaired.Repairs, 1)
}

// Without its state a sweep continues with the spec in force, the end and the numbers of its
// command log, not as it was submitted.
func TestARepairedStateIsThatOfTheCommandLog(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	a := New(s)
	spec, err := a.Spec(t.Context(), name)
	require.NoError(t, err)
	extended := *spec
	extended.Budget.RunCap = spec.Budget.RunCap + 7
	for i, e := range []conduct.CommandEntry{
		{Command: conduct.EntryEnd, Change: string(conduct.PhaseCompleted)},
		{Command: conduct.CommandExtend, Spec: &extended},
		{Command: conduct.CommandEdit, Refused: "no"},
		{Command: conduct.CommandStop},
		{Command: conduct.EntryEnd, Change: string(conduct.PhaseStopped), Reason: "stop by ann"},
		{Command: conduct.CommandPin},
	} {
		e.Number, e.At = 2+i, checkedAt.Add(time.Duration(1+i)*time.Minute)
		require.NoError(t, a.PutCommandEntry(t.Context(), name, e))
	}
	overwrite(t, s, under(stateName), func(b []byte) []byte { return bytes.Replace(b, []byte(`"segments":17`), []byte(`"segments":16`), 1) })
	_, err = a.Restore(t.Context(), name, here)
	require.ErrorAs(t, err, new(*DamagedError))
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))

	restored, err := a.Restore(t.Context(), name, here)
	require.NoError(t, err)
	st := restored.State
	require.Equal(t, extended.Budget, st.Spec.Budget)
	require.Equal(t, conduct.PhaseStopped, st.Phase)
	require.Equal(t, "stop by ann", st.Message)
	require.Equal(t, checkedAt.Add(5*time.Minute), *st.EndedAt)
	require.Equal(t, 7, st.Entries)
	require.Len(t, st.CommandLog, 7)
	require.Nil(t, st.CommandLog[2].Spec)
	require.Equal(t, 20, st.Watermark)
	require.Equal(t, time.Minute, st.Idle, "from its end to the command that extended it")
	p, err := a.Progress(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, conduct.PhaseStopped, p.Phase)
	require.Equal(t, st.EndedAt, p.EndedAt)
	require.Equal(t, "stop by ann", p.Message)
	inForce, err := a.Spec(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, extended.Budget, inForce.Budget)
}

// meanwhile is a store in which a sweep writes at a step of a repair.
type meanwhile struct {
	store.Store
	kept, replaced func() // after the copy of a damaged object was stored; after the object was replaced
}

func (m meanwhile) Put(ctx context.Context, key string, body io.Reader, size int64) error {
	err := m.Store.Put(ctx, key, body, size)
	if strings.Contains(key, damagedFolder) && m.kept != nil {
		m.kept()
	}
	return err
}

func (m meanwhile) Replace(ctx context.Context, key string, body []byte, etag string) (string, error) {
	etag, err := m.Store.Replace(ctx, key, body, etag)
	if m.replaced != nil {
		m.replaced()
	}
	return etag, err
}

// A result and a state that are written while a repair puts their damaged predecessors aside
// stay.
func TestARepairRemovesNothingThatIsWrittenMeanwhile(t *testing.T) {
	for what, hook := range map[string]func(m *meanwhile, write func()){
		"before it is replaced": func(m *meanwhile, write func()) { m.kept = write },
		"after it is replaced":  func(m *meanwhile, write func()) { m.replaced = write },
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			whole(t, s)
			require.NoError(t, s.Put(t.Context(), resultOf(30), strings.NewReader("{"), 1))
			overwrite(t, s, under(stateName), flip)
			state, err := json.Marshal(conduct.State{Phase: conduct.PhaseStopped, Segments: 17})
			require.NoError(t, err)
			m, writes := meanwhile{Store: s}, 0
			hook(&m, func() {
				if writes++; writes == 1 {
					require.NoError(t, New(s).PutResult(t.Context(), name, trialAt(30)))
					require.NoError(t, New(s).PutState(t.Context(), name, state))
				}
			})
			checked := check(t, m, CheckOptions{Repair: true})
			require.Positive(t, writes)
			require.Empty(t, faults(checked), "%+v", checked.Findings)
			result, ok, err := New(s).Result(t.Context(), name, 30)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, trialAt(30), result)
			st, err := New(s).state(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, conduct.PhaseStopped, st.Phase)
			for _, r := range checked.Repairs {
				require.Contains(t, objects(t, s), r.Aside)
			}
			if what == "before it is replaced" {
				require.Empty(t, checked.Repairs)
				require.NotContains(t, strings.Join(objects(t, s), " "), damagedFolder)
			}
		})
	}
}

// A pointer that a sweep replaces while a repair keeps its damaged predecessor stays.
func TestARepairOverwritesNothingThatIsWrittenMeanwhile(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	overwrite(t, s, under(bestName), func([]byte) []byte { return []byte("{") })
	written := []sweep.Trial{trialAt(4)}
	m, writes := meanwhile{Store: s}, 0
	m.kept = func() {
		if writes++; writes == 1 {
			require.NoError(t, New(s).PutBest(t.Context(), name, []int{4}, written))
		}
	}
	_, err := New(m).Check(t.Context(), name, CheckOptions{Now: checkedAt, ReadData: true, Repair: true})
	require.ErrorIs(t, err, store.ErrChanged)
	require.Equal(t, 1, writes)
	best, _, err := New(s).Best(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, []int{4}, numbersIn(best.Trials))
}

// What a repair has put aside counts as absent, and can be written again.
func TestWhatIsPutAsideIsAbsent(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	a := New(s)
	require.NoError(t, s.Put(t.Context(), resultOf(30), strings.NewReader("{"), 1))
	entry := under("commands/20261130T080000.000000000Z-000001.json")
	for _, key := range []string{under(stateName), entry} {
		overwrite(t, s, key, flip)
	}
	log := []byte("a line\n")
	require.NoError(t, s.Put(t.Context(), under("trials/000030/attempts/1/log.txt"), bytes.NewReader(log), int64(len(log))))
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
	_, ok, err := a.Result(t.Context(), name, 30)
	require.NoError(t, err)
	require.False(t, ok)
	trials, err := a.Trials(t.Context(), name)
	require.NoError(t, err)
	require.Len(t, trials, 20)
	st, err := a.state(t.Context(), name)
	require.NoError(t, err)
	require.Nil(t, st)
	garbage, err := a.Garbage(t.Context(), name, running{progress: &conduct.Progress{Kept: []int{0, 1, 2}}}, GarbageOptions{Now: time.Now(), PinsComplete: true})
	require.NoError(t, err)
	require.Len(t, garbage, 1, "the log of a trial without a result")
	again := check(t, s, CheckOptions{Repair: true})
	require.Empty(t, again.Repairs)
	require.NotContains(t, fmt.Sprint(again.Findings), "trials 30")

	require.NoError(t, a.PutCommandEntry(t.Context(), name, conduct.CommandEntry{Number: 1, At: checkedAt}))
	require.NoError(t, a.AppendSegment(t.Context(), name, 17, []sweep.Trial{trialAt(30)}))
	found := faults(check(t, s, CheckOptions{}))
	require.Len(t, found, 1)
	require.Equal(t, "it is missing", found[0].Found)
	require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
	_, ok, err = a.Result(t.Context(), name, 30)
	require.NoError(t, err)
	require.True(t, ok)
}

// Without the state, the pointer is ranked by the last spec of the command log; if that may be
// lost, it is not rebuilt.
func TestCheckRanksByTheSpecOfTheCommandLog(t *testing.T) {
	edited := *aSpec()
	edited.Metrics = []sweep.Objective{{Name: "fid.tail", Goal: sweep.Maximize}}
	entry := func(n int) string { return under(fmt.Sprintf("commands/20261130T08%02d00.000000000Z-%06d.json", n, n)) }
	for what, c := range map[string]struct {
		damage func(*testing.T, store.Store)
		lacks  string
	}{
		"intact":                    {func(*testing.T, store.Store) {}, ""},
		"an earlier entry is lost":  {removing(entry(2)), ""},
		"the edit is damaged":       {func(t *testing.T, s store.Store) { overwrite(t, s, entry(3), flip) }, "entry 3"},
		"the edit is missing":       {removing(entry(3)), "entry 3"},
		"a later entry is damaged":  {func(t *testing.T, s store.Store) { overwrite(t, s, entry(4), flip) }, "entry 4"},
		"an earlier one is damaged": {func(t *testing.T, s store.Store) { overwrite(t, s, entry(2), flip) }, ""},
		"all after the first damaged": {func(t *testing.T, s store.Store) {
			for n := 2; n <= 4; n++ {
				overwrite(t, s, entry(n), flip)
			}
		}, "entry 2, entry 3, entry 4"},
	} {
		t.Run(what, func(t *testing.T) {
			s := storetest.NewMemory()
			whole(t, s)
			for n, e := range map[int]conduct.CommandEntry{2: {Command: conduct.CommandPause}, 3: {Command: conduct.CommandEdit, Spec: &edited}, 4: {Command: conduct.CommandResume}} {
				e.Number, e.At = n, checkedAt.Add(time.Duration(n)*time.Minute)
				require.NoError(t, New(s).PutCommandEntry(t.Context(), name, e))
			}
			require.NoError(t, s.Delete(t.Context(), under(bestName)))
			overwrite(t, s, under(stateName), flip)
			c.damage(t, s)
			for range 2 {
				checked := check(t, s, CheckOptions{Repair: true})
				best, ok, err := New(s).Best(t.Context(), name)
				require.NoError(t, err)
				if c.lacks == "" {
					require.Empty(t, faults(checked), "%+v", checked.Findings)
					require.Equal(t, []int{2, 1}, numbersOf(best.Trials))
					continue
				}
				require.False(t, ok, "%+v", checked)
				found := faults(checked)
				require.Len(t, found, 1)
				require.Equal(t, "it is missing; it cannot be rebuilt, since the spec that ranks the trials is not known: the command log lacks "+c.lacks, found[0].Found)
				require.Contains(t, fmt.Sprint(checked.Findings), "which spec is in force is not known")
			}
			state, err := json.Marshal(conduct.State{Phase: conduct.PhaseRunning, Segments: 17, Spec: &edited})
			require.NoError(t, err)
			require.NoError(t, New(s).PutState(t.Context(), name, state))
			require.Empty(t, faults(check(t, s, CheckOptions{Repair: true})))
			best, _, err := New(s).Best(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, []int{2, 1}, numbersOf(best.Trials))
		})
	}
}

// The loss curve of a trial that ended before its first step is empty.
func TestAnEmptyCurveIsNotDamage(t *testing.T) {
	s := storetest.NewMemory()
	whole(t, s)
	n := 0
	for _, key := range objects(t, s) {
		if strings.HasSuffix(key, "/attempts/1/"+checkpoint.CurveName) {
			require.NoError(t, New(s).object(key, nil).put(t.Context(), seal(digestOf(nil), nil)))
			n++
		}
	}
	require.Positive(t, n)
	require.Empty(t, faults(check(t, s, CheckOptions{})))
}
