package dataset

import (
	"image"
	"image/color"
	"image/draw"
	"unicode"

	"github.com/hajimehoshi/bitmapfont/v3"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"
)

// captionMargin is the space before and after a caption, in pixels.
const captionMargin = 6

// scripts are those whose characters a caption draws one after the other, left to right.
var scripts = []*unicode.RangeTable{
	unicode.Common, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
}

// Caption writes text on canvas, a little to the right of left, cut to width pixels from
// there. It writes instead if text has a character that cannot be drawn: of another script
// than Latin, Greek, Cyrillic, Chinese, Japanese and Korean, or one that the font lacks. instead
// is of ASCII.
func Caption(canvas draw.Image, left, baseline, width int, c color.Color, text, instead string) {
	text = norm.NFC.String(text)
	face := captionFont(text)
	if face == nil {
		face, text = basicfont.Face7x13, instead
	}
	d := font.Drawer{Dst: canvas, Src: image.NewUniform(c), Face: face, Dot: fixed.P(left+captionMargin, baseline)}
	end := fixed.I(left + width - captionMargin)
	for _, r := range text {
		if advance, _ := face.GlyphAdvance(r); d.Dot.X+advance > end {
			return
		}
		d.DrawString(string(r))
	}
}

// captionFont returns the font for a text; nil if none has all its characters.
func captionFont(text string) font.Face {
	var face font.Face = basicfont.Face7x13 // ASCII
	for _, r := range text {
		if r >= ' ' && r <= '~' {
			continue
		}
		if !unicode.IsPrint(r) || !unicode.In(r, scripts...) || !hasInk(bitmapfont.Face, r) {
			return nil
		}
		face = bitmapfont.Face
	}
	return face
}

// hasInk reports whether a font draws anything for r: bitmapfont leaves characters that it
// lacks blank.
func hasInk(face font.Face, r rune) bool {
	area, mask, at, _, ok := face.Glyph(fixed.Point26_6{}, r)
	if !ok {
		return false
	}
	for y := range area.Dy() {
		for x := range area.Dx() {
			if _, _, _, alpha := mask.At(at.X+x, at.Y+y).RGBA(); alpha > 0 {
				return true
			}
		}
	}
	return false
}
