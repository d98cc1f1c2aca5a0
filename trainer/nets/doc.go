// Package nets has the two denoisers: a small class-conditional U-Net and a
// small diffusion transformer (DiT).
//
// Notation, as in trainer/diffusion:
//
//	B  images in the batch          S  side of an image, pixels
//	C  classes; label C is null     W  model.width      N  model.depth
//	x  noisy images `[B,S,S,1]`     t  diffusion step `[B]` int32, 0 (least noise) .. T-1
//	eps  predicted noise `[B,S,S,1]`
//	h  the latent that the InfoNCE loss reads, flattened per image `[B,D]`
//
// Invariants: a net's variables depend on its Config only, never on the backend;
// their initial values are a pure function of (Config.Seed, path), computed in Go,
// so they are equal on all backends and no random state lives in the store.
// Calling Forward twice in one graph shares the weights.
//
// It must not import any other package of trainer.
package nets
