//! What the public API gives out of lower crates: by name, and only what its own signatures need.

/// How probable a token was, where [`Generate::logprobs`](crate::Generate::logprobs) asks for it.
///
/// ```
/// use azulejo::{DeviceChoice, Event, Generate, Message, Model, ModelOptions};
///
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// let prompt = model.chat_prompt(&[Message::new("user", "Where do I pay the water bill?")])?;
/// model.session()?.generate(&prompt, &Generate::greedy(2).logprobs(3), &mut |event| {
///     if let Event::Token { token, logprobs: Some(logprobs), .. } = event {
///         assert_eq!(logprobs.top.len(), 3);
///         assert_eq!(logprobs.top[0], (token, logprobs.chosen));
///     }
///     std::ops::ControlFlow::Continue(())
/// })?;
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_engine::Logprobs;

/// What happens when the context is full ([`Generate::overflow`](crate::Generate::overflow)).
///
/// ```
/// use azulejo::{DeviceChoice, Generate, Model, ModelOptions, Overflow};
///
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(16))?;
/// let how = Generate::greedy(24).ignore_end(true);
/// let mut lengths = Vec::new();
/// for overflow in [Overflow::End, Overflow::Shift { keep: 4 }] {
///     let how = how.clone().overflow(overflow);
///     let answer = model.session()?.generate(&[1; 8], &how, &mut |_| std::ops::ControlFlow::Continue(()))?;
///     lengths.push(answer.tokens.len());
/// }
/// // 8 positions, and the last token needs none.
/// assert_eq!(lengths, [9, 24]);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_engine::Overflow;

/// How tokens are chosen ([`Generate::sampler`](crate::Generate::sampler)).
///
/// ```
/// use azulejo::SamplerOptions;
///
/// let sampler = SamplerOptions::new().temperature(0.7).top_p(0.9);
/// assert!(sampler.check().is_ok());
/// assert!(sampler.top_p(9.0).check().is_err());
/// ```
#[doc(inline)]
pub use azulejo_engine::SamplerOptions;

/// Why an answer ended ([`Answer::stop`](crate::Answer::stop)).
///
/// ```
/// use azulejo::{DeviceChoice, Generate, Message, Model, ModelOptions, StopReason};
///
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// let prompt = model.chat_prompt(&[Message::new("user", "Where do I pay the water bill?")])?;
/// let how = Generate::greedy(64).stop(".");
/// let answer = model.session()?.generate(&prompt, &how, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!(answer.stop, StopReason::StopString(".".to_owned()));
/// assert!(!answer.text.contains('.'));
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_engine::StopReason;

/// An opened model file ([`open_file`](crate::open_file)), of which no weight is read yet.
///
/// ```
/// use azulejo::Model;
///
/// let file = Model::embedded_file()?;
/// assert!(file.tensors.contains_key("token_embd.weight"));
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_formats::ModelFile;

/// A model's hyper-parameters ([`Model::config`](crate::Model::config)).
///
/// ```
/// use azulejo::{Model, ModelOptions};
///
/// let (config, _) = Model::plan_of(&Model::embedded_file()?, &ModelOptions::new())?;
/// assert_eq!(config.head_size * config.heads, config.hidden);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_models::Config;

/// What a model gives ([`ModelOptions::output`](crate::ModelOptions::output)).
///
/// ```
/// use azulejo::{Model, ModelOptions, Output};
///
/// let file = Model::embedded_file()?;
/// let (config, plan) = Model::plan_of(&file, &ModelOptions::new().output(Output::Hidden))?;
/// assert_eq!(plan.logits.width, config.hidden);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_models::Output;

/// A kernel call, and the time that it took (`Session::time_calls`).
///
/// ```
/// use azulejo::{DeviceChoice, Model, ModelOptions};
///
/// let model = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?;
/// // The CPU has no clock of its own.
/// assert_eq!(model.session()?.time_calls(&[1])?, None);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_plan::CallTime;

/// What a device says of itself ([`Device::info`](crate::Device::info), [`Model::device`](crate::Model::device)).
///
/// ```
/// use azulejo::{DeviceChoice, Model, ModelOptions};
///
/// let info = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?.device();
/// println!("{} on {}: {}", info.tier, info.name, info.reason);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_plan::DeviceInfo;

/// The type of a cache ([`ModelOptions::kv_types`](crate::ModelOptions::kv_types)).
///
/// ```
/// use azulejo::KvType;
///
/// // Bytes of 64 elements.
/// let bytes = KvType::ALL.map(|kind| (kind.name(), kind.bytes(64)));
/// assert_eq!(bytes, [("f16", 128), ("f32", 256), ("q8_0", 72), ("q4_0", 40)]);
/// ```
#[doc(inline)]
pub use azulejo_plan::KvType;

/// The memory of a model and a session ([`Model::memory`](crate::Model::memory)).
///
/// ```
/// use azulejo::{DeviceChoice, Model, ModelOptions};
///
/// let memory = Model::embedded(&ModelOptions::new().device(DeviceChoice::Cpu).context(256))?.memory();
/// println!("{} bytes, and {} more a session", memory.weights, memory.kv + memory.activations);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_plan::Memory;

/// A model's ops, for a context and chunks of given sizes ([`Model::plan_of`](crate::Model::plan_of)).
///
/// ```
/// use azulejo::{Model, ModelOptions};
///
/// let (_, plan) = Model::plan_of(&Model::embedded_file()?, &ModelOptions::new())?;
/// assert!(plan.parameters() > 1_000_000);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_plan::Plan;

/// The format of a matrix ([`Quant::Plain`](crate::shape::Quant::Plain)).
///
/// ```
/// use azulejo::BlockFormat;
///
/// assert_eq!(BlockFormat::Q4_0.bits_per_weight(), 4.5);
/// ```
#[doc(inline)]
pub use azulejo_quant::BlockFormat;

/// A model's way to write a conversation ([`Tokenizer::chat_template`]).
///
/// ```
/// use azulejo::{ChatTemplate, Message, RenderOptions};
///
/// let template = ChatTemplate::new("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")?;
/// let text = template.render(&[Message::new("user", "Hello")], &RenderOptions::default())?;
/// assert_eq!(text, "user: Hello\n");
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::ChatTemplate;

/// What becomes of control tokens ([`Tokenizer::encode`]).
///
/// ```
/// use azulejo::{EncodeOptions, Model, tokenizer_from_file};
///
/// let tokenizer = tokenizer_from_file(&Model::embedded_file()?)?;
/// let end = tokenizer.eos().and_then(|id| tokenizer.token_text(id)).unwrap_or_default();
/// let special = EncodeOptions { add_special: false, parse_special: true };
/// assert_eq!(tokenizer.encode(end, special)?.len(), 1);
/// assert!(tokenizer.encode(end, EncodeOptions::default())?.len() > 1);
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::EncodeOptions;

/// What somebody said ([`Model::chat_prompt`](crate::Model::chat_prompt)).
///
/// ```
/// use azulejo::Message;
///
/// let messages = [Message::new("system", "Be brief."), Message::new("user", "Hello")];
/// assert_eq!(messages[1].role, "user");
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::Message;

/// The date and time ([`ChatOptions::now`](crate::ChatOptions::now)).
///
/// ```
/// use azulejo::{ChatTemplate, Message, Now, RenderOptions};
///
/// let mut options = RenderOptions::default();
/// options.now = Some(Now { year: 2026, month: 11, day: 3, hour: 9, minute: 5, second: 7 });
/// let template = ChatTemplate::new("{{ strftime_now('%d %B %Y') }}")?;
/// assert_eq!(template.render::<Message>(&[], &options)?, "03 November 2026");
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::Now;

/// How a template is rendered ([`ChatTemplate::render`]).
///
/// ```
/// use azulejo::{ChatTemplate, Message, RenderOptions};
///
/// let options = RenderOptions { add_generation_prompt: true, ..RenderOptions::default() };
/// let text = ChatTemplate::given("chatml")?.render(&[Message::new("user", "Hello")], &options)?;
/// assert!(text.ends_with("<|im_start|>assistant\n"));
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::RenderOptions;

/// The text of an answer while it is made ([`Tokenizer::stream_decoder`]).
///
/// ```
/// use azulejo::{EncodeOptions, Model, tokenizer_from_file};
///
/// let tokenizer = tokenizer_from_file(&Model::embedded_file()?)?;
/// let mut decoder = tokenizer.stream_decoder(true);
/// let mut text = String::new();
/// for id in tokenizer.encode("Olá, café!", EncodeOptions::default())? {
///     text.extend(decoder.push(id));
/// }
/// text.extend(decoder.finish());
/// assert_eq!(text, "Olá, café!");
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::StreamDecoder;

/// A model's vocabulary ([`Model::tokenizer`](crate::Model::tokenizer)).
///
/// ```
/// use azulejo::{EncodeOptions, Model, tokenizer_from_file};
///
/// let tokenizer = tokenizer_from_file(&Model::embedded_file()?)?;
/// let ids = tokenizer.encode("Where is the town hall?", EncodeOptions::default())?;
/// assert_eq!(tokenizer.decode(&ids, true), "Where is the town hall?");
/// # Ok::<(), azulejo::Error>(())
/// ```
#[doc(inline)]
pub use azulejo_tokenizer::Tokenizer;
