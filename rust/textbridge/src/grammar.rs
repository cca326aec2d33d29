//! Which tokens may come next, under a JSON Schema, a regular expression or a
//! grammar.
// SPDX-License-Identifier: Apache-2.0
use crate::ffi::GrammarKind;
use crate::guard::guarded;
use llguidance::api::{GrammarWithLexer, TopLevelGrammar};
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{
    ApproximateTokEnv, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie, INVALID_TOKEN,
};
use llguidance::{Matcher, ParserFactory};
use serde_json::{json, Value};
use std::str::from_utf8;
use std::sync::Arc;

const STACK_BYTES: usize = 16 << 20;

/// Texts in errors are cut: they may quote a schema.
const MAX_ERROR_CHARS: usize = 400;

/// A vocabulary as a trie of bytes.
pub struct TokenTrie(ParserFactory);

/// A grammar on its way through an answer.
pub struct GrammarMatcher {
    matcher: Matcher,
}

impl TokenTrie {
    /// Token i has the bytes of `texts` up to `ends[i]`; none: no token. A
    /// special token is none of the text that it spells.
    pub fn new(
        texts: &[u8],
        ends: &[u32],
        special: &[u32],
        end_tokens: &[u32],
    ) -> Result<Self, String> {
        let mut words = Vec::with_capacity(ends.len());
        let mut begin = 0;
        for (index, end) in ends.iter().enumerate() {
            let end = *end as usize;
            let bytes = texts.get(begin..end);
            words.push(bytes.ok_or_else(|| format!("token {index} has no text"))?.to_vec());
            begin = end;
        }
        for id in special.iter().chain(end_tokens) {
            let Some(word) = words.get_mut(*id as usize) else {
                continue;
            };
            if word.first() != Some(&TokTrie::SPECIAL_TOKEN_MARKER) {
                word.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
            }
        }
        let size = u32::try_from(words.len()).map_err(|e| e.to_string())?;
        let mut trie = TokTrie::from(&TokRxInfo::new(size, INVALID_TOKEN), &words);
        let ends: Vec<u32> = end_tokens.iter().copied().filter(|id| *id < size).collect();
        if !ends.is_empty() {
            trie = trie.with_eos_tokens(&ends);
        }
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory = ParserFactory::new(
            &environment,
            InferenceCapabilities::default(),
            &SlicedBiasComputer::general_slices(),
        )
        .map_err(|error| cut(&error.to_string()))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self(factory))
    }

    pub fn compile(
        self: &TokenTrie,
        kind: GrammarKind,
        source: &[u8],
    ) -> Result<Box<GrammarMatcher>, String> {
        guarded(|| stacker::maybe_grow(STACK_BYTES / 2, STACK_BYTES, || self.build(kind, source)))
    }

    fn build(&self, kind: GrammarKind, source: &[u8]) -> Result<Box<GrammarMatcher>, String> {
        let grammar = grammar_of(kind, source)?;
        let parser = self.0.create_parser(grammar);
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(cut(&error)),
            None => Ok(Box::new(GrammarMatcher { matcher })),
        }
    }
}

impl GrammarMatcher {
    /// Bit i % 32 of word i / 32: whether token i may come next.
    pub fn mask(&mut self, bits: &mut [u32]) -> Result<(), String> {
        guarded(|| {
            let mask = self.matcher.compute_mask_or_eos();
            let mask = mask.map_err(|error| cut(&error.to_string()))?;
            bits.fill(0);
            for (to, from) in bits.iter_mut().zip(mask.as_slice()) {
                *to = *from;
            }
            Ok(())
        })
    }

    pub fn accept(&mut self, token: u32) -> Result<(), String> {
        guarded(|| {
            let outcome = self.matcher.consume_token(token);
            outcome.map_err(|error| cut(&error.to_string()))
        })
    }

    /// The grammar is fulfilled, and nothing may follow.
    pub fn is_finished(&self) -> bool {
        self.matcher.is_stopped()
    }

    pub fn duplicate(&self) -> Box<GrammarMatcher> {
        Box::new(GrammarMatcher {
            matcher: self.matcher.deep_clone(),
        })
    }
}

fn grammar_of(kind: GrammarKind, source: &[u8]) -> Result<TopLevelGrammar, String> {
    let text = from_utf8(source).map_err(|error| error.to_string())?;
    match kind {
        GrammarKind::JsonSchema => {
            let schema: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
            Ok(TopLevelGrammar::from_json_schema(with_layout(schema)))
        }
        GrammarKind::Regex => Ok(TopLevelGrammar::from_regex(text)),
        GrammarKind::Lark => Ok(TopLevelGrammar::from_grammar(GrammarWithLexer::from_lark(
            text.to_owned(),
        ))),
        _ => Err("unknown kind of grammar".to_owned()),
    }
}

/// Spaces only where one belongs: a model could write them for ever.
pub fn with_layout(schema: Value) -> Value {
    let layout = json!({
        "whitespace_flexible": false,
        "item_separator": ", ",
        "key_separator": ": ",
        "coerce_one_of": true,
    });
    match schema {
        Value::Object(mut members) => {
            members.insert("x-guidance".to_owned(), layout);
            Value::Object(members)
        }
        Value::Bool(true) => json!({ "x-guidance": layout }),
        other => other,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_ERROR_CHARS) {
        Some((at, _)) => format!("{} ...", &text[..at]),
        None => text.to_owned(),
    }
}
