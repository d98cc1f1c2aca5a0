package imagefile

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// kind is a format of image files.
type kind struct {
	name        string
	extensions  []string // of file names, lower case
	magic       []string // that content begins with; '?' stands for any byte
	decode      func(io.Reader) (image.Image, error)
	config      func(io.Reader) (image.Config, error)
	orientation func(data []byte) orientation
}

var kinds = []kind{
	{"PNG", []string{".png"}, []string{"\x89PNG\r\n\x1a\n"}, png.Decode, png.DecodeConfig, orientationPNG},
	{"JPEG", []string{".jpg", ".jpeg", ".jpe", ".jfif"}, []string{"\xff\xd8"}, jpeg.Decode, jpeg.DecodeConfig, orientationJPEG},
	{"WebP", []string{".webp"}, []string{"RIFF????WEBP"}, webp.Decode, webp.DecodeConfig, orientationWebP},
	{"GIF", []string{".gif"}, []string{"GIF87a", "GIF89a"}, gif.Decode, gif.DecodeConfig, upright},
	{"BMP", []string{".bmp", ".dib"}, []string{"BM"}, bmp.Decode, bmp.DecodeConfig, upright},
	{"TIFF", []string{".tif", ".tiff"}, []string{"II*\x00", "MM\x00*"}, tiff.Decode, tiff.DecodeConfig, orientationTIFF},
}

// otherExtensions are the names of image files in formats that are not read.
var otherExtensions = strings.Fields(`.heic .heif .hif .avif .jxl .jp2 .j2k .jpf .svg .svgz .ico .cur .psd .tga .dds .exr .hdr
	.pbm .pgm .ppm .pnm .pfm .pcx .xpm .xbm .ras .sgi .eps .raw .dng .cr2 .cr3 .nef .nrw .arw .orf .rw2 .raf .pef .srw
	.apng .mng .dcm .nii .npy .npz .mp4 .mov .avi .webm .mkv`)

// Formats names the formats that are read, for people.
func Formats() string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

// Extensions lists the endings of the names of image files that are read.
func Extensions() []string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.extensions...)
	}
	return all
}

// Readable reports whether a file is, by its name, an image file that is read.
func Readable(name string) bool {
	return slices.Contains(Extensions(), strings.ToLower(path.Ext(name)))
}

// Unreadable reports whether a file is, by its name, an image or a video in a format
// that is not read.
func Unreadable(name string) bool {
	return slices.Contains(otherExtensions, strings.ToLower(path.Ext(name)))
}

// kindOf is the format of a content, or nil.
func kindOf(data []byte) *kind {
	for i, k := range kinds {
		if slices.ContainsFunc(k.magic, func(magic string) bool { return begins(data, magic) }) {
			return &kinds[i]
		}
	}
	return nil
}

func begins(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// unread names a known format that is not read, for an error.
func unread(data []byte) string {
	switch {
	case begins(data, "????ftyp"):
		return " (it is HEIC, AVIF or a video)"
	case bytes.HasPrefix(bytes.TrimSpace(data), []byte("<")):
		return " (it is a text in XML or HTML, such as an SVG or the answer of a web server)"
	}
	return ""
}
