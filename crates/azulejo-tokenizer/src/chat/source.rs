//! What happens to a template's source before it's compiled.

use crate::error::{Error, Result};

/// The engine compiles an expression by recursion: a chain of a few thousand operators (`not not not ...`) would
/// overflow the stack, where real templates have some 50 between two commas. 1,000 fit into 1 MiB of stack.
const MAX_CHAIN: usize = 600;
/// Each `elif` is an `if` inside of the one before, for the same reason.
const MAX_ELIFS: usize = 500;

/// Checks that compiling can't overflow the stack.
///
/// # Errors
/// [`Error::Template`] with the line.
pub(super) fn check_depth(source: &str) -> Result<()> {
    let mut elifs = 0;
    let mut at = 0;
    while let Some(found) = source[at..].find('{') {
        let open = at + found;
        let body = open + 2;
        let close = match source.as_bytes().get(open + 1) {
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            Some(b'#') => {
                at = source[body..].find("#}").map_or(source.len(), |len| body + len + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let too_long = |what: String| Error::Template { line: line_of(source, open), reason: what };
        if source[body..].trim_start_matches(['-', '+']).trim_start().starts_with("elif") {
            elifs += 1;
            if elifs > MAX_ELIFS {
                return Err(too_long(format!("the template has more than {MAX_ELIFS} elif branches")));
            }
        }
        let (len, chain) = longest_chain(&source[body..], close);
        if chain > MAX_CHAIN {
            return Err(too_long(format!("an expression has more than {MAX_CHAIN} operators in a chain")));
        }
        at = body + len;
    }
    Ok(())
}

/// The length of a tag's body with its end, and the most words and signs in it between two commas.
fn longest_chain(body: &str, close: &str) -> (usize, usize) {
    let mut chain = 0;
    let mut longest = 0;
    let mut in_word = false;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == open {
                quote = None;
            }
            continue;
        }
        if body[at..].starts_with(close) {
            return (at + close.len(), longest);
        }
        let is_word = c.is_alphanumeric() || c == '_';
        match c {
            ',' => chain = 0,
            '\'' | '"' => {
                quote = Some(c);
                chain += 1;
            }
            c if c.is_whitespace() || (is_word && in_word) => {}
            _ => chain += 1,
        }
        in_word = is_word;
        longest = longest.max(chain);
    }
    (body.len(), longest)
}

fn line_of(source: &str, at: usize) -> usize {
    1 + source.bytes().take(at).filter(|&b| b == b'\n').count()
}

/// Turns `{% generation %}` and `{% endgeneration %}` into an `if` that is always taken, in place, so that lines and
/// whitespace control stay as they are.
pub(super) fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out.push_str(before);
        let word = tag.trim_start_matches(['-', '+']).trim_start();
        out.push_str(&tag[..tag.len() - word.len()]);
        rest = word;
        for (name, instead) in [("generation", "if true"), ("endgeneration", "endif")] {
            if let Some(after) = word.strip_prefix(name).filter(|after| ends_tag(after)) {
                out.push_str(instead);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn ends_tag(after: &str) -> bool {
    after.trim_start().trim_start_matches(['-', '+']).starts_with("%}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_are_replaced_in_place() {
        assert_eq!(
            without_generation_tags(
                "a{%- generation -%}\nb{% endgeneration%}{% generations %}{% set x = 1 %}"
            ),
            "a{%- if true -%}\nb{% endif%}{% generations %}{% set x = 1 %}"
        );
        assert_eq!(without_generation_tags("{%"), "{%");
    }

    #[test]
    fn depth_counts_words_and_signs_between_commas() {
        assert_eq!(longest_chain(" a.b, not c }} d", "}}"), (14, 3));
        assert_eq!(longest_chain("'x }} \\' y' ~ \"%}\"%}", "%}"), (20, 3));
        assert_eq!(longest_chain("a + b", "}}"), (5, 3));
        // Strings, text and comments may be as long as they like.
        let long = "not ".repeat(5000);
        check_depth(&format!("{long}{{{{ '{long}' }}}}{{# {{{{ {long} #}}{{ {long} }}")).unwrap();
        assert!(check_depth(&format!("\n{{{{ {long} }}}}")).unwrap_err().to_string().contains("line 2"));
    }
}
