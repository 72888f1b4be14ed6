//! The kernels' cases against their twins: what the tests, the start-up self-test and `azulejo validate` share.
//!
//! A [`Case`] is a call with its inputs. An [`Executor`] runs calls; [`run_cases`] runs cases on one and compares what
//! it wrote with what the twin writes. An executor that can only answer later (a browser's) takes the steps of
//! [`run_case`] one by one: [`Case::setup`], its own run, [`Case::judge`].

use azulejo_plan::KvType;

use crate::kernel::{Reads, Run, Variant, Writes};
use crate::kernels;
use crate::link::{Access, Target, link};
use crate::program::Call;
use crate::tier::Tier;
use crate::twin::Cache;

/// A call to make, and how well it must do.
pub struct Case {
    /// Topic first: `gemv_q4_k_ragged_rows`.
    pub name: String,
    /// The greatest normalised mean square error ([`nmse`]) that is right.
    pub tolerance: f64,
    /// True if it belongs to the start-up self-test.
    pub probe: bool,
    make: Box<dyn Fn() -> Setup + Send + Sync>,
}

/// A call with its inputs.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The call; its binds say which of `buffers` is bound where.
    pub call: Call,
    /// The step.
    pub run: Run,
    /// The contents of the buffers before the call, in words; a multiple of 4 words each.
    pub buffers: Vec<Vec<u32>>,
    /// The buffers that are compared afterwards. The others must stay as they are.
    pub outputs: Vec<Output>,
}

/// A buffer that a call writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// Its place in [`Setup::buffers`].
    pub buffer: usize,
    /// What its words are.
    pub kind: Words,
}

/// What a buffer's words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// f32.
    Floats,
    /// A KV cache of that type, compared block by block, or by pairs of f16.
    Cache(KvType),
    /// Integers, compared for equality.
    Integers,
}

/// Whatever can run a call.
pub trait Executor {
    /// Runs it over the buffers, and leaves there what it wrote.
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String>;
}

/// What became of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseResult {
    /// The case.
    pub name: String,
    /// The greatest error of its outputs; infinite if something else is wrong.
    pub nmse: f64,
    /// The greatest error that is right.
    pub tolerance: f64,
    /// True if all is right.
    pub passed: bool,
    /// What is wrong besides an error over the tolerance.
    pub problem: Option<String>,
}

impl std::fmt::Display for CaseResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = if self.passed { "ok" } else { "FAILED" };
        write!(f, "{}: {verdict}, error {:.1e} (at most {:.0e})", self.name, self.nmse, self.tolerance)?;
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

impl Case {
    /// A case whose call and inputs are made when they are asked for, the same each time.
    pub fn new(name: String, tolerance: f64, make: impl Fn() -> Setup + Send + Sync + 'static) -> Self {
        Self { name, tolerance, probe: false, make: Box::new(make) }
    }

    /// The call and its inputs.
    pub fn setup(&self) -> Setup {
        (self.make)()
    }

    /// Compares the buffers that an executor left with those that the twin leaves.
    pub fn judge(&self, setup: &Setup, got: &[Vec<u32>]) -> CaseResult {
        let mut want = setup.buffers.clone();
        let compared =
            TwinExecutor.execute(&setup.call, setup.run, &mut want).and_then(|()| compare(setup, got, &want));
        self.result(compared)
    }

    fn result(&self, compared: Result<f64, String>) -> CaseResult {
        let (nmse, problem) = match compared {
            Ok(nmse) => (nmse, None),
            Err(problem) => (f64::INFINITY, Some(problem)),
        };
        let (name, tolerance) = (self.name.clone(), self.tolerance);
        CaseResult { name, nmse, tolerance, passed: nmse <= tolerance, problem }
    }
}

/// Every case of every kernel.
pub fn all_cases() -> Vec<Case> {
    kernels::ALL.iter().flat_map(|kernel| (kernel.cases)()).collect()
}

/// The few, small ones that a device is tried with when it is opened.
pub fn probe_cases() -> Vec<Case> {
    all_cases().into_iter().filter(|case| case.probe).collect()
}

/// Runs a case and compares.
pub fn run_case(executor: &mut impl Executor, case: &Case) -> CaseResult {
    let setup = case.setup();
    let mut buffers = setup.buffers.clone();
    match executor.execute(&setup.call, setup.run, &mut buffers) {
        Ok(()) => case.judge(&setup, &buffers),
        Err(problem) => case.result(Err(problem)),
    }
}

/// A case's name with the text that a tier makes of its kernel: whoever checks several tiers needs no such pair twice,
/// since a tier that changes nothing in a text would only run the same again.
///
/// # Errors
/// [`LinkError`](crate::LinkError): the variant can't be put together.
pub fn identity(case: &Case, tier: Tier) -> Result<String, crate::LinkError> {
    let call = case.setup().call;
    let linked = link(call.kernel, &call.variant, tier, Target::Native)?;
    let lines = linked.source.lines().filter(|line| !line.starts_with("enable "));
    Ok(std::iter::once(case.name.as_str()).chain(lines).collect::<Vec<_>>().join("\n"))
}

/// Runs cases and compares.
pub fn run_cases(executor: &mut impl Executor, cases: &[Case]) -> Vec<CaseResult> {
    cases.iter().map(|case| run_case(executor, case)).collect()
}

/// Runs the twins.
#[derive(Clone, Copy, Debug, Default)]
pub struct TwinExecutor;

impl Executor for TwinExecutor {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        // What is written may depend on the variant, so the linker is asked.
        let linked =
            link(call.kernel, &call.variant, Tier::Baseline, Target::Native).map_err(|e| e.to_string())?;
        let mut writable = Vec::new();
        for binding in linked.bindings.iter().filter(|b| b.access == Access::ReadWrite) {
            let bind = bind(call, binding.number)?;
            writable.push((binding.number, bind, std::mem::take(&mut buffers[bind])));
        }
        let mut reads = Reads::default();
        let mut done = Ok(());
        for binding in linked.bindings.iter().filter(|b| b.access == Access::Read) {
            match bind(call, binding.number) {
                Ok(buffer) if writable.iter().any(|(_, other, _)| *other == buffer) => {
                    done = Err(format!("{}: a buffer is read and written at once", call.kernel.name));
                }
                Ok(buffer) => reads.0[binding.number as usize] = Some(&buffers[buffer]),
                Err(problem) => done = Err(problem),
            }
        }
        if done.is_ok() {
            let mut writes = Writes::default();
            for (number, _, words) in &mut writable {
                writes.0[*number as usize] = Some(words);
            }
            (call.kernel.twin)(call, run, &reads, &mut writes);
        }
        for (_, buffer, words) in writable {
            buffers[buffer] = words;
        }
        done
    }
}

fn bind(call: &Call, number: u32) -> Result<usize, String> {
    let found = call.binds.iter().find(|b| b.binding == number).map(|b| b.buffer);
    found.ok_or_else(|| format!("{}: nothing is bound at {number}", call.kernel.name))
}

/// The error of the outputs, or what is wrong besides it.
fn compare(setup: &Setup, got: &[Vec<u32>], want: &[Vec<u32>]) -> Result<f64, String> {
    let mut worst = 0.0f64;
    for (i, (before, (got, want))) in setup.buffers.iter().zip(got.iter().zip(want)).enumerate() {
        let at = |place: usize| format!("buffer {i}, word {place}");
        if got.len() != want.len() {
            return Err(format!("buffer {i} has {} words, not {}", got.len(), want.len()));
        }
        let kind = setup.outputs.iter().find(|o| o.buffer == i).map_or(Words::Integers, |o| o.kind);
        // No more at a time than hangs together, so that whatever else was changed is found.
        let elements = if let Words::Cache(kind) = kind { kind.block_len().max(2) } else { 1 };
        let step = if let Words::Cache(kind) = kind { kind.bytes(elements.into()) as usize / 4 } else { 1 };
        let chunks = before.chunks(step).zip(got.chunks(step).zip(want.chunks(step)));
        // Only what the twin changes is compared by its error: what surrounds it would hide a large one.
        let mut pairs = Vec::new();
        for (place, (before, (got, want))) in chunks.enumerate() {
            let float = |words: &[u32]| f32::from_bits(words[0]);
            match kind {
                _ if kind == Words::Integers || before == want => {
                    if got != want && !(kind == Words::Floats && float(got) == float(want)) {
                        return Err(format!("{}: {got:#x?} instead of {want:#x?}", at(place * step)));
                    }
                }
                Words::Cache(kind) => {
                    let values = |words| Cache(kind).load(words, 0, elements as usize);
                    pairs.extend(values(got).into_iter().zip(values(want)));
                }
                _ => pairs.push((f64::from(float(got)), f64::from(float(want)))),
            }
        }
        if pairs.iter().any(|(got, want)| got.is_nan() && !want.is_nan()) {
            return Err(format!("buffer {i} holds values that are no numbers"));
        }
        worst = worst.max(nmse(pairs));
    }
    Ok(worst)
}

/// The normalised mean square error: the sum of `(got - want)^2` over that of `want^2`.
///
/// Infinite where a value is not finite, or where all of `want` is zero and `got` is not.
pub fn nmse(pairs: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (mut error, mut power) = (0.0, 0.0);
    for (got, want) in pairs {
        error += (got - want) * (got - want);
        power += want * want;
    }
    match error / power {
        _ if error == 0.0 && power.is_finite() => 0.0,
        ratio if ratio.is_finite() => ratio,
        _ => f64::INFINITY,
    }
}

/// Values are only moved or compared.
pub const EXACT: f64 = 0.0;
/// All is f32. Sums of a few thousand products, `exp` and divisions of a few units in the last place leave relative
/// errors of 1e-6 at most, and this is their square with some room. CUDA's override of `gemm` makes two bf16 of a number, which
/// have 16 bits, and three products of four: 2e-11 was measured, however many columns there are.
pub const F32: f64 = 1e-10;
/// As [`F32`], but the errors of scores, sums over a head of up to 512 elements, go through `exp`: 3e-11 was measured, and 2e-10
/// of CUDA's override of `attn`, whose factors have 16 bits.
pub const ATTENTION: f64 = 1e-9;
/// Quants of less than 8 bits are multiplied before scale and offset, and the two sums cancel (Q4_0: `d * sum(q x) - 8 d * sum(x)`).
pub const QUANTISED: f64 = 1e-7;
/// A value is rounded to f16 on the way, and WGSL leaves it to the device whether to round or to truncate: one unit in
/// the last place in half of the values is 2e-7.
pub const F16_STORED: f64 = 1e-6;
/// A value is quantised on the way. What lies between two steps may go to either: one such of 8 bits in a hundred is 3e-6.
pub const QUANTISED_STORED: f64 = 1e-5;

/// The tolerance of a kernel's variant: the table of them all.
pub fn tolerance(kernel: &str, variant: &Variant) -> f64 {
    let quantises = [variant.keys(), variant.values()].into_iter().any(|kind| kind.block_len() > 1);
    let rounds = variant.has("kcache_f16") || variant.has("vcache_f16");
    match kernel {
        "argmax" | "argmax_merge" => EXACT,
        // A row of a table is a product and a sum for each weight.
        "embed" => F32,
        "gemv" | "gemv_narrow" | "gemv_glu" | "gemv_glu_narrow" | "gemm" | "gemm_narrow"
            if !variant.block().is_precise() =>
        {
            QUANTISED
        }
        // Both write the token's own key and value; `attn` only reads what was rounded before.
        "rope_kv" | "attn_decode" if quantises => QUANTISED_STORED,
        "rope_kv" | "attn_decode" if rounds => F16_STORED,
        "attn" | "attn_decode" => ATTENTION,
        _ => F32,
    }
}
