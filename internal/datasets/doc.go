// Package datasets downloads datasets into the folders of the cache where trainer/dataset
// looks for them: from their publishers, an object store or a web server. It also copies
// files of this machine.
//
// A dataset is complete or absent: its files are written to a folder DIR.partial and
// verified against pinned digests, then the folder is renamed. What was downloaded
// before an interruption is not downloaded again, unless it changed. If two processes
// need the same set, one waits for the other. Archives and object names are not trusted:
// sizes are limited, and links and paths that lead out of the folder are refused.
//
// Credentials are those of the AWS chain, and stay in this process: the child that
// trains only reads the folder. It must not import GoMLX or Temporal.
package datasets
