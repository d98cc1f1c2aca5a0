package dataset

// Levels rounds values in [-1, 1] to the grey levels 0..255 that a file or an image for
// people has; values beyond the range count as its ends.
func Levels(values []float32) []byte {
	out := make([]byte, len(values))
	for i, v := range values {
		out[i] = uint8((min(max(v, -1), 1)+1)*127.5 + 0.5)
	}
	return out
}

// Values is the reverse of Levels.
func Values(levels []byte) []float32 {
	out := make([]float32, len(levels))
	convert(out, levels)
	return out
}

// values are the values of grey levels.
var values = func() (table [256]float32) {
	for v := range table {
		table[v] = float32(v)/127.5 - 1
	}
	return table
}()

// convert is Values into dst.
func convert(dst []float32, levels []byte) {
	dst = dst[:len(levels)]
	for i, v := range levels {
		dst[i] = values[v]
	}
}
