package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
)

// Limits of an image file.
const (
	maxImageFile = 64 << 20 // bytes
	maxImage     = 1 << 26  // pixels, looked at before decoding
)

// pictureRule names what decodePicture makes of a file: a change of that changes it,
// so that no cache holds what the old rule made.
const pictureRule = "middle square, Catmull-Rom, 8 bits: 1"

// decodePicture writes a PNG or JPEG file, called name in errors, into dst
// `[size, size, channels]`, 0 is black: the largest square in its middle, scaled
// with a Catmull-Rom filter in 8 bits a channel. What is transparent is black;
// grey is Rec. 601 luma; EXIF's orientation is not looked at. The format is that of
// the content, whatever the name says.
func decodePicture(name string, data, dst []byte, size, channels int) error {
	r := bytes.NewReader(data)
	kind, decode, decodeConfig := "PNG", png.Decode, png.DecodeConfig
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
	case bytes.HasPrefix(data, []byte{0xff, 0xd8}):
		kind, decode, decodeConfig = "JPEG", jpeg.Decode, jpeg.DecodeConfig
	case len(data) == 0:
		return &FormatError{File: name, Reason: "empty file"}
	default:
		return &FormatError{File: name, Reason: fmt.Sprintf("neither PNG nor JPEG, begins with % x", data[:min(8, len(data))])}
	}
	broken := func(err error) error {
		reason := "damaged " + kind + " (" + err.Error() + ")"
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			reason = "truncated " + kind
		}
		return &FormatError{File: name, Offset: int64(len(data) - r.Len()), Reason: reason}
	}
	config, err := decodeConfig(r)
	if err != nil {
		return broken(err)
	}
	if w, h := int64(config.Width), int64(config.Height); w < 1 || h < 1 || w > maxImage || h > maxImage || w*h > maxImage {
		return &FormatError{File: name, Offset: int64(len(data) - r.Len()), Reason: fmt.Sprintf("an image of %dx%d pixels, want 1 to %d of them", w, h, maxImage)}
	}
	r.Reset(data)
	picture, err := decode(r)
	if err != nil {
		return broken(err)
	}
	fit(picture, dst, size, channels)
	return nil
}

// fit crops and scales.
func fit(picture image.Image, dst []byte, size, channels int) {
	b := picture.Bounds()
	n := min(b.Dx(), b.Dy())
	corner := image.Pt(b.Min.X+(b.Dx()-n)/2, b.Min.Y+(b.Dy()-n)/2)
	square := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(n, n))}
	canvas := image.NewRGBA(image.Rect(0, 0, size, size))
	if n == size {
		draw.Draw(canvas, canvas.Bounds(), picture, corner, draw.Src)
	} else {
		draw.CatmullRom.Scale(canvas, canvas.Bounds(), picture, square, draw.Src, nil)
	}
	for i := range size * size {
		px := canvas.Pix[4*i : 4*i+3]
		if channels == 1 {
			grey := color.GrayModel.Convert(color.RGBA{R: px[0], G: px[1], B: px[2], A: 255}).(color.Gray)
			dst[i] = grey.Y
			continue
		}
		copy(dst[3*i:], px)
	}
}
