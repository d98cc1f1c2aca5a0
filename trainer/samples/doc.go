// Package samples reads images that another program has drawn, to be compared with the real
// images of a dataset: a folder with a folder of PNG or JPEG files for each class, the same
// in a checkpoint (checkpoint.SamplesName), or arrays of NumPy (.npz, or images.npy next to
// labels.npy).
//
//	N  samples
//	S  side of an image in pixels
//	K  channels: 1 grey, 3 RGB
//
// Nothing is made to fit: an image of another size, of other channels, with transparent
// pixels or more than 8 bits is an error that names it, since scaling would change what is
// measured. The one exception loses nothing: an RGB image without colours is read as grey.
// Of a class with more samples than are wanted, the first are read, in the order of their names or
// in the array, so equal samples give equal metrics.
//
// Samples are not trusted: the number of files, their sizes and names, and what an array
// says of itself are limited; links are not followed; of images that are not wanted no pixel
// is kept. Errors about them are of class bad_data.
//
// It must not import GoMLX.
package samples
