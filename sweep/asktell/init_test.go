package asktell

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tailsweep/tailsweep/sweep"
)

// An invalid space is refused before it reaches a sampler.
func TestInitRefuses(t *testing.T) {
	for name, c := range map[string]struct{ fields, says string }{
		"no space":            {``, "space: want 1 to 200 parameters, got 0"},
		"no parameter":        {`"space":[]`, "space: want 1 to 200 parameters, got 0"},
		"space is no list":    {`"space":{}`, "space: want an array"},
		"parameter, a word":   {`"space":["x"]`, "space[0]: want a JSON object"},
		"no name":             {`"space":[{"type":"float","low":0,"high":1}]`, "space[0].name"},
		"no type":             {`"space":[{"name":"x","low":0,"high":1}]`, `space[0].type: unknown type "" (valid: float, int, cat, ordinal, const)`},
		"unknown type":        {`"space":[{"name":"x","type":"real","low":0,"high":1}]`, `unknown type "real"`},
		"unknown field":       {`"space":[{"name":"x","type":"float","low":0,"hihg":1}]`, "space[0].hihg: unknown field (valid: name, type, low,"},
		"and one missing":     {`"space":[{"name":"x","type":"float","low":0,"hihg":1}]`, "; space[0].high: is missing"},
		"another field":       {`"space":[{"name":"x","type":"float","low":0,"high":1,"lo":1}]`, "space[0].lo: unknown field (valid: name, type, low,"},
		"empty range":         {`"space":[{"name":"x","type":"float","low":1,"high":1}]`, "space[0].low: 1 is not below high, 1"},
		"upside down":         {`"space":[{"name":"x","type":"int","low":3,"high":1}]`, "3 is not below high, 1"},
		"endless":             {`"space":[{"name":"x","type":"float","low":-1e308,"high":1e308}]`, "space[0].high: 1e+308 is too far"},
		"a word for a bound":  {`"space":[{"name":"x","type":"float","low":"0","high":1}]`, `space[0].low: want a finite number, got "0"`},
		"log from 0":          {`"space":[{"name":"x","type":"float","low":0,"high":1,"log":true}]`, "space[0].low: 0: log needs low above 0"},
		"log of a number":     {`"space":[{"name":"x","type":"float","low":1,"high":2,"log":1}]`, "space[0].log: want true or false, got 1"},
		"zero is 1":           {`"space":[{"name":"x","type":"float","low":1,"high":2,"zero":1}]`, "space[0].zero: 1 is not a probability"},
		"zero below 0":        {`"space":[{"name":"x","type":"float","low":1,"high":2,"zero":-0.1}]`, "space[0].zero: -0.1"},
		"zero twice":          {`"space":[{"name":"x","type":"float","low":-1,"high":2,"zero":0.1}]`, "space[0].zero: needs low above 0"},
		"half an int":         {`"space":[{"name":"x","type":"int","low":0.5,"high":2}]`, "type int takes integers"},
		"ints without end":    {`"space":[{"name":"x","type":"int","low":0,"high":1e9}]`, "more than 1000000 values"},
		"tiny steps":          {`"space":[{"name":"x","type":"float","low":0,"high":1,"step":1e-9}]`, "more than 1000000 values"},
		"step 0":              {`"space":[{"name":"x","type":"float","low":0,"high":1,"step":0}]`, "space[0].step: 0 is not above 0"},
		"long step":           {`"space":[{"name":"x","type":"float","low":0,"high":1,"q":2}]`, "space[0].q: 2 is not above 0 and at most high - low = 1"},
		"two steps":           {`"space":[{"name":"x","type":"float","low":0,"high":1,"q":0.5,"step":0.5}]`, "another name of step"},
		"half a step of ints": {`"space":[{"name":"x","type":"int","low":0,"high":4,"step":1.5}]`, "space[0].step: 1.5"},
		"mu alone":            {`"space":[{"name":"x","type":"float","low":0,"high":4,"mu":1}]`, "space[0].sigma: is missing: mu goes with it"},
		"not a number":        {`"space":[{"name":"x","type":"float","low":NaN,"high":4}]`, "not JSON: invalid character 'N' looking for beginning of value; JSON has finite numbers only"},
		"when with a space":   {`"space":[{"name":"a b","type":"float","low":0,"high":4},{"name":"c","type":"float","low":0,"high":4,"when":"a  b > 1"}]`, `space[1].when: "a  b > 1" names no parameter (valid: a b, c)`},
		"sigma alone":         {`"space":[{"name":"x","type":"float","low":0,"high":4,"sigma":1}]`, "space[0].mu: is missing"},
		"sigma 0":             {`"space":[{"name":"x","type":"float","low":0,"high":4,"mu":1,"sigma":0}]`, "space[0].sigma: 0 is not above 0"},
		"normal in steps":     {`"space":[{"name":"x","type":"float","low":0,"high":4,"mu":1,"sigma":1,"step":1}]`, "space[0].step: does not go with mu"},
		"a far normal":        {`"space":[{"name":"x","type":"float","low":0,"high":1,"mu":9,"sigma":1}]`, "space[0].mu: 9 with sigma 1 leaves less than 0.001"},
		"a flat normal":       {`"space":[{"name":"x","type":"float","low":0,"high":1,"mu":0.5,"sigma":1e6}]`, "leaves less than 0.001"},
		"log steps at 0":      {`"space":[{"name":"x","type":"int","low":2,"high":64,"step":4,"log":true}]`, "space[0].step: 4: with log it has to be below twice low, 2"},
		"steps beyond digits": {`"space":[{"name":"x","type":"float","low":1e9,"high":1000000001,"step":1e-5}]`, "space[0].step: 1e-05 is too small"},
		"great ints":          {`"space":[{"name":"x","type":"int","low":1e13,"high":10000000000009}]`, "integers up to 1e12"},
		"normal ints":         {`"space":[{"name":"x","type":"int","low":0,"high":4,"mu":1,"sigma":1}]`, "space[0].mu: does not go with type int"},
		"bounds of words":     {`"space":[{"name":"x","type":"cat","choices":["a"],"low":1}]`, "space[0].low: does not go with type cat (valid: choices)"},
		"no choices":          {`"space":[{"name":"x","type":"cat"}]`, "space[0].choices: want 1 to 1000"},
		"empty choices":       {`"space":[{"name":"x","type":"ordinal","choices":[]}]`, "space[0].choices"},
		"a choice twice":      {`"space":[{"name":"x","type":"cat","choices":[1,2,1.0]}]`, "space[0].choices[2]: 1.0 occurs twice"},
		"an empty choice":     {`"space":[{"name":"x","type":"cat","choices":["a",""]}]`, "space[0].choices[1]"},
		"a truth to choose":   {`"space":[{"name":"x","type":"cat","choices":[true]}]`, "space[0].choices[0]: want a number or a string that is not empty, got true"},
		"a constant nothing":  {`"space":[{"name":"x","type":"const"}]`, "space[0].value: want a number or a string that is not empty, got nothing"},
		"a name twice":        {`"space":[{"name":"x","type":"const","value":1},{"name":"x","type":"const","value":2}]`, `space[1].name: "x" occurs twice`},
		"when of nothing":     {`"space":[{"name":"x","type":"const","value":1,"when":"y > 1"}]`, `"y > 1" names no parameter (valid: x)`},
		"when, broken":        {`"space":[{"name":"x","type":"const","value":1,"when":"y"}]`, `space[0].when: "y": no operator`},
		"when of itself":      {`"space":[{"name":"x","type":"float","low":0,"high":1,"when":"x > 1"}]`, "go in a circle"},
		"when in a circle":    {`"space":[{"name":"x","type":"float","low":0,"high":1,"when":"y > 1"},{"name":"y","type":"float","low":0,"high":1,"when":"x > 1"}]`, "go in a circle"},
		"when never":          {`"space":[{"name":"x","type":"cat","choices":["a","b"]},{"name":"y","type":"const","value":1,"when":"x == c"}]`, "x is never c"},
		"when a number":       {`"space":[{"name":"x","type":"float","low":0,"high":1},{"name":"y","type":"const","value":1,"when":"x == c"}]`, "x is never c"},
		"no objective":        {`"space":[{"name":"x","type":"const","value":1}],"nobj":0`, "nobj: want an integer from 1 to 8, got 0"},
		"many objectives":     {`"space":[{"name":"x","type":"const","value":1}],"nobj":9`, "nobj: want an integer from 1 to 8, got 9"},
		"half a constraint":   {`"space":[{"name":"x","type":"const","value":1}],"ncon":0.5`, "ncon: want an integer from 0 to 8, got 0.5"},
		"unknown method":      {`"space":[{"name":"x","type":"const","value":1}],"method":"anneal"`, `method: unknown method "anneal" (valid: grid, random, `},
		"a seed below 0":      {`"space":[{"name":"x","type":"const","value":1}],"seed":-1`, "seed: want an integer from 0"},
		"noise as a word":     {`"space":[{"name":"x","type":"const","value":1}],"noisy":"no"`, `noisy: want true or false, got "no"`},
		"an endless grid":     {`"space":[{"name":"x","type":"float","low":0,"high":1}],"method":"grid"`, "space[0].count: method grid needs"},
		"a vast grid":         {`"space":[{"name":"x","type":"int","low":0,"high":999},{"name":"y","type":"int","low":0,"high":999}],"method":"grid"`, "a grid of more than 100000 points"},
	} {
		t.Run(name, func(t *testing.T) {
			line := `{"op":"init"`
			if c.fields != "" {
				line += "," + c.fields
			}
			answer := talk(t, line+"}")
			require.Len(t, answer, 1)
			var r reply
			require.NoError(t, json.Unmarshal([]byte(answer[0]), &r))
			require.Contains(t, r.Error, c.says)
			require.False(t, r.OK)
		})
	}
}

// TestTypes has every distribution that a type can become.
func TestTypes(t *testing.T) {
	for text, want := range map[string]sweep.Parameter{
		`"type":"float","low":0,"high":1`:                                  {Distribution: sweep.DistUniform, Max: 1},
		`"type":"float","low":1,"high":2,"log":true,"zero":0.1`:            {Distribution: sweep.DistLogUniform, Min: 1, Max: 2, Zero: 0.1},
		`"type":"float","low":0,"high":1,"q":0.5,"log":false,"zero":0`:     {Distribution: sweep.DistQUniform, Max: 1, Q: 0.5},
		`"type":"float","low":0.5,"high":2,"step":0.5,"log":true`:          {Distribution: sweep.DistQLogUniform, Min: 0.5, Max: 2, Q: 0.5},
		`"type":"float","low":0,"high":1,"mu":0.5,"sigma":2`:               {Distribution: sweep.DistNormal, Max: 1, Mu: 0.5, Sigma: 2},
		`"type":"float","low":0.1,"high":1,"mu":-1,"sigma":2,"log":true`:   {Distribution: sweep.DistLogNormal, Min: 0.1, Max: 1, Mu: -1, Sigma: 2},
		`"type":"int","low":-1,"high":4,"choices":null,"count":3`:          {Distribution: sweep.DistIntUniform, Min: -1, Max: 4, Count: 3},
		`"type":"int","low":1,"high":64,"log":true,"zero":0.1`:             {Distribution: sweep.DistQLogUniform, Min: 1, Max: 64, Q: 1, Zero: 0.1},
		`"type":"int","low":0,"high":64,"step":16`:                         {Distribution: sweep.DistQUniform, Max: 64, Q: 16},
		`"type":"cat","choices":[1,"1"],"log":false,"zero":0`:              {Distribution: sweep.DistCategorical, Values: []sweep.Value{sweep.Number(1), sweep.Word("1")}},
		`"type":"ordinal","choices":["s","m"]`:                             {Distribution: sweep.DistOrdinal, Values: []sweep.Value{sweep.Word("s"), sweep.Word("m")}},
		`"type":"float","low":-0.0,"high":1,"when":"x > 2"`:                {Distribution: sweep.DistUniform, Max: 1, When: &sweep.Condition{Param: "x", Op: ">", Value: sweep.Number(2)}},
		`"type":"float","low":1e-300,"high":1e300,"log":true,"name":"y z"`: {Name: "y z", Distribution: sweep.DistLogUniform, Min: 1e-300, Max: 1e300},
	} {
		if want.Name == "" {
			want.Name, text = "y", text+`,"name":"y"`
		}
		got, err := readSpace([]json.RawMessage{json.RawMessage(`{"name":"x","type":"float","low":0,"high":9}`), json.RawMessage("{" + text + "}")})
		require.NoError(t, err, text)
		require.Equal(t, want, got[1], text)
	}
}
