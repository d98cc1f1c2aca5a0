package checkpoint

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const digest = "9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"

func TestParseManifestRefuses(t *testing.T) {
	file := func(path string) string { return `{"path":"` + path + `","size":1,"sha256":"` + digest + `"}` }
	many := strings.Repeat(file("a")+",", MaxFiles) + file("b")
	for name, test := range map[string]struct{ in, want string }{
		"not json":        {`step 1`, "invalid character"},
		"empty":           {``, "unexpected end"},
		"two values":      {`{"version":1,"files":[` + file("a") + `]} {}`, "after top-level value"},
		"version":         {`{"version":2,"files":[` + file("a") + `]}`, "has version 2"},
		"no files":        {`{"version":1}`, "lists no files"},
		"too many":        {`{"version":1,"files":[` + many + `]}`, fmt.Sprintf("%d files", MaxFiles+1)},
		"negative step":   {`{"version":1,"step":-1,"files":[` + file("a") + `]}`, "negative"},
		"parent":          {`{"version":1,"files":[` + file("../a") + `]}`, `"../a"`},
		"absolute":        {`{"version":1,"files":[` + file("/etc/passwd") + `]}`, `"/etc/passwd"`},
		"hidden parent":   {`{"version":1,"files":[` + file("a/../../b") + `]}`, "cannot be a file"},
		"backslash":       {`{"version":1,"files":[` + file(`a\\b`) + `]}`, "only letters"},
		"itself":          {`{"version":1,"files":[` + file("MANIFEST.json") + `]}`, "cannot be a file"},
		"twice":           {`{"version":1,"files":[` + file("a") + `,` + file("a") + `]}`, "out of order or listed twice"},
		"order":           {`{"version":1,"files":[` + file("b") + `,` + file("a") + `]}`, "out of order or listed twice"},
		"negative size":   {`{"version":1,"files":[{"path":"a","size":-1,"sha256":"` + digest + `"}]}`, "size of a is negative"},
		"short digest":    {`{"version":1,"files":[{"path":"a","size":1,"sha256":"abc"}]}`, "64 lower-case"},
		"upper digest":    {`{"version":1,"files":[{"path":"a","size":1,"sha256":"` + strings.ToUpper(digest) + `"}]}`, "64 lower-case"},
		"number overflow": {`{"version":1,"files":[{"path":"a","size":1e30,"sha256":"` + digest + `"}]}`, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseManifest([]byte(test.in))
			require.ErrorIs(t, err, ErrCorrupt)
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := ParseManifest([]byte(`{"version":1,"of_a_later_version":true,"files":[` + file("state/a") + `]}`))
	require.NoError(t, err)
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"version":1,"step":2000,"files":[{"path":"model.safetensors","size":7,"sha256":"` + digest + `"}]}`))
	f.Add([]byte(`{"version":1,"files":[{"path":"../x","size":1,"sha256":"` + digest + `"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			require.ErrorIs(t, err, ErrCorrupt)
			return
		}
		for _, file := range m.Files {
			if strings.HasPrefix(file.Path, "/") || strings.Contains("/"+file.Path+"/", "/../") {
				t.Errorf("%q leads outside", file.Path)
			}
		}
		again, err := json.Marshal(m)
		require.NoError(t, err)
		same, err := ParseManifest(again)
		require.NoError(t, err)
		require.Equal(t, m, same)
	})
}
