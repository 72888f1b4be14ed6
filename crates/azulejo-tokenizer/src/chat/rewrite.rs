//! Jinja2's source turned into the engine's: the same tags and the same lines, but white space already trimmed, and
//! every operator, slice and look-up that Python does in its own way spelt as a call of [`super::ops`].
//!
//! The grammar is that of `jinja2/lexer.py` and `jinja2/parser.py` (3.1).

use super::filters::{FILTERS, TESTS};
use super::python::is_method;
use super::token::{Lexer, Tag, Tok, Token};
use crate::error::{Error, Result};

/// Brackets inside of brackets. The engine's own limit is on what's made of them here, and a few times larger.
const MAX_DEPTH: usize = 40;
/// Each `elif` is an `if` inside of the one before, and the engine compiles by recursion.
const MAX_ELIFS: usize = 500;

/// Operators that bind equally, from the loosest.
const LEVELS: [&[&str]; 5] = [&["+", "-"], &["~"], &["*", "/", "//", "%"], &["**"], &[]];

/// The template as the engine is to compile it.
///
/// # Errors
/// [`Error::Template`] with the line.
pub(super) fn rewrite(source: &str) -> Result<String> {
    let mut lexer = Lexer::new(source);
    let mut out = String::with_capacity(source.len() * 2);
    let mut elifs = 0;
    // Whether what's unknown is an error only where it's run: of each block that's open.
    let mut scopes = Vec::new();
    // What is to be done at the end of each `set` block that's open.
    let mut blocks = Vec::new();
    while let Some(tag) = lexer.next_tag()? {
        match tag {
            Tag::Text(text) => out.push_str(&text),
            Tag::Expression(tokens) => {
                let mut parser = Parser::new(tokens, scopes.last() == Some(&true));
                let body = parser.tuple(true, false)?;
                parser.end(&body, ["{{ ", " }}"], &mut out)?;
            }
            Tag::Statement(tokens) => {
                let mut parser = Parser::new(tokens, scopes.last() == Some(&true));
                if let Some(Tok::Name(keyword)) = parser.peek() {
                    match keyword.as_str() {
                        keyword if keyword.starts_with("end") => {
                            scopes.pop();
                        }
                        "if" => scopes.push(true),
                        "for" | "macro" | "call" | "filter" | "with" | "generation" | "block" => {
                            scopes.push(false)
                        }
                        _ => {}
                    }
                }
                parser.lenient |= parser.is_name("if") || parser.is_name("elif");
                elifs += usize::from(parser.is_name("elif"));
                if elifs > MAX_ELIFS {
                    return Err(parser.fail(format!("the template has more than {MAX_ELIFS} elif branches")));
                }
                let ends_block = parser.is_name("endset");
                let body = parser.statement()?;
                let (mut then, opens_block) = (std::mem::take(&mut parser.then), parser.opens_block);
                parser.end(&body, ["{% ", " %}"], &mut out)?;
                if opens_block {
                    scopes.push(false);
                    blocks.push(std::mem::take(&mut then));
                }
                if ends_block {
                    then = blocks.pop().unwrap_or_default();
                }
                out.push_str(&then);
            }
        }
    }
    Ok(out)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Line ends before tokens that were passed over.
    line_ends: usize,
    /// Tags to stand behind this one, or behind the end of the block that it opens.
    then: String,
    opens_block: bool,
    /// Jinja2 refuses unknown filters and tests at once, but for those inside of an `if`.
    lenient: bool,
}

impl Parser {
    fn new(tokens: Vec<Token>, lenient: bool) -> Self {
        let lenient = lenient || tokens.iter().any(|token| token.tok == Tok::Name("if".to_owned()));
        Self { tokens, at: 0, depth: 0, line_ends: 0, then: String::new(), opens_block: false, lenient }
    }

    fn peek(&self) -> Option<&Tok> {
        self.tokens.get(self.at).map(|token| &token.tok)
    }

    fn is(&self, op: &str) -> bool {
        matches!(self.peek(), Some(Tok::Op(found)) if *found == op)
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Tok::Name(found)) if found == name)
    }

    /// Takes a token, as the engine spells it, behind the line ends that it stood behind.
    fn take(&mut self, out: &mut String) {
        self.pass();
        if let Some(token) = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)) {
            out.extend(std::iter::repeat_n('\n', std::mem::take(&mut self.line_ends)));
            token.write(out);
        }
    }

    fn pass(&mut self) {
        if let Some(token) = self.tokens.get(self.at) {
            self.line_ends += token.line_ends;
            self.at += 1;
        }
    }

    fn skip(&mut self, op: &str) -> bool {
        let found = self.is(op);
        if found {
            self.pass();
        }
        found
    }

    fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.pass();
        }
        found
    }

    /// Whether the token behind the next one is `op`.
    fn then(&self, op: &str) -> bool {
        matches!(self.tokens.get(self.at + 1), Some(Token { tok: Tok::Op(found), .. }) if *found == op)
    }

    fn expect(&mut self, op: &str) -> Result<()> {
        if self.skip(op) { Ok(()) } else { Err(self.fail(format!("expected {op:?}"))) }
    }

    fn fail(&self, reason: impl Into<String>) -> Error {
        let token = self.tokens.get(self.at).or(self.tokens.last());
        let mut reason = reason.into();
        if let Some(token) = self.tokens.get(self.at) {
            let mut text = String::new();
            token.write(&mut text);
            reason = format!("{reason} at {:?}", text.trim());
        }
        Error::Template {
            line: token.map_or(0, |token| token.line),
            reason: format!("syntax error: {reason}"),
        }
    }

    /// Writes the tag, if that was all of it.
    fn end(self, body: &str, [open, close]: [&str; 2], out: &mut String) -> Result<()> {
        if self.at < self.tokens.len() {
            return Err(self.fail("unexpected input"));
        }
        out.push_str(open);
        out.push_str(body);
        out.extend(std::iter::repeat_n('\n', self.line_ends));
        out.push_str(close);
        Ok(())
    }

    fn name(&mut self, out: &mut String) -> Result<()> {
        match self.peek() {
            Some(Tok::Name(_)) => {
                self.take(out);
                Ok(())
            }
            _ => Err(self.fail("expected a name")),
        }
    }

    /// The tokens before `end`, as they are: what is assigned to.
    fn target(&mut self, end: &Tok) -> Result<String> {
        let mut out = String::new();
        while let Some(token) = self.peek() {
            if token == end || matches!(token, Tok::Op("|")) {
                break;
            }
            if self.then(".") {
                // Only a namespace's names are set with a dot: first a variable's, and then the namespace's.
                let number = self.at;
                out.push_str(&format!("__{number} "));
                self.then.push_str("{% do __set(");
                let mut owner = String::new();
                self.take(&mut owner);
                self.pass();
                let mut name = String::new();
                self.name(&mut name)?;
                if self.is(".") {
                    return Err(self.fail("only a namespace's own names can be set"));
                }
                let (owner, name) = (owner.trim_start(), name.trim_start());
                self.then.push_str(&format!("{owner}, '{name}', __{number}) %}}"));
                continue;
            }
            self.take(&mut out);
            out.push(' ');
        }
        Ok(out)
    }

    fn statement(&mut self) -> Result<String> {
        let Some(Tok::Name(keyword)) = self.peek() else { return Err(self.fail("expected a tag's name")) };
        let keyword = keyword.clone();
        let mut out = String::new();
        self.take(&mut out);
        // What marks a model's own words for training has no effect but that of a scope.
        match keyword.as_str() {
            "generation" => out.replace_range(out.len() - keyword.len().., "with"),
            "endgeneration" => out.replace_range(out.len() - keyword.len().., "endwith"),
            // The one isn't in transformers' set-up, and nothing escapes by itself there.
            "do" | "autoescape" => return Err(self.fail(format!("there is no tag {keyword:?}"))),
            _ => {}
        }
        out.push(' ');
        match keyword.as_str() {
            "for" => {
                let target = self.target(&Tok::Name("in".to_owned()))?;
                if target.is_empty() || !self.skip_name("in") {
                    return Err(self.fail("expected \"in\""));
                }
                let unpacks = if target.contains(',') { ", true" } else { "" };
                let iterable = self.tuple(false, true)?;
                out.push_str(&format!("{target}in __iter({iterable}{unpacks})"));
                if self.skip_name("if") {
                    out.push_str(" if ");
                    out.push_str(&self.expression()?);
                }
                if self.skip_name("recursive") {
                    out.push_str(" recursive");
                }
                self.skip(":");
            }
            "if" | "elif" => {
                out.push_str(&self.tuple(false, false)?);
                self.skip(":");
            }
            "else" => {
                self.skip(":");
            }
            "set" => {
                let target = self.target(&Tok::Op("="))?;
                out.push_str(&target);
                if self.skip("=") {
                    let value = self.tuple(true, false)?;
                    // A text's characters can be unpacked too.
                    let unpacks = target.contains(',');
                    out.push_str(&if unpacks { format!("= __iter({value})") } else { format!("= {value}") });
                } else {
                    self.opens_block = true;
                    self.filters(&mut out)?;
                }
            }
            "filter" => {
                self.dotted(&mut out, &FILTERS)?;
                if self.is("(") {
                    self.arguments(&mut out)?;
                }
                self.filters(&mut out)?;
            }
            "macro" => {
                self.name(&mut out)?;
                self.arguments(&mut out)?;
            }
            "call" => {
                if self.is("(") {
                    self.arguments(&mut out)?;
                    out.push(' ');
                }
                out.push_str(&self.expression()?);
            }
            "with" => {
                while self.at < self.tokens.len() {
                    out.push_str(&self.target(&Tok::Op("="))?);
                    self.expect("=")?;
                    out.push_str("= ");
                    out.push_str(&self.expression()?);
                    if !self.skip(",") {
                        break;
                    }
                    out.push_str(", ");
                }
            }
            // The engine knows these as Jinja2 does, or refuses them.
            _ => {
                while self.peek().is_some() {
                    self.take(&mut out);
                    out.push(' ');
                }
            }
        }
        Ok(out)
    }

    /// Expressions with commas between them.
    fn tuple(&mut self, conditional: bool, in_for: bool) -> Result<String> {
        let mut out = self.one(conditional)?;
        if self.is(",") {
            out.insert(0, '(');
            while self.skip(",") {
                out.push_str(", ");
                if self.peek().is_none() || self.is(")") || (in_for && self.is_name("recursive")) {
                    break;
                }
                out.push_str(&self.one(conditional)?);
            }
            out.push(')');
        }
        Ok(out)
    }

    fn one(&mut self, conditional: bool) -> Result<String> {
        if conditional { self.expression() } else { self.any() }
    }

    fn expression(&mut self) -> Result<String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail("the expression is nested too deeply"));
        }
        let mut out = self.any()?;
        while self.skip_name("if") {
            let test = self.any()?;
            out = format!("({out} if {test}");
            if self.skip_name("else") {
                out.push_str(" else ");
                out.push_str(&self.expression()?);
            }
            out.push(')');
        }
        self.depth -= 1;
        Ok(out)
    }

    /// `a or b and not c`, which the engine does as Python does.
    fn any(&mut self) -> Result<String> {
        let mut out = String::new();
        loop {
            while self.skip_name("not") {
                out.push_str("not ");
            }
            out.push_str(&self.comparison()?);
            if self.is_name("or") || self.is_name("and") {
                out.push(' ');
                self.take(&mut out);
                out.push(' ');
            } else {
                return Ok(out);
            }
        }
    }

    fn comparison(&mut self) -> Result<String> {
        let mut out = self.binary(0)?;
        let mut chained = false;
        loop {
            let op = match self.peek() {
                Some(Tok::Op(op @ ("==" | "!=" | "<" | "<=" | ">" | ">="))) => *op,
                Some(Tok::Name(name)) if name == "in" => "in",
                Some(Tok::Name(name)) if name == "not" => {
                    self.pass();
                    if !self.is_name("in") {
                        return Err(self.fail("expected \"in\""));
                    }
                    "not in"
                }
                _ => break,
            };
            self.pass();
            out.push_str(&format!(", '{op}', "));
            out.push_str(&self.binary(0)?);
            chained = true;
        }
        Ok(if chained { format!("__compare({out})") } else { out })
    }

    fn binary(&mut self, level: usize) -> Result<String> {
        if level + 1 == LEVELS.len() {
            return self.unary();
        }
        let mut out = self.binary(level + 1)?;
        let mut chained = false;
        while let Some(Tok::Op(op)) = self.peek() {
            let op = *op;
            if !LEVELS[level].contains(&op) {
                break;
            }
            self.pass();
            if op == "~" {
                out.push_str(", ");
            } else {
                out.push_str(&format!(", '{op}', "));
            }
            out.push_str(&self.binary(level + 1)?);
            chained = true;
        }
        Ok(match (chained, level) {
            (false, _) => out,
            (true, 1) => format!("__concat({out})"),
            (true, _) => format!("__compute({out})"),
        })
    }

    fn unary(&mut self) -> Result<String> {
        let mut signs = Vec::new();
        while let Some(Tok::Op(sign @ ("+" | "-"))) = self.peek() {
            signs.push(*sign);
            self.pass();
            if signs.len() > MAX_DEPTH {
                return Err(self.fail("too many signs"));
            }
        }
        let mut out = self.primary()?;
        self.postfix(&mut out)?;
        for sign in signs.into_iter().rev() {
            out = format!("__sign('{sign}', {out})");
        }
        self.filters(&mut out)?;
        Ok(out)
    }

    fn primary(&mut self) -> Result<String> {
        let mut out = String::new();
        match self.peek() {
            // A block that calls itself would overflow a small stack before the engine's limit.
            Some(Tok::Name(name)) if name == "self" => return Err(self.fail("there is no \"self\"")),
            Some(Tok::Name(_) | Tok::Number(_)) => self.take(&mut out),
            Some(Tok::Text(_)) => {
                while matches!(self.peek(), Some(Tok::Text(_))) {
                    self.take(&mut out);
                    out.push(' ');
                }
            }
            Some(Tok::Op("(")) => {
                self.take(&mut out);
                if !self.is(")") {
                    out.push_str(&self.tuple(true, false)?);
                }
                self.expect(")")?;
                out.push(')');
            }
            Some(Tok::Op("[")) => {
                self.take(&mut out);
                self.list(&mut out, "]", |parser, out| {
                    out.push_str(&parser.expression()?);
                    Ok(())
                })?;
            }
            Some(Tok::Op("{")) => {
                self.take(&mut out);
                // A brace right behind the tag's would be another tag's.
                out.push(' ');
                self.list(&mut out, "}", |parser, out| {
                    out.push_str(&parser.expression()?);
                    parser.expect(":")?;
                    out.push_str(": ");
                    out.push_str(&parser.expression()?);
                    Ok(())
                })?;
                out.insert(out.len() - 1, ' ');
            }
            _ => return Err(self.fail("expected an expression")),
        }
        Ok(out)
    }

    /// Items with commas between them, up to `close`.
    fn list(
        &mut self,
        out: &mut String,
        close: &str,
        item: impl Fn(&mut Self, &mut String) -> Result<()>,
    ) -> Result<()> {
        while !self.is(close) {
            item(self, out)?;
            if !self.is(",") {
                break;
            }
            self.take(out);
            out.push(' ');
        }
        self.expect(close)?;
        out.push_str(close);
        Ok(())
    }

    fn postfix(&mut self, out: &mut String) -> Result<()> {
        loop {
            if self.is("(") {
                self.arguments(out)?;
            } else if self.skip(".") {
                match self.peek() {
                    Some(Tok::Name(name)) => {
                        let name = name.clone();
                        if self.then("(") && name == "cycle" {
                            // The engine's own panics where there is nothing to cycle over.
                            out.push_str(".__cycle");
                            self.pass();
                        } else if !name.is_ascii() {
                            out.push_str(&format!("[\"{name}\"]"));
                            self.pass();
                        } else if self.then("(") || !is_method(&name) {
                            out.push('.');
                            self.take(out);
                        } else {
                            out.push_str(&format!(".__attribute('{name}')"));
                            self.pass();
                        }
                    }
                    Some(Tok::Number(_)) => {
                        out.push('[');
                        self.take(out);
                        out.push(']');
                    }
                    _ => return Err(self.fail("expected a name or a number")),
                }
            } else if self.skip("[") {
                self.subscript(out)?;
            } else {
                return Ok(());
            }
        }
    }

    fn subscript(&mut self, out: &mut String) -> Result<()> {
        let constant = match self.peek() {
            Some(Tok::Text(name)) => !is_method(name),
            Some(Tok::Number(number)) => number.bytes().all(|b| b.is_ascii_digit()),
            _ => false,
        } && self.then("]");
        let mut parts = Vec::new();
        loop {
            let absent = self.is(":") || self.is("]");
            parts.push(if absent { None } else { Some(self.expression()?) });
            if parts.len() == 3 || !self.skip(":") {
                break;
            }
        }
        self.expect("]")?;
        match parts.as_slice() {
            [None] => return Err(self.fail("empty subscript")),
            [Some(index)] if constant => out.push_str(&format!("[{index}]")),
            [Some(index)] => out.push_str(&format!(".__item({index})")),
            parts => {
                let parts: Vec<&str> = parts.iter().map(|part| part.as_deref().unwrap_or("none")).collect();
                out.push_str(&format!(".__slice({})", parts.join(", ")));
            }
        }
        Ok(())
    }

    fn arguments(&mut self, out: &mut String) -> Result<()> {
        self.expect("(")?;
        out.push('(');
        self.list(out, ")", |parser, out| {
            if parser.is("*") || parser.is("**") {
                parser.take(out);
            } else if matches!(parser.peek(), Some(Tok::Name(_))) && parser.then("=") {
                parser.take(out);
                parser.take(out);
            }
            out.push_str(&parser.expression()?);
            Ok(())
        })
    }

    /// `|filter`, `is test` and a call of what they gave.
    fn filters(&mut self, out: &mut String) -> Result<()> {
        loop {
            if self.skip("|") {
                out.push('|');
                self.dotted(out, &FILTERS)?;
                if self.is("(") {
                    self.arguments(out)?;
                }
            } else if self.skip_name("is") {
                out.push_str(" is ");
                if self.skip_name("not") {
                    out.push_str("not ");
                }
                self.dotted(out, &TESTS)?;
                match self.peek() {
                    Some(Tok::Op("(")) => self.arguments(out)?,
                    Some(Tok::Name(name)) if matches!(name.as_str(), "else" | "or" | "and") => {}
                    Some(Tok::Name(name)) if name == "is" => {
                        return Err(self.fail("tests can't be chained with \"is\""));
                    }
                    Some(Tok::Name(_) | Tok::Text(_) | Tok::Number(_) | Tok::Op("[" | "{")) => {
                        let mut argument = self.primary()?;
                        self.postfix(&mut argument)?;
                        out.push_str(&format!("({argument})"));
                    }
                    _ => {}
                }
            } else if self.is("(") {
                out.insert(0, '(');
                out.push(')');
                self.arguments(out)?;
            } else {
                return Ok(());
            }
        }
    }

    /// A filter's or a test's name, which may have dots.
    fn dotted(&mut self, out: &mut String, known: &[&str]) -> Result<()> {
        let start = out.len();
        self.name(out)?;
        while self.is(".") {
            self.take(out);
            self.name(out)?;
        }
        let name = out[start..].trim();
        if self.lenient || known.contains(&name) {
            Ok(())
        } else {
            Err(self.fail(format!("unknown {name:?}")))
        }
    }
}
