// Package checkpoint is the format of a checkpoint folder: its files, how it is written
// so that it is complete or absent, and how it is verified.
//
//	step-0000002000/
//	  model.safetensors   EMA weights, enough to sample from; the metadata has the spec of the model
//	  state/state.safetensors, state/state.json   everything else that a bit-exact resume needs
//	  curve.jsonl         one sweep.CurvePoint per line, from step 0
//	  MANIFEST.json       written last: size and SHA-256 of every other file, provenance
//
// In place of the model and the state, the checkpoint of a program of the user has the program's
// own files, and
//
//	metrics.json        what the program measured at this step
//	environment.txt     its Python packages
//	samples.tar         the images that it wrote into samples/
//
// A folder is written under a temporary name, fsynced, and renamed. One process
// at a time writes into a parent folder: with a Writer, or with Seal, which moves the
// folder that a program has written. Files from outside are parsed with
// limits and never trusted about sizes or paths; what fails is ErrCorrupt.
//
// It must not import GoMLX, Temporal or an object store: tensors pass through as
// names, dtypes, shapes and bytes.
package checkpoint
