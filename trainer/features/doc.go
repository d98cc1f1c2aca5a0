// Package features has the frozen classifier that generated images are judged
// with: its 64 features feed the Fréchet distance, its prediction the label
// accuracy.
//
//	B  images in a batch      x       images `[B,S,S,1]` in [-1, 1]
//	S  side, 16 or 28 pixels  z       features `[B,64]`, before the last non-linearity
//	C  classes, 10            logits  `[B,C]`
//
// One set of weights a size lies in weights/, made by Train from Fashion-MNIST's
// 60,000 balanced training images, which share none with the built-in 10,000. The
// README there has the command, accuracy and digests. The weights are part of what
// a metric means: numbers of other weights do not compare.
//
// The net is plain enough to give the same features, up to rounding, on every
// backend. It must not import trainer, nets or diffusion: the judge shares nothing
// with what it judges.
package features
