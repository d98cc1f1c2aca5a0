package simulate

// The optima and volumes that have no closed form, as found by the searches of
// numeric_test.go: go test ./sweep/simulate -run Numeric -numeric -v. Volumes come
// from millions of evaluations and are right to about 1e-4 of themselves, from
// below.
const (
	tailBest        = 37.310237780231397
	tailLimitedBest = 46.889897868781716
	gramacyBest     = 0
	tailHeadVolume  = 612.5861466
	zdt3Volume      = 128.742213
	kursaweVolume   = 179.3406692
	bnhVolume       = 5284.365825
	srnVolume       = 42645.00176
	tnkVolume       = 0.6504640124
	constrExVolume  = 5.324995483
	osyVolume       = 18540.34229
	c2dtlz2Volume   = 0.3821656854
)
