// Command data measures how long `tailsweep data inspect` and the start of a training take
// with a large folder of images, and how much memory: the first time, when the images are
// decoded, with the cache, and in several trainings at the same time. It makes the images
// itself, and writes a report in Markdown.
//
// Memory is what the kernel counts as the largest resident set of a process (VmHWM on Linux).
//
// It must not import packages that run sweeps: workflows, activities, worker.
package main
