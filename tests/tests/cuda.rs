//! What is written for CUDA, run on the host, answers as the CPU does.

use std::sync::{Arc, LazyLock};

use azulejo::{DeviceChoice, Model, ModelOptions};
use azulejo_cuda::HostBackend;
use azulejo_engine::{Engine, GenerationOptions, Loading, Sampler, SamplerOptions, Session, SplitMix64};
use azulejo_models::PlanOptions;
use azulejo_plan::{Backend, Outputs, StepInput, Tokens};
use azulejo_quant::Plane;
use azulejo_shaders::Tier;

const TOKENS: usize = 32;
const FEW_TOKENS: usize = 8;

/// The embedded model, in the tier that every device of CUDA has.
static ENGINE: LazyLock<Arc<Engine<HostBackend>>> = LazyLock::new(|| engine(None));

fn engine(overrides: Option<(u32, u32)>) -> Arc<Engine<HostBackend>> {
    let file = Model::embedded_file().expect("the embedded model");
    let config = azulejo_models::config(&file).expect("a configuration");
    let options = PlanOptions { context: 128, chunk: 32, ..PlanOptions::default() };
    let plan = azulejo_models::plan(&file, &config, &options).expect("a plan");
    let backend = Arc::new(HostBackend { tier: Tier::SubgroupsF16, overrides });
    let mut loading = Loading::new(backend, plan).expect("compiled kernels");
    loading.fill_from(&file, &mut |_, _| true).expect("weights");
    Arc::new(loading.finish().expect("all weights"))
}

#[test]
fn written_kernels_answer_as_the_cpu_does() {
    let options = ModelOptions::new().device(DeviceChoice::Cpu).context(128);
    let on_cpu = Model::embedded(&options).expect("the embedded model");
    let question = azulejo::Message::new("user", "Onde posso renovar o cartão de cidadão?");
    let prompt = on_cpu.chat_prompt(&[question]).expect("a prompt");
    let want = on_cpu.session().expect("a session").greedy_tokens(&prompt, TOKENS).expect("tokens");
    assert_eq!(want.len(), TOKENS);
    assert_eq!(answer(&ENGINE, &prompt, TOKENS), want);
    // A Hopper GPU's overrides, which are of prompts.
    assert_eq!(answer(&engine(Some((9, 0))), &prompt, FEW_TOKENS), want[..FEW_TOKENS]);
}

fn answer(engine: &Arc<Engine<HostBackend>>, prompt: &[u32], most: usize) -> Vec<u32> {
    let mut session = Session::new(Arc::clone(engine)).expect("a session");
    let tokens = pollster::block_on(async {
        let options = GenerationOptions { max_tokens: Some(most), ..GenerationOptions::default() };
        let sampler = Sampler::new(SamplerOptions::greedy());
        let random = Box::new(SplitMix64(0));
        let mut generation =
            session.generate(prompt, options, sampler, random, &mut async |_, _| true).await?;
        let mut tokens = Vec::new();
        while let Some(chosen) = generation.next().await? {
            tokens.push(chosen.token);
        }
        Ok::<_, azulejo_engine::EngineError>(tokens)
    });
    tokens.expect("tokens")
}

#[test]
fn steps_on_the_host_that_make_no_sense_are_refused() {
    let (backend, model) = (ENGINE.backend(), ENGINE.model());
    let mut state = backend.new_state(model).expect("a state");
    for (tokens, position, outputs, problem) in [
        (Tokens::These(&[]), 0, Outputs::Logits, "a step takes 1 to 32 tokens, not 0"),
        (Tokens::These(&[1; 33]), 0, Outputs::Logits, "a step takes 1 to 32 tokens, not 33"),
        (
            Tokens::These(&[1; 2]),
            127,
            Outputs::Logits,
            "2 tokens at position 127 don't fit in a context of 128 positions",
        ),
        (Tokens::These(&[4096]), 0, Outputs::Logits, "token 4096 is outside of a vocabulary of 4096"),
        (Tokens::These(&[1; 2]), 0, Outputs::LogitsOf(2), "a step gives at most 2 rows of logits, not 3"),
        (Tokens::These(&[1; 2]), 0, Outputs::AllLogits, "a step gives at most 1 rows of logits, not 2"),
        (Tokens::Chosen, 0, Outputs::Logits, "no step left a token to be read"),
    ] {
        let input = StepInput { tokens, position, texts: &[], outputs };
        let error = backend.step(model, &mut state, input).expect_err(problem).to_string();
        assert!(error.ends_with(problem), "{error}");
    }
    let unread = pollster::block_on(backend.read_logits(model, &mut state)).expect_err("no step was made");
    assert_eq!(unread.to_string(), "no step left logits to be read");

    let mut model = backend.prepare(ENGINE.plan()).expect("a model");
    for (constant, offset, bytes) in [(0, 2, 4), (0, 0, 3), (0, 1 << 40, 4), (9999, 0, 4)] {
        let error = backend.write(&mut model, constant, Plane::Quants, offset, &vec![0; bytes]);
        assert!(
            error
                .expect_err("outside")
                .to_string()
                .starts_with(&format!("constant {constant}: {bytes} bytes"))
        );
    }
}
