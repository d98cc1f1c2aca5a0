// Package generate draws images of chosen classes from a checkpoint into a folder that
// other programs read: a PNG for each image, a folder for each class, index.csv, CARD.md.
// docs/generate.md defines the gates and the columns.
//
// Invariants:
//
//   - Image (class, seed, index) of a checkpoint has the same bits on one backend, whatever
//     is drawn with it. The rows of a class are a function of the settings, of the class
//     and of how many images of it are wanted. So a folder that was interrupted, or that
//     grew, is the same, byte for byte, as one that was made at once.
//   - A file is written under a temporary name and renamed; its row is appended to the
//     index after it. A row without a file, or a file without a row, is found and repaired
//     by the next call.
//   - Memory grows with the training images, not with the images drawn: of those, a class
//     keeps 8x8 means.
//
// It must not import Temporal, an object store or the command line.
package generate
