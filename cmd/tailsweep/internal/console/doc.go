// Package console lays out text for terminals: tables, wrapped lines, colours and
// plots of characters. It knows no sweeps.
package console
