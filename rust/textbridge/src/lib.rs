//! `tokenizers`, `minijinja`, `jsonschema` and `llguidance` behind one typed C++
//! interface.
//!
//! What a tokenizer or a template means is decided by the C++ that calls this;
//! here is only what has to be said in Rust. Every entry returns a `Result` or
//! a plain value, and no panic leaves this crate.
// SPDX-License-Identifier: Apache-2.0

mod budget;
mod dialect;
mod environment;
mod grammar;
mod guard;
mod methods;
mod python;
mod schema;
mod strftime;
mod template;
mod tokenizer;

use grammar::{GrammarMatcher, TokenTrie};
use guard::guarded;
use schema::JsonSchema;
use template::Template;
use tokenizer::Tokenizer;

#[cxx::bridge(namespace = "abstractllm::textbridge")]
mod ffi {
    enum ModelKind {
        Bpe,
        Unigram,
        WordPiece,
    }

    /// A token that is found in a text before the model splits it.
    struct AddedToken<'a> {
        content: &'a [u8],
        special: bool,
        normalized: bool,
        lstrip: bool,
        rstrip: bool,
    }

    /// What a tokenizer is made of when there is no tokenizer.json. The parts
    /// of the pipeline are JSON texts as in tokenizer.json, "" where absent.
    struct Vocabulary<'a> {
        kind: ModelKind,
        /// Texts of all tokens, one after another; token i ends at `ends[i]`.
        texts: &'a [u8],
        ends: &'a [u32],
        /// Unigram: one for each token.
        scores: &'a [f32],
        /// BPE: left, right, left, right ... best pair first; kept like `texts`.
        merge_texts: &'a [u8],
        merge_ends: &'a [u32],
        /// -1: none.
        unknown_id: i64,
        byte_fallback: bool,
        fuse_unknown: bool,
        ignore_merges: bool,
        word_prefix: &'a [u8],
        normalizer: &'a [u8],
        pre_tokenizer: &'a [u8],
        post_processor: &'a [u8],
        decoder: &'a [u8],
        added: Vec<AddedToken<'a>>,
    }

    /// Broken-down local time. `weekday` counts from Sunday, `yearday` from 0.
    struct LocalTime {
        year: i32,
        month: u32,
        day: u32,
        hour: u32,
        minute: u32,
        second: u32,
        weekday: u32,
        yearday: u32,
    }

    enum RenderStatus {
        Done,
        /// The template called raise_exception.
        Raised,
        /// The template asks for more work than one may.
        Exhausted,
        /// Anything else that is wrong.
        Failed,
    }

    struct Rendering {
        status: RenderStatus,
        /// The text, or what went wrong.
        text: String,
        /// Line of the template; 0 where unknown.
        line: u32,
    }

    enum GrammarKind {
        JsonSchema,
        Regex,
        /// The dialect of Lark that llguidance documents.
        Lark,
    }

    extern "Rust" {
        type Tokenizer;
        fn tokenizer_from_json(json: &[u8]) -> Result<Box<Tokenizer>>;
        fn tokenizer_from_vocabulary(vocabulary: &Vocabulary) -> Result<Box<Tokenizer>>;
        fn encode(self: &Tokenizer, text: &[u8], add_special: bool) -> Result<Vec<u32>>;
        fn decode(self: &Tokenizer, ids: &[u32], skip_special: bool) -> Result<String>;
        /// -1: no such token.
        fn token_to_id(self: &Tokenizer, token: &[u8]) -> i64;
        /// False: no such id.
        fn id_to_token(self: &Tokenizer, id: u32, token: &mut String) -> bool;
        /// Highest id + 1.
        fn vocab_size(self: &Tokenizer) -> u32;
        /// Ascending.
        fn special_ids(self: &Tokenizer) -> Vec<u32>;
        /// id, first id of the same text, id, first id ... for texts that come
        /// more than once in a `Vocabulary`.
        fn duplicates(self: &Tokenizer) -> Vec<u32>;
        /// As in tokenizer.json; "null" where there is none.
        fn decoder_json(self: &Tokenizer) -> Result<String>;
        /// The whole of it as a tokenizer.json.
        fn to_json(self: &Tokenizer) -> Result<String>;

        type Template;
        fn template_compile(source: &[u8]) -> Result<Box<Template>>;
        fn render(
            self: &Template,
            messages: &[u8],
            tools: &[u8],
            variables: &[u8],
            now: &LocalTime,
        ) -> Rendering;

        type TokenTrie;
        /// Token i has the bytes of `texts` up to `ends[i]`.
        fn token_trie(
            texts: &[u8],
            ends: &[u32],
            special: &[u32],
            end_tokens: &[u32],
        ) -> Result<Box<TokenTrie>>;
        fn compile(
            self: &TokenTrie,
            kind: GrammarKind,
            source: &[u8],
        ) -> Result<Box<GrammarMatcher>>;

        type GrammarMatcher;
        fn mask(self: &mut GrammarMatcher, bits: &mut [u32]) -> Result<()>;
        fn accept(self: &mut GrammarMatcher, token: u32) -> Result<()>;
        fn is_finished(self: &GrammarMatcher) -> bool;
        fn duplicate(self: &GrammarMatcher) -> Box<GrammarMatcher>;

        type JsonSchema;
        fn json_schema_compile(source: &[u8]) -> Result<Box<JsonSchema>>;
        /// Path, message, path, message ...; none if `instance` holds.
        fn violations(self: &JsonSchema, instance: &[u8], limit: usize) -> Result<Vec<String>>;
    }
}

fn tokenizer_from_json(json: &[u8]) -> Result<Box<Tokenizer>, String> {
    guarded(|| Tokenizer::from_json(json).map(Box::new))
}

fn tokenizer_from_vocabulary(vocabulary: &ffi::Vocabulary) -> Result<Box<Tokenizer>, String> {
    guarded(|| Tokenizer::from_vocabulary(vocabulary).map(Box::new))
}

fn template_compile(source: &[u8]) -> Result<Box<Template>, String> {
    guarded(|| Template::compile(source).map(Box::new))
}

fn json_schema_compile(source: &[u8]) -> Result<Box<JsonSchema>, String> {
    guarded(|| JsonSchema::compile(source).map(Box::new))
}

fn token_trie(
    texts: &[u8],
    ends: &[u32],
    special: &[u32],
    end_tokens: &[u32],
) -> Result<Box<TokenTrie>, String> {
    guarded(|| TokenTrie::new(texts, ends, special, end_tokens).map(Box::new))
}
