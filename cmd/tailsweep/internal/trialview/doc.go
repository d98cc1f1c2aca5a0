// Package trialview formats trials for people: parameters, metrics, tables.
package trialview
