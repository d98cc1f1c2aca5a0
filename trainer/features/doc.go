// Package features has the frozen networks that generated images are judged
// with: a small classifier, whose 64 features feed the distances and whose
// prediction the label accuracy, and Inception-v3.
//
//	B  images in a batch  x       images `[B,S,S,I]` in [-1, 1]
//	S  side in pixels     z       features `[B,64]`, before the last non-linearity
//	C  classes            logits  `[B,C]`
//
// A classifier of any dataset is made by Train and read from a file, as is
// Inception-v3. That of Fashion-MNIST is built in: one set of weights a size lies in
// weights/, made by Train from the 60,000 balanced training images, which share
// none with the built-in 10,000. The README there has the command, accuracy and
// digests. The weights are part of what a metric means: numbers of other weights do
// not compare.
//
// The net is plain enough to give the same features, up to rounding, on every
// backend. It must not import trainer, nets or diffusion: the judge shares nothing
// with what it judges.
package features
