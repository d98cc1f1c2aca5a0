// Package evaluate evaluates a trained model: it draws equally many samples of every
// class, computes their features with a frozen network of package features, and compares
// them with the features of the balanced real images by package distance.
// docs/evaluation.md defines every metric. Each family of metrics is a file and a row of
// families (measure.go).
//
// Notation:
//
//	N, D     samples, features (64 of the classifier)
//	w        guidance scale
//
// Groups (head, medium, tail) are by default thirds of the classes by training
// frequency (sweep.Dataset.ClassGroups). A group's FID is one distance between the
// features of all its classes, each with the same weight, never a mean of per-class
// distances. FID is
// biased at small N: compare values only at equal samples_per_class. A group with
// fewer than 2 D samples or effective real images has no FID.
//
// The real images are the complete set that the long-tailed split was taken from, so
// they include the training images, as is usual for FID. The classifier has seen
// the 60,000 images of fashion-mnist, but none of fashion-mnist-10k, so values of these
// two datasets cannot be compared.
//
// Invariants: the noise of sample (class, index) is a function of evaluate.seed
// alone, so two trials compare sample by sample; equal weights give equal
// metrics on one backend. It must not import Temporal or an object store.
package evaluate
