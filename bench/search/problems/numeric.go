package problems

// The optima and volumes without a closed form. Volumes of fronts whose curve
// is known are from TestVolumes with 400,000 points a piece; tailBest and those
// after it were found by search, go test ./bench/search/problems -run Numeric -numeric -v.
const (
	zdt3Volume     = 128.77815
	bnhVolume      = 5285 + 1./3
	srnVolume      = 42689.71
	tnkVolume      = 0.655060
	constrExVolume = 5.3326705
	osyVolume      = 49676.1
	c2dtlz2Volume  = 0.382333

	tailBest        = 37.310237780231397
	tailLimitedBest = 46.889897868781716
	gramacyBest     = 0.59978805201006735
	tailHeadVolume  = 613.055
	kursaweVolume   = 179.62
)
