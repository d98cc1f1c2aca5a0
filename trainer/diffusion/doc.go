// Package diffusion has the noise schedules, the training loss with its terms, and
// sampling with guidance.
//
// Notation:
//
//	T       diffusion steps, 1000
//	t       step of an image, 0 (least noise) .. T-1; noise level t/T in [0, 1)
//	abar_t  product of (1 - beta_s) over s <= t
//	x_0     image in [-1, 1]        eps  its noise, standard normal
//	x_t     sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps
//	v       sqrt(abar_t) eps - sqrt(1 - abar_t) x_0
//	y       label; null where it was dropped for guidance
//	eps_c   eps(x_t, t, y)          eps_0  eps(x_t, t, null), of the same x_t and t
//	h       latent of a pass `[B,D]` (nets)
//	alpha, gamma  weights of InfoNCE and alignment
//	w       guidance scale
//
//	L = (1 - w_t2h) L_ddpm + alpha L_infonce + gamma L_alignment + w_t2h L_t2h + ...
//	L_ddpm = mean |prediction - target|^2
//
// Each term is a file with its formula and source, and a row of the table terms (loss.go).
// The paper's own terms are in infonce.go and alignment.go (arXiv 2507.09052, as in the
// authors' released code); terms of other papers, for comparison, are in cbdm.go, t2h.go,
// coral.go and dispersive.go. Terms can be combined. eps_0 and its h come from a second forward pass, which terms share and
// which is built only when a term with a weight above 0 needs it: with all weights at 0
// the graph is that of plain DDPM. Each sampler is one file and one row of the table
// methods (sampler.go).
//
// Random numbers come from streams in Go that are functions of a seed and a counter
// (random.go), never from a graph, so there is no random state to save.
//
// It must not import any other package of trainer but nets.
package diffusion
