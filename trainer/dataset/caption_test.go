package dataset

import (
	"image"
	"image/color"
	"image/draw"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// captioned draws a caption.
func captioned(width int, text, instead string) *image.RGBA {
	canvas := image.NewRGBA(image.Rect(0, 0, width, 20))
	draw.Draw(canvas, canvas.Bounds(), image.White, image.Point{}, draw.Src)
	Caption(canvas, 0, 13, width, color.Black, text, instead)
	return canvas
}

// inked returns the first and the last column with ink; -1 for none.
func inked(canvas *image.RGBA) (first, last int) {
	first, last = -1, -1
	for x := range canvas.Rect.Dx() {
		for y := range canvas.Rect.Dy() {
			if canvas.RGBAAt(x, y).R < 255 {
				if last = x; first < 0 {
					first = x
				}
			}
		}
	}
	return first, last
}

// Names are drawn as they are, and those that no font has are replaced.
func TestCaption(t *testing.T) {
	replaced := captioned(150, "class 3", "")
	var drawn [][]byte
	for _, name := range []string{"猫", "马", "貓", "고양이", "ねこ", "カナ", "кошка", "γάτα", "café", "cafe\u0301", "cat 猫"} {
		got := captioned(150, name, "class 3")
		require.False(t, slices.Equal(replaced.Pix, got.Pix), name)
		first, _ := inked(got)
		require.GreaterOrEqual(t, first, captionMargin, name)
		drawn = append(drawn, got.Pix)
	}
	require.True(t, slices.Equal(drawn[8], drawn[9]), "composed")
	for i, one := range drawn[:9] {
		require.False(t, slices.ContainsFunc(drawn[:i], func(other []byte) bool { return slices.Equal(one, other) }), "not a box for each")
	}
	for _, name := range []string{"แมว", "बिल्ली", "قط", "חתול", "😀", "\U00020000", "\u3402", "a\nb", "a\x00", "\xff", "a\u202eb", "\u0301"} {
		require.True(t, slices.Equal(replaced.Pix, captioned(150, name, "class 3").Pix), "%q", name)
	}
	_, last := inked(captioned(40, "猫猫猫猫猫猫", ""))
	require.Greater(t, last, 20)
	require.Less(t, last, 40-captionMargin)
}

// A name is made by somebody else: it may not draw outside of its place.
func FuzzCaption(f *testing.F) {
	for _, name := range []string{"cat", "猫", "\xff\xfe", "a\u0301\u202e", "\x00\n", "カ゛", ""} {
		f.Add(name, 60)
	}
	f.Fuzz(func(t *testing.T, name string, width int) {
		width = 1 + max(width, -width-1)%300
		first, last := inked(captioned(width, name, "class 1"))
		if first >= 0 {
			require.GreaterOrEqual(t, first, captionMargin)
			require.Less(t, last, width-captionMargin)
		}
	})
}
