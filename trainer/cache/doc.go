// Package cache says where things are kept that can be fetched or computed again:
// XLA's plugins, datasets, decoded pictures; and the digest that a file there is known by.
//
// It must import nothing of this module: every process of tailsweep may ask it.
package cache
