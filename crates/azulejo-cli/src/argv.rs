//! Short flags of several letters, which llama.cpp has and clap hasn't: `-ngl 99` becomes `--n-gpu-layers 99`.

use std::ffi::OsString;

/// A flag and what it means here.
const FLAGS: &[(&str, &str)] = &[
    ("-ngl", "--n-gpu-layers"),
    ("-sys", "--system-prompt"),
    ("-sysf", "--system-prompt-file"),
    ("-hf", "--hf-repo"),
    ("-hfr", "--hf-repo"),
    ("-hff", "--hf-file"),
    ("-fa", "--flash-attn"),
    ("-ctk", "--cache-type-k"),
    ("-ctv", "--cache-type-v"),
    ("-ub", "--ubatch-size"),
    ("-tb", "--threads-batch"),
    ("-dev", "--device"),
    ("-cnv", "--conversation"),
    ("-no-cnv", "--raw"),
];

/// Flags whose value is any text, which must not be taken for a flag.
const TEXT_FLAGS: &[&str] =
    &["-p", "--prompt", "-sys", "--system-prompt", "-r", "--stop", "--reverse-prompt", "--chat-template"];

/// Rewrites the arguments (the program's name included). Stops at `--`.
pub(crate) fn expand(arguments: Vec<OsString>) -> Vec<OsString> {
    let mut out = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter();
    out.extend(arguments.next());
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            out.push(argument);
            break;
        }
        let takes_text = TEXT_FLAGS.iter().any(|flag| argument == *flag);
        out.push(long(&argument).unwrap_or(argument));
        if takes_text {
            out.extend(arguments.next());
        }
    }
    out.extend(arguments);
    out
}

fn long(argument: &OsString) -> Option<OsString> {
    let text = argument.to_str()?;
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let (_, long) = FLAGS.iter().find(|(short, _)| *short == name)?;
    Some(match value {
        Some(value) => format!("{long}={value}").into(),
        None => (*long).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(line: &str) -> String {
        let arguments = line.split(' ').map(OsString::from).collect();
        let out: Vec<String> = expand(arguments).into_iter().map(|a| a.into_string().unwrap()).collect();
        out.join(" ")
    }

    #[test]
    fn argv_multi_letter_flags_become_long_ones() {
        assert_eq!(
            expanded("azulejo generate -ngl 99 -fa on -ctk f16 -ctv=f32 -ub 128 -no-cnv"),
            "azulejo generate --n-gpu-layers 99 --flash-attn on --cache-type-k f16 --cache-type-v=f32 --ubatch-size 128 --raw"
        );
    }

    #[test]
    fn argv_single_letters_and_long_flags_stay() {
        let line = "azulejo generate -n 5 -c 64 --temp 0 -p hi";
        assert_eq!(expanded(line), line);
    }

    #[test]
    fn argv_texts_are_not_flags() {
        assert_eq!(
            expanded("azulejo generate -p -ngl -sys -fa"),
            "azulejo generate -p -ngl --system-prompt -fa"
        );
        assert_eq!(expanded("azulejo tokenize -p x -- -ngl"), "azulejo tokenize -p x -- -ngl");
    }

    #[test]
    fn argv_table_has_each_flag_once() {
        for (i, (short, long)) in FLAGS.iter().enumerate() {
            assert!(short.len() > 2 && !short.starts_with("--") && long.starts_with("--"), "{short}");
            assert!(FLAGS[..i].iter().all(|(other, _)| other != short), "{short} comes twice");
        }
    }
}
