package dataset

// batchSide is the side of the images that the batches of sampling and of features are made for.
const batchSide = 64

// Batch returns how many images of size pixels go through a network together, where those of up
// to 64 pixels are n: the memory of a batch grows with its pixels. It is at least 1.
func Batch(n, size int) int {
	if size <= batchSide {
		return n
	}
	return max(1, n*batchSide*batchSide/(size*size))
}
