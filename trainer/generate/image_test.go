package generate

import (
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunks are the texts of a PNG file, each checked against its CRC.
func chunks(t *testing.T, data []byte) (texts map[string]string) {
	t.Helper()
	texts = map[string]string{}
	for at := 8; at < len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		body := data[at+4 : at+8+n]
		require.Equal(t, crc32.ChecksumIEEE(body), binary.BigEndian.Uint32(data[at+8+n:]), "%q", body[:4])
		if kind := string(body[:4]); kind == "tEXt" || kind == "iTXt" {
			key := string(body[4:])
			for i, c := range []byte(key) {
				if c == 0 {
					texts[kind+" "+key[:i]] = key[i+1:]
					break
				}
			}
		}
		at += 12 + n
	}
	return texts
}

func TestImagesAreWrittenAndReadBack(t *testing.T) {
	for channels := 1; channels <= 3; channels += 2 {
		pixels := make([]byte, 9*9*channels)
		for i := range pixels {
			pixels[i] = byte(37 * i)
		}
		data, err := encode(pixels, 9, []note{{"Description", Notice}, {"tailsweep:class", "Größe"}})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"tEXt Description": Notice, "iTXt tailsweep:class": "\x00\x00\x00\x00Größe"}, chunks(t, data))
		path := filepath.Join(t.TempDir(), "x.png")
		require.NoError(t, os.WriteFile(path, data, 0o600))
		back, err := decodeFile(path, 9, channels)
		require.NoError(t, err)
		require.Equal(t, pixels, back)
		_, err = decodeFile(path, 8, channels)
		require.ErrorContains(t, err, "8 x 8")
		_, err = decodeFile(path, 9, 4-channels)
		require.ErrorContains(t, err, "channels")
	}
}
