// Package sweeps has the verbs that run, watch and steer a sweep.
package sweeps
