package backend

import "github.com/tailsweep/tailsweep/internal/wheel"

// pinned returns the wheel of a kind. Both were chosen because their PJRT API
// is near the one go-xla v0.4.2 was written against (docs/backends.md); changing
// one means running the trainer's tests on it.
func pinned(kind Kind) wheel.Pin {
	if kind == CUDA {
		return wheel.Pin{
			Project: "jax-cuda12-pjrt",
			Version: "0.10.0",
			Wheel:   "jax_cuda12_pjrt-0.10.0-py3-none-manylinux_2_27_x86_64.whl",
			SHA256:  "309515453f59caad95bf76c8bc649c24bc0e3d12d07baf3cf792be082abdee3b",
			Size:    164780016,
			Member:  "xla_cuda_plugin.so",
		}
	}
	return wheel.Pin{
		Project: "fastatomstruct-xla-cpu",
		Version: "2026.6.23",
		Wheel:   "fastatomstruct_xla_cpu-2026.6.23-py3-none-manylinux_2_27_x86_64.whl",
		SHA256:  "88b1c430b341b4bea40a37420311c9c75db6e22b46d2ff95b6986577bee6afe9",
		Size:    63200622,
		Member:  "libpjrt_cpu.so",

		MemberSHA256: "0a0fe56ca17be9efc7b942e89e534e5e0ad4a0f1e369b66d27b62184509015b9",
	}
}

// installCommand is what a user types to get a kind.
func installCommand(kind Kind) string {
	if kind == CUDA {
		return "tailsweep backend install --cuda"
	}
	return "tailsweep backend install"
}
