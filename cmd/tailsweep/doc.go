// Command tailsweep runs hyper-parameter sweeps of class-imbalanced diffusion
// models. main.go has the table of its verbs; each verb is a file in the folder of
// its group, except those that send a command to a sweep: they are rows of
// internal/steering/verb.go. internal/cli has what all verbs share.
//
// Invariants: a verb is in one group; an error ends the program with a code of
// internal/cli/exit.go. The packages of two groups do not import each other.
//
// It must not import Temporal's server or devstack: the stack is a program of its own.
package main
