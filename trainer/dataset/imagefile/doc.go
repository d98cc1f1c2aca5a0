// Package imagefile decodes image files into the small squares that models train on.
//
// The formats are a table: PNG, JPEG, WebP, GIF (its first frame), BMP and TIFF (its
// first page). An image is turned as its Exif orientation says, cut to the largest
// square in its middle and scaled with a Catmull-Rom filter in 8 bits a channel;
// what is transparent shows a background. Grey is Rec. 601 luma. Colour profiles are
// ignored.
//
// Files are not trusted: their size and their number of pixels are limited before
// they are decoded, and a decoder that panics is an error.
//
// The only package of tailsweep that it may import is format. GoMLX is not allowed: processes that
// never train read images, too.
package imagefile
