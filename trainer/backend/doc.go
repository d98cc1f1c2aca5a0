// Package backend opens the backend of a training: GoMLX's pure-Go backend, or XLA on the
// CPU or a CUDA GPU through a PJRT plugin, which it can install.
//
//	name      needs                                            speed on 2 cores
//	go        nothing                                          1
//	xla:cpu   a cgo build, the plugin that Install downloads   4 to 15
//	xla:cuda  a cgo build, an NVIDIA GPU, its plugin and CUDA
//
// The plugin is one shared library taken from a wheel that is pinned by version
// and SHA-256; it is verified before it is put in place, and is never downloaded
// unless Install is called: GoMLX's own automatic download is not used.
// Everything else works in a build without cgo, where xla:* is refused with the
// reason.
//
// The only packages of tailsweep that it may import are the small helpers of internal/ and internal/wheel.
package backend
