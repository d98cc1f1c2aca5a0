package imagefile

import (
	"bytes"
	"encoding/binary"
)

// orientation says how a stored image is shown, as tag 0x0112 of Exif and TIFF has
// it: its axes are flipped, then swapped.
type orientation struct{ flipX, flipY, swap bool }

// orientations are the values 1 to 8 of the tag.
var orientations = [...]orientation{
	1: {},
	2: {flipX: true},
	3: {flipX: true, flipY: true},
	4: {flipY: true},
	5: {swap: true},
	6: {flipY: true, swap: true}, // a quarter turn to the right
	7: {flipX: true, flipY: true, swap: true},
	8: {flipX: true, swap: true}, // a quarter turn to the left
}

// source is where the pixel (x, y) of the upright square is in the stored one.
func (o orientation) source(x, y, size int) (int, int) {
	if o.swap {
		x, y = y, x
	}
	if o.flipX {
		x = size - 1 - x
	}
	if o.flipY {
		y = size - 1 - y
	}
	return x, y
}

func upright([]byte) orientation { return orientation{} }

// orientationTIFF reads the tag from the first directory of a TIFF file, which Exif
// data are, too. Data without a valid tag are upright.
func orientationTIFF(data []byte) orientation {
	const (
		tag   = 0x0112
		short = 3 // the type
		entry = 12
	)
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		order = binary.BigEndian
	case !bytes.HasPrefix(data, []byte("II*\x00")):
		return orientation{}
	}
	rest, ok := from(data, 4)
	if !ok || len(rest) < 4 {
		return orientation{}
	}
	rest, ok = from(data, int64(order.Uint32(rest)))
	if !ok || len(rest) < 2 {
		return orientation{}
	}
	count, rest := int(order.Uint16(rest)), rest[2:]
	for ; count > 0 && len(rest) >= entry; count, rest = count-1, rest[entry:] {
		if order.Uint16(rest) != tag || order.Uint16(rest[2:]) != short {
			continue
		}
		if value := order.Uint16(rest[8:]); value >= 1 && int(value) < len(orientations) {
			return orientations[value]
		}
	}
	return orientation{}
}

func from(data []byte, offset int64) ([]byte, bool) {
	if offset > int64(len(data)) {
		return nil, false
	}
	return data[offset:], true
}

// orientationJPEG finds Exif in the segments before the image: 0xff, a marker, a
// big-endian length that counts itself, the content.
func orientationJPEG(data []byte) orientation {
	const startOfScan, app1 = 0xda, 0xe1
	for rest := data[2:]; len(rest) >= 4 && rest[0] == 0xff; {
		marker := rest[1]
		if marker == 0xff { // a fill byte
			rest = rest[1:]
			continue
		}
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == startOfScan || size < 2 || len(rest) < 2+size {
			break
		}
		if exif, ok := bytes.CutPrefix(rest[4:2+size], []byte("Exif\x00\x00")); ok && marker == app1 {
			return orientationTIFF(exif)
		}
		rest = rest[2+size:]
	}
	return orientation{}
}

// orientationPNG finds the chunk eXIf: a big-endian length, a name, the content, a
// checksum.
func orientationPNG(data []byte) orientation {
	for rest := data[8:]; len(rest) >= 12; {
		size := int64(binary.BigEndian.Uint32(rest))
		if int64(len(rest)) < 12+size {
			break
		}
		if string(rest[4:8]) == "eXIf" {
			return orientationTIFF(rest[8 : 8+size])
		}
		rest = rest[12+size:]
	}
	return orientation{}
}

// orientationWebP finds the chunk EXIF: a name, a little-endian length, the content,
// a byte of padding where the length is odd.
func orientationWebP(data []byte) orientation {
	for rest := data[12:]; len(rest) >= 8; {
		size := int64(binary.LittleEndian.Uint32(rest[4:]))
		if int64(len(rest)) < 8+size {
			break
		}
		if string(rest[:4]) == "EXIF" {
			return orientationTIFF(bytes.TrimPrefix(rest[8:8+size], []byte("Exif\x00\x00")))
		}
		rest = rest[min(int64(len(rest)), 8+size+size%2):]
	}
	return orientation{}
}
