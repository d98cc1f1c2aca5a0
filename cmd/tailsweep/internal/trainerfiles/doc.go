// Package trainerfiles reads the files that a spec's trainer names, on the machine of the user.
//
// Invariants: a file is below the folder of the spec's file, and no link leads to it; its path in
// the program's working directory is that below the folder. All faults are reported at once.
//
// It must not import Temporal or an object store.
package trainerfiles
