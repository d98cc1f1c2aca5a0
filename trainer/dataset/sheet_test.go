package dataset

import (
	"image/color"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSheet(t *testing.T) {
	d := folderSpec(animals(t))
	s := load(t, d)
	sheet, err := s.Sheet(4)
	require.NoError(t, err)
	const cell = 8*8 + 3
	require.Equal(t, 190+4*cell+3, sheet.Bounds().Dx())
	require.Equal(t, 3*cell+3, sheet.Bounds().Dy())
	at := func(column, row int) color.RGBA {
		return sheet.At(190+column*cell+20, 3+row*cell+20).(color.RGBA)
	}
	require.EqualValues(t, 200, at(3, 0).B, "cat is the most frequent and comes first")
	require.Equal(t, color.RGBA{255, 255, 255, 255}, at(3, 1), "bee has three images")
	require.Equal(t, color.RGBA{255, 255, 255, 255}, at(2, 2), "ant has two")
	require.EqualValues(t, 100, at(1, 2).G)
}

// Images of more than 128 pixels are scaled down in a sheet.
func TestSheetOfLargeImages(t *testing.T) {
	d := folderSpec(animals(t))
	d.Size = 256
	sheet, err := load(t, d).Sheet(4)
	require.NoError(t, err)
	require.Equal(t, 190+4*131+3, sheet.Bounds().Dx())
	require.EqualValues(t, 200, sheet.At(190+131+64, 3+64).(color.RGBA).B)
}
