// Package proposal writes the first spec of a folder of images: the size of the images, the
// groups, the model, the metrics that can be measured, and as many steps and trials as fit into
// the hours that there are. Each choice has its reason as a comment.
//
// It reads no file and measures nothing: what is known of the images and of the machine is in
// the Request. It must not import the packages of other verbs.
package proposal
