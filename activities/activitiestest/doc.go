// Package activitiestest has fakes of the ports in package activities, for tests
// only: a trainer that follows a script instead of training, an archive in
// memory, executions from a table, a recorder that remembers.
//
// It must not be imported outside tests.
package activitiestest
