package sweep

// BlockReason says why a sweep makes no progress until somebody changes something
// outside it. The list is closed: it is a label of the metric
// tailsweep_sweep_blocked.
type BlockReason string

// The reasons. All but other are about the object store; internal/store detects them.
const (
	BlockUnreachable BlockReason = "unreachable"   // nothing answers at the endpoint
	BlockTLS         BlockReason = "tls"           // http for https, or a certificate that is not trusted
	BlockNoKeys      BlockReason = "no_keys"       // the worker has no credentials
	BlockUnknownKey  BlockReason = "unknown_key"   // the access key is unknown or revoked
	BlockWrongSecret BlockReason = "wrong_secret"  // the secret key does not match the access key
	BlockExpiredKeys BlockReason = "expired_keys"  // temporary credentials have expired
	BlockDenied      BlockReason = "access_denied" // the keys lack a permission
	BlockRegion      BlockReason = "wrong_region"  // the bucket is in another region
	BlockClock       BlockReason = "clock_skew"    // the worker's clock is wrong
	BlockNoBucket    BlockReason = "no_bucket"     // the bucket does not exist
	BlockFull        BlockReason = "storage_full"  // the store takes no more bytes
	BlockOther       BlockReason = "other"         // anything else: no answer in time, an error of the store, a bug
)

// BlockList lists all reasons.
func BlockList() []BlockReason {
	return []BlockReason{
		BlockUnreachable, BlockTLS, BlockNoKeys, BlockUnknownKey, BlockWrongSecret, BlockExpiredKeys,
		BlockDenied, BlockRegion, BlockClock, BlockNoBucket, BlockFull, BlockOther,
	}
}
