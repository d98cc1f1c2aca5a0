package dataset

import (
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

func decode(t *testing.T, data []byte, size, channels int) []float32 {
	t.Helper()
	dst := make([]byte, size*size*channels)
	require.NoError(t, decodePicture("f", data, dst, size, channels))
	values := make([]float32, len(dst))
	for i, v := range dst {
		values[i] = float32(v)/127.5 - 1
	}
	return values
}

func TestPictureOfItsOwnSizeIsItself(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 12, 8)) // the middle: columns 2 to 9
	for y := range 8 {
		for x := range 12 {
			img.Set(x, y, color.RGBA{uint8(20 * x), uint8(30 * y), 7, 255})
		}
	}
	for i, v := range decode(t, pngOf(t, img), 8, 3) {
		y, x := i/3/8, i/3%8
		want := []float64{float64(20 * (x + 2)), float64(30 * y), 7}[i%3]/127.5 - 1
		require.InDelta(t, want, v, 1e-6, "number %d", i)
	}
}

func TestPictureIsScaledEvenly(t *testing.T) {
	// The left half is black, the right one white: so it stays, whatever the size.
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := 32; x < 64; x++ {
			img.SetGray(x, y, color.Gray{255})
		}
	}
	got := decode(t, pngOf(t, img), 8, 1)
	for y := range 8 {
		require.InDeltaSlice(t, []float64{-1, -1, -1}, toFloat64(got[8*y:8*y+3]), 0.05)
		require.InDeltaSlice(t, []float64{1, 1, 1}, toFloat64(got[8*y+5:8*y+8]), 0.05)
		require.InDelta(t, 0, got[8*y+3]+got[8*y+4], 0.05, "the edge is in the middle")
	}
}

func toFloat64(in []float32) (out []float64) {
	for _, v := range in {
		out = append(out, float64(v))
	}
	return out
}

func TestGreyAndTransparency(t *testing.T) {
	red := color.RGBA{255, 0, 0, 255}
	require.InDelta(t, 76/127.5-1, decode(t, pngOf(t, solid(8, 8, red)), 8, 1)[0], 1e-6, "Rec. 601")
	require.InDelta(t, 1, decode(t, jpegOf(t, solid(8, 8, red)), 8, 3)[0], 0.05, "JPEG under any name")
	for i, v := range decode(t, pngOf(t, solid(8, 8, color.NRGBA{255, 255, 255, 0})), 8, 3) {
		require.EqualValues(t, -1, v, "number %d: transparent is black", i)
	}
}

// header is a PNG that claims a size and ends.
func header(w, h uint32) []byte {
	ihdr := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0)
	binary.BigEndian.PutUint32(ihdr[4:], w)
	binary.BigEndian.PutUint32(ihdr[8:], h)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	return binary.BigEndian.AppendUint32(append(out, ihdr...), crc32.ChecksumIEEE(ihdr))
}

func TestPictureTellsWhatIsWrong(t *testing.T) {
	sound := jpegOf(t, solid(64, 64, color.White))
	damaged := pngOf(t, solid(64, 64, color.White))
	damaged[45] ^= 1
	for want, data := range map[string][]byte{
		"f: an image of 100000x100000 pixels, want 1 to 67108864 of them at byte 33": header(100000, 100000),
		"f: damaged PNG (png: invalid format: non-positive dimension) at byte 29":    header(0, 5),
		"f: truncated PNG at byte 33": header(5, 5),
		"f: truncated JPEG at byte ":  sound[:len(sound)/2],
		"f: damaged PNG (":            damaged,
	} {
		err := decodePicture("f", data, make([]byte, 64), 8, 1)
		require.ErrorContains(t, err, want)
		var format *FormatError
		require.ErrorAs(t, err, &format)
	}
}

func FuzzPicture(f *testing.F) {
	f.Add(pngOf(f, solid(9, 7, color.White)), true)
	f.Add(jpegOf(f, solid(9, 7, color.Black)), false)
	f.Add(header(1<<30, 1<<30), true)
	f.Fuzz(func(t *testing.T, data []byte, grey bool) {
		channels := 3
		if grey {
			channels = 1
		}
		dst := make([]byte, 8*8*channels)
		if err := decodePicture("f", data, dst, 8, channels); err != nil {
			var format *FormatError
			require.ErrorAs(t, err, &format)
			require.LessOrEqual(t, format.Offset, int64(len(data)))
		}
	})
}
