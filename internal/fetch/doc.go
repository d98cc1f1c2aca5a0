// Package fetch brings datasets to this machine, into the folders of the cache where
// trainer/dataset looks for them: from their publishers, an object store or a web
// server, or from files that somebody has copied here.
//
// A dataset is whole or absent: its files come into a folder DIR.partial, are compared
// with what is pinned, and the folder gets its name by rename. What was downloaded
// before an interruption is not downloaded again, unless it changed. Two processes that
// want the same set wait for each other. Archives and object names are not trusted:
// sizes are limited, links and paths that lead out of the folder are refused.
//
// Credentials are those of the AWS chain, and stay in this process: the child that
// trains only reads the folder. It must not import GoMLX or Temporal.
package fetch
