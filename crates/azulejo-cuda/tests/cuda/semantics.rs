//! What WGSL's operations mean, asked of a kernel and written out here.

use azulejo_cuda::{Bounds, HostBuffer, HostKernel, Options, translate_linked};
use azulejo_shaders::Tier;
use half::f16;

use crate::text;

/// Runs a kernel over words at binding 4, with `count` words at binding 8 to write.
fn run(source: &str, input: &[u32], count: usize, blocks: u32) -> Vec<u32> {
    let options = Options { bounds: Bounds::Abort, poison: true, overrides: None };
    let written = translate_linked("test", &text(source), Tier::Subgroups, &options).unwrap();
    let kernel = HostKernel::compile(vec![("test".to_owned(), written)]).unwrap().remove(0);
    let mut buffers = [HostBuffer::of(input), HostBuffer::zeros(4 * count as u64)];
    kernel.launch(&mut buffers, &[(4, 0), (8, 1)], [blocks, 1, 1]).unwrap();
    buffers[1].words()[..count].to_vec()
}

/// A kernel that writes `values` (of `a` and `b`, a word each) for each pair of words.
fn pairs(values: &[&str], input: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let count = values.len();
    let stores: Vec<String> =
        (0..).zip(values).map(|(i, value)| format!("  out[i * {count}u + {i}u] = {value};")).collect();
    let source = format!(
        "@group(0) @binding(4) var<storage, read> input: array<vec2<u32>>;
@group(0) @binding(8) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(64) fn test(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{
  let i = group.x * 64u + lane;
  if i >= {}u {{ return; }}
  let a = input[i].x;
  let b = input[i].y;
{}
}}
",
        input.len(),
        stores.join("\n")
    );
    let words: Vec<u32> = input.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let out = run(&source, &words, count * input.len(), input.len().div_ceil(64) as u32);
    out.chunks(count).map(<[u32]>::to_vec).collect()
}

/// Every pair of these.
fn all_pairs(words: &[u32]) -> Vec<(u32, u32)> {
    words.iter().flat_map(|a| words.iter().map(move |b| (*a, *b))).collect()
}

/// What an expression of `a` and `b` is, in bits.
type Value = fn(u32, u32) -> u32;

/// Asserts that a kernel's values are those of the functions.
fn check(values: &[(&str, Value)], input: &[(u32, u32)]) {
    let texts: Vec<&str> = values.iter().map(|(text, _)| *text).collect();
    for (&(a, b), got) in input.iter().zip(pairs(&texts, input)) {
        for ((text, value), got) in values.iter().zip(got) {
            assert_eq!(got, value(a, b), "{text} where a = {a:#x}, b = {b:#x}; right: {:#x}", value(a, b));
        }
    }
}

#[test]
fn integers_are_as_in_wgsl() {
    let words = [
        0,
        1,
        2,
        3,
        7,
        8,
        31,
        32,
        33,
        64,
        255,
        256,
        0x7f80,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0x80ff_017f,
        !0,
    ];
    check(
        &[
            ("a + b", u32::wrapping_add),
            ("a - b", u32::wrapping_sub),
            ("a * b", u32::wrapping_mul),
            ("a / b", |a, b| a.checked_div(b).unwrap_or(a)),
            ("a % b", |a, b| a.checked_rem(b).unwrap_or(0)),
            ("a << b", u32::wrapping_shl),
            ("a >> b", u32::wrapping_shr),
            ("(a & b) | (a ^ 5u)", |a, b| (a & b) | (a ^ 5)),
            ("min(a, b)", u32::min),
            ("max(a, b)", u32::max),
            ("clamp(a, 3u, b)", |a, b| a.max(3).min(b)),
            ("select(a, b, a < b)", |a, b| if a < b { b } else { a }),
            ("u32(a >= b) + 2u * u32(a == b) + 4u * u32(!(a != b))", |a, b| {
                u32::from(a >= b) + 6 * u32::from(a == b)
            }),
            ("bitcast<u32>(f32(a))", |a, _| (a as f32).to_bits()),
            ("bitcast<u32>(f32(bitcast<i32>(a)))", |a, _| (a as i32 as f32).to_bits()),
            ("bitcast<u32>(unpack4xI8(a).x)", |a, _| a as i8 as u32),
            ("bitcast<u32>(unpack4xI8(a).w)", |a, _| (a as i32 >> 24) as u32),
            ("unpack4xU8(a).z", |a, _| (a >> 16) & 255),
            ("bitcast<u32>(dot4I8Packed(a, b))", |a, b| {
                let bytes = |word: u32| word.to_le_bytes().map(|byte| i32::from(byte as i8));
                bytes(a).iter().zip(bytes(b)).map(|(a, b)| a * b).sum::<i32>() as u32
            }),
            ("bitcast<u32>(extractBits(bitcast<i32>(a), b, 5u))", |a, b| extracted(a, b, 5)),
            ("bitcast<u32>(extractBits(bitcast<i32>(a), 8u, b))", |a, b| extracted(a, 8, b)),
        ],
        &all_pairs(&words),
    );
}

/// `count` bits from `offset` on, with their sign, as WGSL says it.
fn extracted(word: u32, offset: u32, count: u32) -> u32 {
    let first = offset.min(32);
    let count = count.min(32 - first);
    let bits = (u64::from(word) >> first) & ((1u64 << count) - 1);
    let is_negative = count > 0 && bits >> (count - 1) == 1;
    (if is_negative { bits.wrapping_sub(1 << count) } else { bits }) as u32
}

#[test]
fn floats_are_as_in_wgsl() {
    let floats = [
        0.0f32,
        -0.0,
        0.5,
        1.5,
        2.5,
        -0.5,
        -2.5,
        3.999,
        -3.999,
        1e-3,
        65504.0,
        65519.99,
        65520.0,
        2.0e9,
        3.0e9,
        5.0e9,
        -2.2e9,
        -3.0e9,
        1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        6e-8,
        2.9e-8,
        6.1e-5,
        1e-40,
    ];
    let words: Vec<u32> = floats.iter().map(|f| f.to_bits()).collect();
    let float = f32::from_bits;
    check(
        &[
            ("u32(bitcast<f32>(a))", |a, _| f32::from_bits(a) as u32),
            ("bitcast<u32>(i32(bitcast<f32>(a)))", |a, _| f32::from_bits(a) as i32 as u32),
            ("bitcast<u32>(round(bitcast<f32>(a)))", |a, _| f32::from_bits(a).round_ties_even().to_bits()),
            ("bitcast<u32>(-abs(bitcast<f32>(a)))", |a, _| (-f32::from_bits(a).abs()).to_bits()),
            ("u32(bitcast<f32>(a) < bitcast<f32>(b))", |a, b| {
                u32::from(f32::from_bits(a) < f32::from_bits(b))
            }),
            ("u32(bitcast<f32>(a) != bitcast<f32>(b))", |a, b| {
                u32::from(f32::from_bits(a) != f32::from_bits(b))
            }),
        ],
        &all_pairs(&words),
    );
    // Functions that WGSL lets be a little off, where they have a value.
    let input: Vec<(u32, u32)> = all_pairs(&words)
        .into_iter()
        .filter(|(a, b)| float(*a).is_finite() && float(*b).is_finite())
        .collect();
    let values = [
        "bitcast<u32>(bitcast<f32>(a) / bitcast<f32>(b))",
        "bitcast<u32>(exp(bitcast<f32>(a)))",
        "bitcast<u32>(inverseSqrt(bitcast<f32>(a)))",
        "bitcast<u32>(clamp(bitcast<f32>(a), -1.0, 2.0))",
        "bitcast<u32>(dot(vec2<f32>(bitcast<f32>(a), 2.0), vec2<f32>(3.0, bitcast<f32>(b))))",
    ];
    for (&(a, b), got) in input.iter().zip(pairs(&values, &input)) {
        let (a, b) = (f64::from(float(a)), f64::from(float(b)));
        let want = [a / b, a.exp(), 1.0 / a.sqrt(), a.clamp(-1.0, 2.0), a * 3.0 + 2.0 * b];
        for ((text, got), want) in values.iter().zip(got).zip(want) {
            let got = f64::from(float(got));
            let is_right = (got - want).abs() <= 1e-6 * want.abs() + 1e-44;
            // Where the right value is no number or none that an f32 can be, any will do.
            let is_open = !want.is_finite() || want.abs() > f64::from(f32::MAX);
            assert!(is_right || is_open, "{text} where a = {a}, b = {b}: {got}, not {want}");
        }
    }
}

#[test]
fn halves_are_rounded_to_the_nearest() {
    let input: Vec<(u32, u32)> =
        (0..=0xffffu32).step_by(2).map(|bits| (bits | (bits + 1) << 16, 0)).collect();
    let values = ["bitcast<u32>(unpack2x16float(a).x)", "bitcast<u32>(unpack2x16float(a).y)"];
    for (&(word, _), got) in input.iter().zip(pairs(&values, &input)) {
        for (bits, got) in [word & 0xffff, word >> 16].into_iter().zip(got) {
            let (want, got) = (f16::from_bits(bits as u16).to_f32(), f32::from_bits(got));
            assert!(got == want || got.is_nan() && want.is_nan(), "{bits:#x}: {got}, not {want}");
        }
    }
    // Each half, the floats just beside the middle between it and the next one, and the middle itself.
    let input: Vec<(u32, u32)> = (0..0x7c00u16)
        .flat_map(|bits| {
            let (this, next) = (f16::from_bits(bits).to_f64(), f16::from_bits(bits + 1).to_f64());
            let next = if next.is_finite() { next } else { 65536.0 };
            let middle = ((this + next) / 2.0) as f32;
            [(this as f32, middle), (middle.next_down(), -middle.next_up())]
        })
        .map(|(a, b)| (a.to_bits(), b.to_bits()))
        .collect();
    let got = pairs(&["pack2x16float(vec2<f32>(bitcast<f32>(a), bitcast<f32>(b)))"], &input);
    for (&(a, b), got) in input.iter().zip(got) {
        let half = |bits: u32| u32::from(f16::from_f32(f32::from_bits(bits)).to_bits());
        let want = half(a) | half(b) << 16;
        assert_eq!(got[0], want, "{} and {}", f32::from_bits(a), f32::from_bits(b));
    }
}

#[test]
fn composites_are_as_in_wgsl() {
    // Components, elements and columns by computed indices, as values and in memory; parts that are vectors.
    let source = "
struct Pair { scale: f32, place: vec3<u32>, rest: f32 }
@group(0) @binding(4) var<storage, read> input: array<Pair>;
@group(0) @binding(8) var<storage, read_write> out: array<u32>;
var<workgroup> kept: array<vec4<u32>, 64>;

fn second(values: array<vec2<f32>, 3>, i: u32) -> f32 { return values[i].y; }

@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) {
  let i = lane % 3u;
  let pair = input[i % 2u];
  var v = vec4<u32>(vec2<u32>(1u, 2u), 3u, 4u);
  v[i] = 10u + lane;
  kept[lane] = v.wzyx;
  kept[lane][i] += 100u;
  workgroupBarrier();
  let other = kept[(lane + 1u) % 64u];
  var m = mat4x4<f32>(vec4<f32>(1.0), vec4<f32>(2.0), vec4<f32>(3.0), vec4<f32>(4.0)) * 2.0;
  m[i][i] += 1.0;
  let values = array<vec2<f32>, 3>(vec2<f32>(pair.scale), vec2<f32>(0.0, pair.rest), vec2<f32>(7.0, 8.0));
  let is_less = select(vec4<u32>(0u), vec4<u32>(1u, 2u, 4u, 8u), v < vec4<u32>(4u));
  out[lane * 6u] = other[i];
  out[lane * 6u + 1u] = v[(i + 1u) % 4u];
  out[lane * 6u + 2u] = pair.place[i] + u32(m[i][i]) + 1000u * u32(m[i][3]);
  out[lane * 6u + 3u] = u32(second(values, i));
  out[lane * 6u + 4u] = is_less.x + is_less.y + is_less.z + is_less.w;
  out[lane * 6u + 5u] = u32(subgroupAdd(f32(lane))) + 10000u * u32(subgroupMax(f32(lane)));
}
";
    let f = f32::to_bits;
    // A struct of 32 bytes: the vector at 16, what follows it in its fourth word.
    let input = [f(5.0), 0, 0, 0, 11, 12, 13, f(6.0), f(15.0), 0, 0, 0, 21, 22, 23, f(16.0)];
    let got = run(source, &input, 64 * 6, 1);
    for lane in 0..64u32 {
        let vector = |lane: u32| {
            let mut v = [1, 2, 3, 4];
            v[lane as usize % 3] = 10 + lane;
            v
        };
        let i = lane as usize % 3;
        let next = (lane + 1) % 64;
        let mut kept = vector(next);
        kept.reverse();
        kept[next as usize % 3] += 100;
        let (pair, v) = (i % 2, vector(lane));
        let column = 2 * (i as u32 + 1);
        let is_less: u32 = v.iter().zip([1, 2, 4, 8]).map(|(v, bit)| if *v < 4 { bit } else { 0 }).sum();
        let first = lane / 32 * 32;
        let want = [
            kept[i],
            v[(i + 1) % 4],
            [11, 21][pair] + i as u32 + column + 1 + 1000 * column,
            [[5, 6, 8], [15, 16, 8]][pair][i],
            is_less,
            (first..first + 32).sum::<u32>() + 10_000 * (first + 31),
        ];
        assert_eq!(got[lane as usize * 6..][..6], want, "lane {lane}");
    }
}

#[test]
fn what_the_prelude_has_in_the_place_of_a_function_is_what_the_function_says() {
    let piece = include_str!("../../../../shaders/src/lib/bytes_fractions.wesl");
    let function = piece.lines().skip_while(|line| !line.starts_with("fn fractions")).take(3);
    let function: Vec<&str> = function.collect();
    let source = |name: &str| {
        format!(
            "@group(0) @binding(4) var<storage, read> input: array<u32>;
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>;
{}
@compute @workgroup_size(64) fn test(@builtin(local_invocation_index) lane: u32) {{ out[lane] = {name}(input[lane]); }}
",
            function.join("\n").replace("fractions", name)
        )
    };
    let bytes: Vec<u8> = (0..=255u32).map(|i| (i * 77 % 128) as u8).collect();
    let words: Vec<u32> = bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    // By another name it is translated.
    for name in ["fractions", "translated"] {
        let got = run(&source(name), &words, 4 * words.len(), 1);
        for (byte, got) in bytes.iter().zip(got) {
            assert_eq!(f32::from_bits(got), 1.0 + f32::from(*byte) / 128.0, "{name} of {byte}");
        }
    }
}
