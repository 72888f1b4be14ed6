//! What the real models reach, where somebody has them.
//!
//! `AZULEJO_MODELS` names a folder with TeenyTinyLlama-160m and TeenyTinyLlama-460m (Hugging Face folders, or `.gguf`
//! files of these names), and with calame-pt.jsonl and lambada-pt.jsonl (the data sets' `sentence` and `last_word`).

use std::path::Path;

use crate::support::azulejo;

/// CALAME-PT and LAMBADA-PT in percent, as Corrêa et al. (2024) publish them.
const PUBLISHED: [(&str, [f64; 2]); 2] =
    [("TeenyTinyLlama-160m", [46.72, 20.98]), ("TeenyTinyLlama-460m", [49.42, 23.29])];

#[test]
fn quality_of_the_real_models_is_the_published_one() {
    let Some(folder) = std::env::var_os("AZULEJO_MODELS") else {
        println!("not run: the quality of real models; AZULEJO_MODELS names no folder with them");
        return;
    };
    let folder = Path::new(&folder);
    let mut wrong = Vec::new();
    for (name, published) in PUBLISHED {
        let gguf = folder.join(format!("{name}.gguf"));
        let model = if gguf.exists() { gguf } else { folder.join(name) };
        for (data, published) in ["calame-pt.jsonl", "lambada-pt.jsonl"].into_iter().zip(published) {
            let data = folder.join(data);
            assert!(model.exists() && data.exists(), "{} or {} is missing", model.display(), data.display());
            let paths = [&model, &data].map(|path| path.to_string_lossy().into_owned());
            let found =
                azulejo(&["eval", "last-word", "-m", &paths[0], "-f", &paths[1], "--json", "-q"]).json();
            let reached = 100.0 * found["accuracy"].as_f64().unwrap();
            let line = format!("{name} on {}: {reached:.2} %, published {published} %", data.display());
            println!("{line}");
            if (reached - published).abs() > 0.5 {
                wrong.push(line);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
