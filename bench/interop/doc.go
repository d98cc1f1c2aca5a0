// Command interop checks that the examples for PyTorch and JAX compute what tailsweep
// does:
//
//	go run ./bench/interop
//
// Run it from the root of the repository, through `make interop`, which makes the
// Python environments. It trains small U-Nets and DiTs, and compares the noise that the
// examples predict, the images that they sample, and the losses that examples/python/ddpm_torch.py
// trains with, with those of trainer. It ends with
// an error where a difference is over its limit, or where an example accepts a
// checkpoint that it cannot compute.
//
//	go run ./bench/interop -checkpoint FOLDER -to FILE
//
// writes the reference values of one checkpoint, to test a program of one's own with.
//
// It must not import worker or workflows.
package main
