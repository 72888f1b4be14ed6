//! From logits to a token: llama.cpp's chain, in its order and with its meaning.
//!
//! Penalties, then top-k, top-p, min-p, then the temperature, then a draw. A temperature of 0 takes the greatest
//! logit behind the penalties.

use std::collections::{BTreeMap, VecDeque};

use crate::EngineError;

/// The chain's parameters.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SamplerOptions {
    /// What logits are divided by; 0 or less is greedy.
    pub temperature: f32,
    /// Only the so many greatest logits; 0 is all.
    pub top_k: u32,
    /// Only the greatest logits up to this sum of probabilities (Holtzman et al., 2020), from 0 to 1; 1 is all.
    pub top_p: f32,
    /// Only what is at least this part as probable as the most probable, from 0 to 1; 0 is all.
    pub min_p: f32,
    /// What the logits of tokens that were there are divided by, or multiplied by where negative (Keskar et al., 2019);
    /// greater than 0, and 1 is none.
    pub repeat_penalty: f32,
    /// How many tokens back the penalties look; 0 turns them off, -1 is all.
    pub repeat_last_n: i32,
    /// Subtracted from a logit for each time the token was there.
    pub frequency_penalty: f32,
    /// Subtracted from a logit once if the token was there.
    pub presence_penalty: f32,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            temperature: 0.8,
            top_k: 40,
            top_p: 0.95,
            min_p: 0.05,
            repeat_penalty: 1.0,
            repeat_last_n: 64,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
        }
    }
}

impl SamplerOptions {
    /// The usual ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most probable token, always.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// Sets [`temperature`](field@Self::temperature).
    pub fn temperature(mut self, temperature: f32) -> Self {
        self.temperature = temperature;
        self
    }

    /// Sets [`top_k`](field@Self::top_k).
    pub fn top_k(mut self, top_k: u32) -> Self {
        self.top_k = top_k;
        self
    }

    /// Sets [`top_p`](field@Self::top_p).
    pub fn top_p(mut self, top_p: f32) -> Self {
        self.top_p = top_p;
        self
    }

    /// Sets [`min_p`](field@Self::min_p).
    pub fn min_p(mut self, min_p: f32) -> Self {
        self.min_p = min_p;
        self
    }

    /// Sets [`repeat_penalty`](field@Self::repeat_penalty).
    pub fn repeat_penalty(mut self, repeat_penalty: f32) -> Self {
        self.repeat_penalty = repeat_penalty;
        self
    }

    /// Sets [`repeat_last_n`](field@Self::repeat_last_n).
    pub fn repeat_last_n(mut self, repeat_last_n: i32) -> Self {
        self.repeat_last_n = repeat_last_n;
        self
    }

    /// Sets [`frequency_penalty`](field@Self::frequency_penalty).
    pub fn frequency_penalty(mut self, frequency_penalty: f32) -> Self {
        self.frequency_penalty = frequency_penalty;
        self
    }

    /// Sets [`presence_penalty`](field@Self::presence_penalty).
    pub fn presence_penalty(mut self, presence_penalty: f32) -> Self {
        self.presence_penalty = presence_penalty;
        self
    }

    /// Looks for a parameter that makes no sense. What isn't a number would not stop the chain, but choose badly: a NaN is
    /// less than nothing and divides everything.
    ///
    /// # Errors
    /// [`EngineError::Sampler`], which names the first one.
    pub fn check(&self) -> Result<(), EngineError> {
        let within = |name, value: f32, is_right: bool, needed| {
            let is_right = value.is_finite() && is_right;
            if is_right {
                Ok(())
            } else {
                Err(EngineError::Sampler { name, value: value.to_string(), needed })
            }
        };
        let from_0_to_1 = |name, value: f32| within(name, value, (0.0..=1.0).contains(&value), "from 0 to 1");
        within("temperature", self.temperature, true, "a number; 0 takes the most probable token")?;
        from_0_to_1("top_p", self.top_p)?;
        from_0_to_1("min_p", self.min_p)?;
        let above_0 = "a number greater than 0; 1 is none";
        within("repeat_penalty", self.repeat_penalty, self.repeat_penalty > 0.0, above_0)?;
        if self.repeat_last_n < -1 {
            let (value, needed) =
                (self.repeat_last_n.to_string(), "a number of tokens, or -1 for all of them");
            return Err(EngineError::Sampler { name: "repeat_last_n", value, needed });
        }
        within("frequency_penalty", self.frequency_penalty, true, "a number; 0 is none")?;
        within("presence_penalty", self.presence_penalty, true, "a number; 0 is none")
    }

    fn penalises(&self) -> bool {
        self.repeat_last_n != 0
            && (self.repeat_penalty != 1.0 || self.frequency_penalty != 0.0 || self.presence_penalty != 0.0)
    }
}

/// Uniformly distributed numbers in `[0, 1)`.
pub trait RandomSource {
    /// The next one.
    fn uniform(&mut self) -> f64;
}

/// A small generator with a seed (Steele, Lea and Flood, 2014), so that a run can be replayed.
#[derive(Clone, Debug)]
pub struct SplitMix64(pub u64);

impl RandomSource for SplitMix64 {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The chain, with the tokens that its penalties look back at.
#[derive(Clone, Debug)]
pub struct Sampler {
    options: SamplerOptions,
    history: VecDeque<u32>,
    /// How often each token is in the history.
    counts: BTreeMap<u32, u32>,
    /// Tokens and logits of the last choice, kept for their memory: some MB a token for the largest vocabularies.
    candidates: Vec<(u32, f32)>,
}

impl Sampler {
    /// A chain that has seen no token.
    pub fn new(options: SamplerOptions) -> Self {
        Self { options, history: VecDeque::new(), counts: BTreeMap::new(), candidates: Vec::new() }
    }

    /// True if the greatest logit is what it takes, so that a device can choose by itself.
    pub fn is_greedy(&self) -> bool {
        self.options.temperature <= 0.0 && !self.options.penalises()
    }

    /// Remembers a token, of the prompt or of the answer.
    pub fn accept(&mut self, token: u32) {
        if !self.options.penalises() {
            return;
        }
        self.history.push_back(token);
        *self.counts.entry(token).or_default() += 1;
        let most = usize::try_from(self.options.repeat_last_n).unwrap_or(usize::MAX);
        if self.history.len() <= most {
            return;
        }
        let Some(oldest) = self.history.pop_front() else { return };
        if let Some(count) = self.counts.get_mut(&oldest) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
    }

    /// The parameters.
    pub fn options(&self) -> &SamplerOptions {
        &self.options
    }

    /// Takes a token; none if no logit is a number, or the chance of one has no number.
    pub fn sample(&mut self, logits: &[f32], random: &mut dyn RandomSource) -> Option<u32> {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        candidates.extend((0u32..).zip(logits.iter().copied()).filter(|(_, l)| !l.is_nan()));
        let token = self.choose(&mut candidates, random);
        self.candidates = candidates;
        token
    }

    /// The chain behind the logits that are numbers, which stand in their tokens' order.
    fn choose(&self, candidates: &mut Vec<(u32, f32)>, random: &mut dyn RandomSource) -> Option<u32> {
        self.penalise(candidates);
        if self.options.temperature <= 0.0 {
            // The lowest index on ties.
            let greatest = candidates.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
            return greatest.map(|(token, _)| token);
        }
        keep_top_k(candidates, self.options.top_k);
        keep_top_p(candidates, self.options.top_p);
        keep_min_p(candidates, self.options.min_p);
        let most = candidates.first().map(|(_, logit)| *logit).filter(|logit| logit.is_finite())?;
        let weights: Vec<f64> = candidates
            .iter()
            .map(|(_, l)| (f64::from(l - most) / f64::from(self.options.temperature)).exp())
            .collect();
        let mut rest = random.uniform() * weights.iter().sum::<f64>();
        for ((token, _), weight) in candidates.iter().zip(&weights) {
            rest -= weight;
            if rest < 0.0 {
                return Some(*token);
            }
        }
        candidates.last().map(|(token, _)| *token)
    }

    /// Looks the history's tokens up among the candidates, not the other way round: there are thousands of times fewer.
    fn penalise(&self, candidates: &mut [(u32, f32)]) {
        let o = &self.options;
        for (token, &count) in &self.counts {
            // A token's place isn't its number where a logit before it was none.
            let Ok(place) = candidates.binary_search_by_key(token, |(token, _)| *token) else { continue };
            let logit = &mut candidates[place].1;
            *logit = if *logit <= 0.0 { *logit * o.repeat_penalty } else { *logit / o.repeat_penalty };
            *logit -= count as f32 * o.frequency_penalty + o.presence_penalty;
            // An extreme penalty leaves numbers, which have a difference.
            *logit = logit.clamp(f32::MIN, f32::MAX);
        }
    }
}

/// Sorts by logit, greatest first, and keeps `k` (all if 0).
fn keep_top_k(candidates: &mut Vec<(u32, f32)>, k: u32) {
    let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let k = k as usize;
    if k > 0 && k < candidates.len() {
        candidates.select_nth_unstable_by(k - 1, descending);
        candidates.truncate(k);
    }
    candidates.sort_unstable_by(descending);
}

/// Keeps the first candidates whose probabilities reach `p`; at least one.
fn keep_top_p(candidates: &mut Vec<(u32, f32)>, p: f32) {
    let Some(&(_, most)) = candidates.first() else { return };
    if p >= 1.0 {
        return;
    }
    let weights: Vec<f64> = candidates.iter().map(|(_, l)| f64::from(l - most).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let kept = weights.iter().position(|w| {
        sum += w / total;
        sum >= f64::from(p)
    });
    candidates.truncate(kept.map_or(candidates.len(), |last| last + 1));
}

/// Keeps what is at least `p` times as probable as the first; at least one.
fn keep_min_p(candidates: &mut Vec<(u32, f32)>, p: f32) {
    let Some(&(_, most)) = candidates.first() else { return };
    if p <= 0.0 {
        return;
    }
    let least = most + p.ln();
    let kept = candidates.iter().take_while(|(_, l)| *l >= least).count();
    candidates.truncate(kept.max(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(f64);

    impl RandomSource for Fixed {
        fn uniform(&mut self) -> f64 {
            self.0
        }
    }

    fn draw(options: SamplerOptions, history: &[u32], logits: &[f32], at: f64) -> Option<u32> {
        let mut sampler = Sampler::new(options);
        history.iter().for_each(|t| sampler.accept(*t));
        sampler.sample(logits, &mut Fixed(at))
    }

    fn all() -> SamplerOptions {
        SamplerOptions { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0, ..SamplerOptions::default() }
    }

    #[test]
    fn sampler_greedy_takes_the_lowest_index_on_ties() {
        assert_eq!(draw(SamplerOptions::greedy(), &[], &[1.0, 3.0, 3.0, f32::NAN], 0.9), Some(1));
        assert_eq!(draw(SamplerOptions::greedy(), &[], &[f32::NAN, f32::NAN], 0.9), None);
    }

    #[test]
    fn sampler_draws_by_probability() {
        // Probabilities 0.1, 0.2, 0.7 in the order of indices; candidates are sorted, greatest first.
        let logits: Vec<f32> = [0.1f32, 0.2, 0.7].iter().map(|p| p.ln()).collect();
        assert_eq!(draw(all(), &[], &logits, 0.0), Some(2));
        assert_eq!(draw(all(), &[], &logits, 0.69), Some(2));
        assert_eq!(draw(all(), &[], &logits, 0.71), Some(1));
        assert_eq!(draw(all(), &[], &logits, 0.91), Some(0));
    }

    #[test]
    fn sampler_truncations_leave_out_the_tail() {
        let logits: Vec<f32> = [0.1f32, 0.2, 0.7].iter().map(|p| p.ln()).collect();
        assert_eq!(draw(SamplerOptions { top_k: 1, ..all() }, &[], &logits, 0.999), Some(2));
        assert_eq!(draw(SamplerOptions { top_p: 0.75, ..all() }, &[], &logits, 0.999), Some(1));
        assert_eq!(draw(SamplerOptions { min_p: 0.2, ..all() }, &[], &logits, 0.999), Some(1));
    }

    #[test]
    fn sampler_parameters_that_make_no_sense_are_named() {
        let usual = SamplerOptions::default;
        let named = |options: SamplerOptions| match options.check() {
            Err(EngineError::Sampler { name, .. }) => Some(name),
            Err(error) => panic!("{error}"),
            Ok(()) => None,
        };
        for right in [
            usual(),
            SamplerOptions::greedy(),
            all(),
            SamplerOptions { temperature: -1.0, top_k: u32::MAX, ..usual() },
            SamplerOptions { top_p: 0.0, min_p: 1.0, repeat_last_n: -1, ..usual() },
            SamplerOptions {
                repeat_penalty: 0.5,
                frequency_penalty: -2.0,
                presence_penalty: -2.0,
                ..usual()
            },
        ] {
            assert_eq!(named(right.clone()), None, "{right:?}");
        }
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(named(SamplerOptions { temperature: x, ..usual() }), Some("temperature"));
            assert_eq!(named(SamplerOptions { top_p: x, ..usual() }), Some("top_p"));
            assert_eq!(named(SamplerOptions { min_p: x, ..usual() }), Some("min_p"));
            assert_eq!(named(SamplerOptions { repeat_penalty: x, ..usual() }), Some("repeat_penalty"));
            assert_eq!(named(SamplerOptions { frequency_penalty: x, ..usual() }), Some("frequency_penalty"));
            assert_eq!(named(SamplerOptions { presence_penalty: x, ..usual() }), Some("presence_penalty"));
        }
        for x in [-0.1, 1.1] {
            assert_eq!(named(SamplerOptions { top_p: x, ..usual() }), Some("top_p"));
            assert_eq!(named(SamplerOptions { min_p: x, ..usual() }), Some("min_p"));
        }
        for x in [0.0, -0.0, -1.0] {
            assert_eq!(named(SamplerOptions { repeat_penalty: x, ..usual() }), Some("repeat_penalty"));
        }
        assert_eq!(named(SamplerOptions { repeat_last_n: -2, ..usual() }), Some("repeat_last_n"));
        let error = SamplerOptions { top_p: f32::NAN, ..usual() }.check().unwrap_err().to_string();
        assert_eq!(error, "the sampler's top_p is NaN; it has to be from 0 to 1");
    }

    #[test]
    fn sampler_extreme_penalties_leave_numbers() {
        // 3 over the least float is no float, and infinities beside each other have no difference.
        let tiny = SamplerOptions { repeat_penalty: f32::MIN_POSITIVE, ..all() };
        assert_eq!(draw(tiny, &[0, 1], &[3.0, 3.0, 2.0], 0.1), Some(0));
        let huge = SamplerOptions { frequency_penalty: f32::MAX, ..all() };
        assert_eq!(draw(huge, &[0, 0, 1, 1], &[3.0, 3.0, 2.0], 0.9), Some(2));
        assert_eq!(draw(all(), &[], &[f32::INFINITY, 1.0], 0.5), None);
    }

    #[test]
    fn sampler_penalties_divide_positive_and_multiply_negative_logits() {
        let greedy = |o: SamplerOptions, logits: &[f32], history: &[u32]| {
            draw(SamplerOptions { temperature: 0.0, ..o }, history, logits, 0.0)
        };
        let repeat = SamplerOptions { repeat_penalty: 2.0, ..SamplerOptions::default() };
        assert_eq!(greedy(repeat.clone(), &[3.0, 2.0], &[0]), Some(1));
        assert_eq!(greedy(repeat, &[-1.0, -1.5], &[0]), Some(1));
        let frequency = SamplerOptions { frequency_penalty: 0.6, ..SamplerOptions::default() };
        assert_eq!(greedy(frequency.clone(), &[3.0, 2.0], &[0]), Some(0));
        assert_eq!(greedy(frequency, &[3.0, 2.0], &[0, 0]), Some(1));
        let forgets = SamplerOptions { presence_penalty: 5.0, repeat_last_n: 1, ..SamplerOptions::default() };
        assert_eq!(greedy(forgets, &[3.0, 2.0], &[0, 1]), Some(0));
        let all = SamplerOptions { frequency_penalty: 0.6, repeat_last_n: -1, ..SamplerOptions::default() };
        assert_eq!(greedy(all, &[3.0, 2.0], &[&[0, 0][..], &[5; 99]].concat()), Some(1));
    }

    #[test]
    fn sampler_penalties_find_tokens_behind_logits_that_are_no_numbers() {
        let options = SamplerOptions { presence_penalty: 2.0, repeat_last_n: 3, ..SamplerOptions::greedy() };
        let logits = [f32::NAN, 3.0, f32::NAN, 2.0, 1.5, f32::NAN];
        let chosen = |history: &[u32]| draw(options.clone(), history, &logits, 0.0);
        assert_eq!(chosen(&[]), Some(1));
        assert_eq!(chosen(&[1]), Some(3));
        assert_eq!(chosen(&[3, 1]), Some(4));
        // 0 and 2 have no logit, 99 is no token; the fourth token back is forgotten, but where it was there again.
        assert_eq!(chosen(&[1, 0, 2, 99]), Some(1));
        assert_eq!(chosen(&[1, 1, 0, 2]), Some(3));
    }

    #[test]
    fn sampler_takes_its_memory_once() {
        let mut sampler = Sampler::new(all());
        let logits = [1.0; 1000];
        sampler.sample(&logits, &mut Fixed(0.5));
        let memory = sampler.candidates.as_ptr();
        for at in [0.1, 0.5, 0.9] {
            sampler.sample(&logits, &mut Fixed(at));
            assert_eq!(sampler.candidates.as_ptr(), memory);
        }
    }
}
