//! What a device offers beyond the baseline.

/// A tier of devices, each a superset of the baseline. A device gets one, once, when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// WebGPU's default limits and no feature: 128 MiB bindings, 8 storage buffers, 16 KiB of workgroup memory, 256
    /// invocations.
    Baseline,
    /// 16-bit floats in shaders.
    F16,
    /// Subgroup operations, of whatever size (4 to 128).
    Subgroups,
    /// Both.
    SubgroupsF16,
}

impl Tier {
    /// All tiers, the most capable last.
    pub const ALL: [Tier; 4] = [Tier::Baseline, Tier::F16, Tier::Subgroups, Tier::SubgroupsF16];

    /// The tier that has exactly these.
    pub fn of(subgroups: bool, f16: bool) -> Self {
        match (subgroups, f16) {
            (false, false) => Tier::Baseline,
            (false, true) => Tier::F16,
            (true, false) => Tier::Subgroups,
            (true, true) => Tier::SubgroupsF16,
        }
    }

    /// True if kernels may use subgroup operations.
    pub fn subgroups(self) -> bool {
        matches!(self, Tier::Subgroups | Tier::SubgroupsF16)
    }

    /// True if kernels may use 16-bit floats.
    pub fn f16(self) -> bool {
        matches!(self, Tier::F16 | Tier::SubgroupsF16)
    }

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Baseline => "baseline",
            Tier::F16 => "f16",
            Tier::Subgroups => "subgroups",
            Tier::SubgroupsF16 => "subgroups+f16",
        }
    }
}
