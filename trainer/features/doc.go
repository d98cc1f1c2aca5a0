// Package features has the frozen networks with which images are evaluated: a small
// classifier, whose 64 features feed the distances and whose predictions feed the label
// accuracy, and Inception-v3.
//
//	B  images in a batch  x       images `[B,S,S,I]` in [-1, 1]
//	S  side in pixels     z       features `[B,64]`, before the last non-linearity
//	C  classes            logits  `[B,C]`
//
// Train makes a classifier of any dataset, without its held-out images. Such a classifier, like Inception-v3, is read
// from a file.
// The classifier of Fashion-MNIST is built in: weights/ has one set of weights per size,
// made by Train from the 60,000 balanced training images, none of which is among the
// built-in 10,000. The README there has the command, accuracies and digests. Metrics with
// different weights cannot be compared.
//
// The net uses only plain operations, so that its features are the same on every backend
// up to rounding. It must not import trainer, nets or diffusion: the evaluation shares no
// code with what it evaluates.
package features
