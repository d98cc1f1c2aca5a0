package imagefile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"

	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

var white = color.RGBA{255, 255, 255, 255}

// solid is an image of one colour.
func solid(w, h int, c color.Color) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func pngOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func jpegOf(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, img, &jpeg.Options{Quality: 100}))
	return b.Bytes()
}

func decoded(t *testing.T, data []byte, o Options) []byte {
	t.Helper()
	dst := make([]byte, o.Size*o.Size*o.Channels)
	require.NoError(t, Decode("f", data, dst, o))
	return dst
}

func TestImageOfTheRightSizeIsUnchanged(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 12, 8)) // the middle: columns 2 to 9
	for y := range 8 {
		for x := range 12 {
			img.Set(x, y, color.RGBA{uint8(20 * x), uint8(30 * y), 7, 255})
		}
	}
	for i, v := range decoded(t, pngOf(t, img), Options{8, 3, white}) {
		y, x := i/3/8, i/3%8
		require.EqualValues(t, []int{20 * (x + 2), 30 * y, 7}[i%3], v, "number %d", i)
	}
}

func TestImageIsScaledEvenly(t *testing.T) {
	// The left half is black, the right one white: so it stays, whatever the size.
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for y := range 64 {
		for x := 32; x < 64; x++ {
			img.SetGray(x, y, color.Gray{255})
		}
	}
	got := decoded(t, pngOf(t, img), Options{8, 1, white})
	for y := range 8 {
		row := got[8*y : 8*y+8]
		for x, v := range row[:3] {
			require.InDelta(t, 0, v, 6)
			require.InDelta(t, 255, row[5+x], 6)
		}
		require.InDelta(t, 255, int(row[3])+int(row[4]), 6, "the edge is in the middle")
	}
}

func TestGrey(t *testing.T) {
	red := color.RGBA{255, 0, 0, 255}
	require.EqualValues(t, 76, decoded(t, pngOf(t, solid(8, 8, red)), Options{8, 1, white})[0], "Rec. 601")
	require.InDelta(t, 255, decoded(t, jpegOf(t, solid(8, 8, red)), Options{8, 3, white})[0], 6, "JPEG under any name")
}

// What is half transparent lets the background through, at its own size and scaled.
func TestTransparencyShowsTheBackground(t *testing.T) {
	half := color.NRGBA{200, 100, 0, 128}
	for _, side := range []int{8, 40} {
		data := pngOf(t, solid(side, side, half))
		for text, want := range map[string][3]int{
			"white": {227, 177, 127}, "black": {100, 50, 0}, "#0000ff": {100, 50, 127},
		} {
			background, err := ParseColour(text)
			require.NoError(t, err)
			for i, v := range decoded(t, data, Options{8, 3, background}) {
				require.InDelta(t, want[i%3], v, 1, "side %d on %q, number %d", side, text, i)
			}
		}
	}
	for _, v := range decoded(t, pngOf(t, solid(8, 8, color.NRGBA{})), Options{8, 1, white}) {
		require.EqualValues(t, 255, v)
	}
	for _, text := range []string{"", "grey", "#12", "ff0000", "#gg0000", "#ff000080"} {
		_, err := ParseColour(text)
		require.ErrorContains(t, err, "valid: white, black, #rrggbb", text)
	}
}

// marked has another colour in each corner region, in the order of reading, and a
// width and height that differ by an odd number.
var corners = []color.NRGBA{{250, 0, 0, 255}, {0, 250, 0, 255}, {0, 0, 250, 255}, {250, 250, 250, 255}}

func marked() image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, 31, 16))
	for y := range 16 {
		for x := range 31 {
			img.Set(x, y, corners[2*(y/8)+x/16])
		}
	}
	return img
}

// stored is how an upright image is stored with an orientation, by the words of the
// Exif standard (CIPA DC-008, tag Orientation): where row 0 and column 0 are shown.
func stored(upright image.Image, orientation int) image.Image {
	w, h := upright.Bounds().Dx(), upright.Bounds().Dy()
	size := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	img := image.NewNRGBA(size)
	for row := range size.Dy() {
		for column := range size.Dx() {
			at := map[int]image.Point{
				1: {column, row},                 // row 0 is the top, column 0 the left side
				2: {w - 1 - column, row},         // top, right
				3: {w - 1 - column, h - 1 - row}, // bottom, right
				4: {column, h - 1 - row},         // bottom, left
				5: {row, column},                 // left, top
				6: {w - 1 - row, column},         // right, top
				7: {w - 1 - row, h - 1 - column}, // right, bottom
				8: {row, h - 1 - column},         // left, bottom
			}[orientation]
			img.Set(column, row, upright.At(at.X, at.Y))
		}
	}
	return img
}

// exif is a directory with the tag Orientation and one before it.
func exif(order binary.AppendByteOrder, orientation int) []byte {
	magic := "II"
	if order == binary.AppendByteOrder(binary.BigEndian) {
		magic = "MM"
	}
	out := order.AppendUint32(order.AppendUint16([]byte(magic), 42), 8)
	out = order.AppendUint16(out, 2)
	for _, value := range [][2]int{{0x0100, 7}, {0x0112, orientation}} {
		out = order.AppendUint16(order.AppendUint16(out, uint16(value[0])), 3)
		out = order.AppendUint16(order.AppendUint16(order.AppendUint32(out, 1), uint16(value[1])), 0)
	}
	return order.AppendUint32(out, 0)
}

// withExif puts Exif into a JPEG after its first two bytes, with a comment before it.
func withExif(data, exif []byte) []byte {
	segment := append([]byte("Exif\x00\x00"), exif...)
	out := append([]byte{}, data[:2]...)
	out = append(out, 0xff, 0xfe, 0, 4, 'h', 'i', 0xff)
	out = binary.BigEndian.AppendUint16(append(out, 0xff, 0xe1), uint16(len(segment)+2))
	return append(append(out, segment...), data[2:]...)
}

// withChunk puts eXIf into a PNG before its first IDAT.
func withChunk(data, exif []byte) []byte {
	at := bytes.Index(data, []byte("IDAT")) - 4
	chunk := append([]byte("eXIf"), exif...)
	out := binary.BigEndian.AppendUint32(append([]byte{}, data[:at]...), uint32(len(exif)))
	out = binary.BigEndian.AppendUint32(append(out, chunk...), crc32.ChecksumIEEE(chunk))
	return append(out, data[at:]...)
}

func TestImagesAreTurnedUpright(t *testing.T) {
	o := Options{16, 3, white}
	want := decoded(t, pngOf(t, marked()), o)
	for orientation := 1; orientation <= 8; orientation++ {
		img := stored(marked(), orientation)
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			tag := exif(order, orientation)
			require.Equal(t, want, decoded(t, withChunk(pngOf(t, img), tag), o), "PNG %d %v", orientation, order)
			for i, v := range decoded(t, withExif(jpegOf(t, img), tag), o) {
				if x := i / 3 % 16; x < 6 || x > 9 { // JPEG blurs the edge in the middle
					require.InDelta(t, want[i], v, 60, "JPEG %d %v: number %d", orientation, order, i)
				}
			}
		}
		var b bytes.Buffer
		require.NoError(t, tiff.Encode(&b, img, nil))
		require.Equal(t, want, decoded(t, reoriented(b.Bytes(), orientation), o), "TIFF %d", orientation)
	}
	for _, broken := range []int{0, 9, 65535} {
		require.Equal(t, want, decoded(t, withChunk(pngOf(t, marked()), exif(binary.BigEndian, broken)), o), "orientation %d means nothing", broken)
	}
}

// reoriented replaces a tag that x/image's encoder writes and no decoder needs
// (SamplesPerPixel) by Orientation.
func reoriented(data []byte, orientation int) []byte {
	order := binary.LittleEndian
	at := order.Uint32(data[4:])
	for i := range int(order.Uint16(data[at:])) {
		entry := data[int(at)+2+12*i:]
		if order.Uint16(entry) == 0x0115 {
			order.PutUint16(entry, 0x0112)
			order.PutUint16(entry[8:], uint16(orientation))
		}
	}
	return data
}

// pixelWebP is a lossless WebP of one transparent black pixel.
const pixelWebP = "UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="

func TestEveryFormatIsRead(t *testing.T) {
	colour := color.NRGBA{200, 100, 51, 255}
	img := solid(9, 9, colour)
	files := map[string][]byte{"a.png": pngOf(t, img), "a.JPEG": jpegOf(t, img)}
	var b bytes.Buffer
	require.NoError(t, bmp.Encode(&b, img))
	files["a.bmp"] = bytes.Clone(b.Bytes())
	b.Reset()
	require.NoError(t, tiff.Encode(&b, img, &tiff.Options{Compression: tiff.Deflate}))
	files["a.tif"] = bytes.Clone(b.Bytes())
	b.Reset()
	require.NoError(t, gif.Encode(&b, img, &gif.Options{NumColors: 4, Quantizer: fixed{color.Palette{colour, color.Black}}}))
	files["a.gif"] = bytes.Clone(b.Bytes())
	for name, data := range files {
		require.True(t, Readable(name))
		for i, v := range decoded(t, data, Options{8, 3, white}) {
			require.InDelta(t, []int{200, 100, 51}[i%3], v, 2, "%s, number %d", name, i)
		}
	}
	webp, err := base64.StdEncoding.DecodeString(pixelWebP)
	require.NoError(t, err)
	require.EqualValues(t, []byte{0, 0, 0}, decoded(t, webp, Options{1, 3, color.RGBA{A: 255}}))
	riff := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8 \x03\x00\x00\x00xyz\x00EXIF\x28\x00\x00\x00Exif\x00\x00"), exif(binary.BigEndian, 6)...)
	riff[28] = byte(len(riff) - 32)
	require.Equal(t, orientations[6], orientationWebP(riff))
	require.False(t, Readable("a.txt"))
	require.True(t, Unreadable("a.HEIC"))
	require.Equal(t, "PNG, JPEG, WebP, GIF, BMP, TIFF", Formats())
}

type fixed struct{ color.Palette }

func (f fixed) Quantize(color.Palette, image.Image) color.Palette { return f.Palette }

// The first frame of a GIF may be smaller than the image, and what it leaves is
// transparent; later frames are not looked at.
func TestTheFirstFrameOfAGIF(t *testing.T) {
	palette := color.Palette{color.NRGBA{}, color.NRGBA{255, 0, 0, 255}}
	frame := image.NewPaletted(image.Rect(4, 0, 8, 8), palette)
	for i := range frame.Pix {
		frame.Pix[i] = 1
	}
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &gif.GIF{
		Image: []*image.Paletted{frame, image.NewPaletted(image.Rect(0, 0, 8, 8), palette)}, Delay: []int{1, 1},
		Config: image.Config{Width: 8, Height: 8, ColorModel: palette},
	}))
	got := decoded(t, b.Bytes(), Options{8, 3, color.RGBA{0, 0, 9, 255}})
	require.Equal(t, []byte{0, 0, 9, 0, 0, 9, 0, 0, 9, 0, 0, 9, 255, 0, 0}, got[:15])
}

// header is a PNG that claims a size and ends.
func header(w, h uint32) []byte {
	ihdr := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0)
	binary.BigEndian.PutUint32(ihdr[4:], w)
	binary.BigEndian.PutUint32(ihdr[8:], h)
	out := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n"), 13)
	return binary.BigEndian.AppendUint32(append(out, ihdr...), crc32.ChecksumIEEE(ihdr))
}

func TestDecodeNamesTheFault(t *testing.T) {
	whole := jpegOf(t, solid(64, 64, color.White))
	damaged := pngOf(t, solid(64, 64, color.White))
	damaged[45] ^= 1
	for want, data := range map[string][]byte{
		"f: an image of 100000x100000 pixels, want 1 to 67108864 of them at byte 33": header(100000, 100000),
		"f: damaged PNG (png: invalid format: non-positive dimension) at byte 29":    header(0, 5),
		"f: truncated PNG at byte 33":         header(5, 5),
		"f: truncated JPEG at byte ":          whole[:len(whole)/2],
		"f: damaged PNG (":                    damaged,
		"f: empty file at byte 0":             nil,
		"f: damaged BMP (":                    []byte("BM, or so it says, and it is long enough for a header of one......"),
		"f: damaged GIF (":                    []byte("GIF89a"),
		"TIFF (it is HEIC, AVIF or a video),": []byte("\x00\x00\x00\x18ftypheic"),
		"TIFF (it is a text in XML or HTML":   []byte("<!doctype html>"),
	} {
		err := Decode("f", data, make([]byte, 64), Options{8, 1, white})
		require.ErrorContains(t, err, want)
		var broken *format.Error
		require.ErrorAs(t, err, &broken)
	}
}

func FuzzDecode(f *testing.F) {
	img := solid(9, 7, color.White)
	f.Add(pngOf(f, img), true)
	f.Add(withChunk(pngOf(f, img), exif(binary.BigEndian, 6)), true)
	f.Add(jpegOf(f, solid(9, 7, color.Black)), false)
	f.Add(withExif(jpegOf(f, img), exif(binary.LittleEndian, 6)), false)
	f.Add(header(1<<30, 1<<30), true)
	var b bytes.Buffer
	require.NoError(f, bmp.Encode(&b, img))
	f.Add(bytes.Clone(b.Bytes()), true)
	b.Reset()
	require.NoError(f, tiff.Encode(&b, img, nil))
	f.Add(bytes.Clone(b.Bytes()), true)
	b.Reset()
	require.NoError(f, gif.Encode(&b, img, nil))
	f.Add(bytes.Clone(b.Bytes()), false)
	webp, err := base64.StdEncoding.DecodeString(pixelWebP)
	require.NoError(f, err)
	f.Add(webp, false)
	f.Fuzz(func(t *testing.T, data []byte, grey bool) {
		o := Options{8, 3, white}
		if grey {
			o.Channels = 1
		}
		if err := Decode("f", data, make([]byte, 8*8*o.Channels), o); err != nil {
			var broken *format.Error
			require.ErrorAs(t, err, &broken)
			require.LessOrEqual(t, broken.Offset, int64(len(data)))
			require.NotContains(t, fmt.Sprint(err), "panicked")
		}
	})
}
