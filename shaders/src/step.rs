//! A step of a program: which of its calls, over which tokens.

use azulejo_plan::{Outputs, StepInput, Tokens};

use crate::kernel::Run;
use crate::program::{Call, Program};

/// The lists of calls of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// [`Program::prefill`].
    Prefill,
    /// [`Program::decode`].
    Decode,
    /// [`Program::head_one`].
    HeadOne,
    /// [`Program::head_all`].
    HeadAll,
    /// [`Program::choose`].
    Choose,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 5] =
        [Phase::Prefill, Phase::Decode, Phase::HeadOne, Phase::HeadAll, Phase::Choose];

    /// Its calls.
    pub fn calls(self, program: &Program) -> &[Call] {
        match self {
            Phase::Prefill => &program.prefill,
            Phase::Decode => &program.decode,
            Phase::HeadOne => &program.head_one,
            Phase::HeadAll => &program.head_all,
            Phase::Choose => &program.choose,
        }
    }
}

/// Why a program can't do a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// A step of no tokens, or of more than the plan's chunk.
    #[error("a step takes 1 to {chunk} tokens, not {tokens}")]
    TooManyTokens {
        /// Tokens of the step.
        tokens: usize,
        /// The plan's chunk.
        chunk: u32,
    },
    /// A token that the vocabulary lacks.
    #[error("token {token} is outside of a vocabulary of {vocabulary}")]
    Token {
        /// The token.
        token: u32,
        /// The size of the vocabulary.
        vocabulary: u32,
    },
    /// Texts that don't make up the step.
    #[error("the texts of a step of {tokens} tokens have none, or another number together")]
    Texts {
        /// The tokens of the step.
        tokens: usize,
    },
    /// More rows of logits than there is room for.
    #[error("a step gives at most {rows} rows of logits, not {tokens}")]
    TooManyRows {
        /// Rows that were asked for.
        tokens: usize,
        /// The plan's output rows.
        rows: u32,
    },
    /// Positions behind the cache's end.
    #[error("{tokens} tokens at position {position} don't fit in a context of {capacity} positions")]
    ContextFull {
        /// The first position.
        position: u32,
        /// How many tokens.
        tokens: usize,
        /// The capacity of the cache.
        capacity: u32,
    },
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Position, tokens and row.
    pub run: Run,
    /// The lists of calls, in order.
    pub phases: Vec<Phase>,
    /// For each token the first of its text and the one behind its last, where a call reads them.
    pub spans: Option<Vec<[u32; 2]>>,
}

impl Program {
    /// What a step does.
    ///
    /// # Errors
    /// [`StepError`]: it is outside of the program's bounds.
    pub fn step(&self, input: &StepInput<'_>) -> Result<Step, StepError> {
        let count = match input.tokens {
            Tokens::These(tokens) => tokens.len(),
            Tokens::Chosen => 1,
        };
        if count == 0 || count > self.chunk as usize {
            return Err(StepError::TooManyTokens { tokens: count, chunk: self.chunk });
        }
        let tokens = count as u32;
        let position = input.position;
        if position.checked_add(tokens).is_none_or(|end| end > self.capacity) {
            return Err(StepError::ContextFull { position, tokens: count, capacity: self.capacity });
        }
        if let Tokens::These(tokens) = input.tokens
            && let Some(&token) = tokens.iter().find(|token| **token >= self.vocabulary)
        {
            return Err(StepError::Token { token, vocabulary: self.vocabulary });
        }
        let mut phases = vec![if tokens > 1 { Phase::Prefill } else { Phase::Decode }];
        match input.outputs {
            Outputs::Nothing => {}
            Outputs::Token => phases.extend([Phase::HeadOne, Phase::Choose]),
            Outputs::AllLogits if tokens > 1 => {
                if tokens > self.output_rows {
                    return Err(StepError::TooManyRows { tokens: count, rows: self.output_rows });
                }
                phases.push(Phase::HeadAll);
            }
            Outputs::Logits | Outputs::LogitsOf(_) | Outputs::AllLogits => phases.push(Phase::HeadOne),
        }
        let row = match input.outputs {
            Outputs::LogitsOf(row) if row < tokens => row,
            Outputs::LogitsOf(row) => {
                return Err(StepError::TooManyRows { tokens: row as usize + 1, rows: tokens });
            }
            _ => tokens - 1,
        };
        let spans = match self.texts {
            Some(_) => Some(input.spans(tokens).ok_or(StepError::Texts { tokens: count })?),
            None => None,
        };
        Ok(Step { run: Run { position, tokens, row, unused: 0 }, phases, spans })
    }
}
