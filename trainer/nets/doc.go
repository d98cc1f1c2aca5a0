// Package nets has the two denoisers: a class-conditional U-Net and a diffusion
// transformer (DiT). sweep.Model has their sizes.
//
// Notation, as in trainer/diffusion:
//
//	B  images in the batch          S  side of an image, pixels
//	C  classes; label C is null     W  model.width      N  model.depth
//	K  channels of an image         h  a latent, by the name of its layer
//	x  noisy images `[B,S,S,K]`     t  diffusion step `[B]` int32, 0 (least noise) .. T-1
//
// Invariants: a net's variables depend on its Config only, never on the backend;
// their initial values are a pure function of (Config.Seed, path), computed in Go,
// so they are equal on all backends and no random state is among the variables.
// Calling Forward twice in one graph shares the weights. Dropout is a function of an
// input of the graph (Masks).
//
// It must not import any other package of trainer.
package nets
