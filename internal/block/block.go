package block

// Reason says why a sweep makes no progress until somebody changes something outside
// it. The list is closed: it is a label of the metric tailsweep_sweep_blocked.
type Reason string

// The reasons. LedgerDamaged and NotOwner are about what the store has, WrongStore,
// WrongBuild and Environment about a worker, Other about anything; the rest are about the access to the
// object store.
const (
	Unreachable Reason = "unreachable"   // nothing answers at the endpoint
	TLS         Reason = "tls"           // http for https, or a certificate that is not trusted
	NoKeys      Reason = "no_keys"       // the process has no credentials
	UnknownKey  Reason = "unknown_key"   // the access key is unknown or revoked
	WrongSecret Reason = "wrong_secret"  // the secret key does not belong to the access key
	ExpiredKeys Reason = "expired_keys"  // temporary credentials have expired
	Denied      Reason = "access_denied" // the keys lack a permission
	Region      Reason = "wrong_region"  // the bucket is in another region
	Clock       Reason = "clock_skew"    // this machine's clock is wrong
	NoBucket    Reason = "no_bucket"     // the bucket does not exist
	Full        Reason = "storage_full"  // the store takes no more bytes

	LedgerDamaged Reason = "ledger_damaged" // the ledger or a result fails verification: see `tailsweep doctor SWEEP`

	NotOwner   Reason = "not_owner"   // the sweep's name belongs to another sweep
	WrongStore Reason = "wrong_store" // the worker uses another object store than the sweep
	WrongBuild Reason = "wrong_build" // the worker's build does not know all of the spec

	Environment Reason = "environment" // the machine of a worker cannot run the trainer

	Other Reason = "other" // anything else: no answer in time, an error of the store, a bug
)

// OfProcess reports whether another worker may well do what this one is refused: the cause is
// its build, its clock or its configuration.
func (r Reason) OfProcess() bool {
	switch r {
	case WrongBuild, WrongStore, Clock, TLS, NoKeys, UnknownKey, WrongSecret, ExpiredKeys, Region:
		return true
	default:
		return false
	}
}

// OfWrites reports whether the cause may remain although a trial has made a step: the object
// store, or the check of the owner before a write, refuses only requests that write.
func (r Reason) OfWrites() bool {
	switch r {
	case Denied, Full, LedgerDamaged, NotOwner, WrongStore, Other:
		return true
	default:
		return false
	}
}

// Reasons lists all reasons.
func Reasons() []Reason {
	return []Reason{Unreachable, TLS, NoKeys, UnknownKey, WrongSecret, ExpiredKeys, Denied, Region, Clock, NoBucket, Full, LedgerDamaged, NotOwner, WrongStore, WrongBuild, Environment, Other}
}
