package imagefile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"strings"

	"golang.org/x/image/draw"

	"github.com/tailsweep/tailsweep/trainer/dataset/format"
)

// Limits of an image file.
const (
	MaxFile   = 64 << 20 // bytes
	MaxPixels = 1 << 26  // checked before decoding
)

// Rule identifies the decoding. Change it whenever Decode changes, so that no cache
// returns pixels of an older Decode.
const Rule = "upright middle square, Catmull-Rom, 8 bits: 2"

// Options are the size and the colours of a decoded image.
type Options struct {
	Size       int // side in pixels
	Channels   int // 1 grey, 3 RGB
	Background color.RGBA
}

// Decode decodes an image file, called name in errors, into dst
// `[Size, Size, Channels]`, where 0 is black. The content decides the format,
// whatever the name says. An error is a *format.Error.
func Decode(name string, data, dst []byte, o Options) error {
	return decode(name, data, func(img image.Image, k *kind) { fit(img, dst, o, k.orientation(data)) })
}

// decode decodes an image file and calls use with the image and its format.
func decode(name string, data []byte, use func(img image.Image, k *kind)) (err error) {
	r := bytes.NewReader(data)
	bad := func(reason string) error {
		return &format.Error{File: name, Offset: int64(len(data) - r.Len()), Reason: reason}
	}
	k := kindOf(data)
	switch {
	case len(data) == 0:
		return bad("empty file")
	case k == nil:
		return &format.Error{File: name, Reason: fmt.Sprintf("none of the formats %s%s, begins with % x", Formats(), unread(data), data[:min(8, len(data))])}
	}
	broken := func(err error) error {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return bad("truncated " + k.name)
		}
		return bad("damaged " + k.name + " (" + err.Error() + ")")
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = broken(fmt.Errorf("its decoder panicked: %v", cause))
		}
	}()
	config, err := k.config(r)
	if err != nil {
		return broken(err)
	}
	if w, h := int64(config.Width), int64(config.Height); w < 1 || h < 1 || w > MaxPixels || h > MaxPixels || w*h > MaxPixels {
		return bad(fmt.Sprintf("an image of %dx%d pixels, want 1 to %d of them", w, h, MaxPixels))
	}
	r.Reset(data)
	img, err := k.decode(r)
	if err != nil {
		return broken(err)
	}
	use(complete(img, config), k)
	return nil
}

// complete returns an image of the size that its file states: the first frame of a GIF
// may cover a part of it, and the rest is transparent.
func complete(img image.Image, config image.Config) image.Image {
	full := image.Rect(0, 0, config.Width, config.Height)
	if img.Bounds() == full {
		return img
	}
	canvas := image.NewNRGBA(full)
	draw.Draw(canvas, img.Bounds(), img, img.Bounds().Min, draw.Src)
	return canvas
}

// fit turns, cuts and scales an image into dst. The square is cut from the stored
// image so that it is the middle of the upright one, then scaled, then turned.
func fit(img image.Image, dst []byte, o Options, turn orientation) {
	b := img.Bounds()
	n := min(b.Dx(), b.Dy())
	corner := b.Min.Add(image.Pt(offset(b.Dx()-n, turn.flipX), offset(b.Dy()-n, turn.flipY)))
	canvas := image.NewRGBA(image.Rect(0, 0, o.Size, o.Size))
	if n == o.Size {
		draw.Draw(canvas, canvas.Bounds(), img, corner, draw.Src)
	} else {
		square := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(n, n))}
		draw.CatmullRom.Scale(canvas, canvas.Bounds(), img, square, draw.Src, nil)
	}
	opaque, known := img.(interface{ Opaque() bool })
	solid := known && opaque.Opaque()
	for y := range o.Size {
		for x := range o.Size {
			px := canvas.RGBAAt(turn.source(x, y, o.Size))
			if !solid {
				px = over(px, o.Background)
			}
			at := y*o.Size + x
			if o.Channels == 1 {
				px.A = 255
				dst[at] = color.GrayModel.Convert(px).(color.Gray).Y
				continue
			}
			dst[3*at], dst[3*at+1], dst[3*at+2] = px.R, px.G, px.B
		}
	}
}

// offset returns where the centre crop begins on an axis that is spare pixels too long.
// The odd pixel is cut from the end of the upright image, which on a flipped axis is
// the beginning of the stored one.
func offset(spare int, flipped bool) int {
	if flipped {
		return (spare + 1) / 2
	}
	return spare / 2
}

// over composites a pixel with premultiplied alpha on a background.
func over(px, background color.RGBA) color.RGBA {
	rest := 255 - int(px.A)
	mix := func(front, back uint8) uint8 { return uint8(min(255, int(front)+(int(back)*rest+127)/255)) }
	return color.RGBA{mix(px.R, background.R), mix(px.G, background.G), mix(px.B, background.B), 255}
}

// ParseColour reads white, black or #rrggbb.
func ParseColour(text string) (color.RGBA, error) {
	switch text {
	case "white":
		return color.RGBA{255, 255, 255, 255}, nil
	case "black":
		return color.RGBA{A: 255}, nil
	}
	rgb, err := hex.DecodeString(strings.TrimPrefix(text, "#"))
	if err != nil || len(rgb) != 3 || !strings.HasPrefix(text, "#") {
		return color.RGBA{}, fmt.Errorf("%q is not a colour (valid: white, black, #rrggbb)", text)
	}
	return color.RGBA{rgb[0], rgb[1], rgb[2], 255}, nil
}
