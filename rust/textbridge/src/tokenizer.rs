//! Encoding and decoding, from tokenizer.json or from the parts of a vocabulary.
// SPDX-License-Identifier: Apache-2.0
use crate::ffi::{AddedToken, ModelKind, Vocabulary};
use crate::guard::guarded;
use ahash::AHashMap;
use serde::de::DeserializeOwned;
use std::str::from_utf8;
use std::sync::OnceLock;
use tokenizers::models::bpe::BPE;
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::{
    DecoderWrapper, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
};

/// Ids above this are taken for damage; it bounds the search for the last one.
const MAX_ID: u32 = 1 << 24;

pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    special: Vec<u32>,
    duplicates: Vec<u32>,
    size: OnceLock<u32>,
}

impl Tokenizer {
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|e| e.to_string())?;
        // Both are settings of a training run; a prompt is taken as it stands.
        inner.with_truncation(None).map_err(|e| e.to_string())?;
        inner.with_padding(None);
        Ok(Self::new(inner))
    }

    pub fn from_vocabulary(parts: &Vocabulary) -> Result<Self, String> {
        let (model, duplicates) = build_model(parts)?;
        let mut inner = tokenizers::Tokenizer::new(model);
        let normalizer: Option<NormalizerWrapper> = parse("normalizer", parts.normalizer)?;
        inner
            .with_normalizer(normalizer)
            .map_err(|e| e.to_string())?;
        let split: Option<PreTokenizerWrapper> = parse("pre_tokenizer", parts.pre_tokenizer)?;
        inner.with_pre_tokenizer(split);
        let post: Option<PostProcessorWrapper> = parse("post_processor", parts.post_processor)?;
        inner.with_post_processor(post);
        let decoder: Option<DecoderWrapper> = parse("decoder", parts.decoder)?;
        inner.with_decoder(decoder);
        let added: Result<Vec<_>, String> = parts.added.iter().map(added_token).collect();
        inner.add_tokens(added?).map_err(|e| e.to_string())?;
        let mut tokenizer = Self::new(inner);
        tokenizer.duplicates = duplicates;
        Ok(tokenizer)
    }

    fn new(inner: tokenizers::Tokenizer) -> Self {
        let added = inner.get_added_vocabulary();
        let mut special: Vec<u32> = added
            .get_added_tokens_decoder()
            .iter()
            .filter(|(_, token)| added.is_special_token(&token.content))
            .map(|(id, _)| *id)
            .collect();
        special.sort_unstable();
        Self {
            inner,
            special,
            duplicates: Vec::new(),
            size: OnceLock::new(),
        }
    }

    pub fn encode(&self, text: &[u8], add_special: bool) -> Result<Vec<u32>, String> {
        let text = from_utf8(text).map_err(|e| e.to_string())?;
        guarded(|| {
            let encoding = self.inner.encode_fast(text, add_special);
            encoding
                .map(|encoding| encoding.get_ids().to_vec())
                .map_err(|e| e.to_string())
        })
    }

    pub fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, String> {
        guarded(|| {
            let text = self.inner.decode(ids, skip_special);
            text.map_err(|e| e.to_string())
        })
    }

    pub fn token_to_id(&self, token: &[u8]) -> i64 {
        let id = from_utf8(token)
            .ok()
            .and_then(|token| self.inner.token_to_id(token));
        id.map_or(-1, i64::from)
    }

    pub fn id_to_token(&self, id: u32, token: &mut String) -> bool {
        match self.inner.id_to_token(id) {
            Some(text) => {
                *token = text;
                true
            }
            None => false,
        }
    }

    /// Ids may have gaps, so counting the tokens is not enough.
    pub fn vocab_size(&self) -> u32 {
        *self.size.get_or_init(|| {
            let count = self.inner.get_vocab_size(true);
            let mut found = 0;
            let mut id = 0;
            while found < count && id < MAX_ID {
                found += usize::from(self.inner.id_to_token(id).is_some());
                id += 1;
            }
            id
        })
    }

    pub fn special_ids(&self) -> Vec<u32> {
        self.special.clone()
    }

    pub fn duplicates(&self) -> Vec<u32> {
        self.duplicates.clone()
    }

    pub fn to_json(&self) -> Result<String, String> {
        self.inner.to_string(true).map_err(|e| e.to_string())
    }

    pub fn decoder_json(&self) -> Result<String, String> {
        serde_json::to_string(&self.inner.get_decoder()).map_err(|e| e.to_string())
    }
}

/// The model, and the pairs of `Tokenizer::duplicates`.
fn build_model(parts: &Vocabulary) -> Result<(ModelWrapper, Vec<u32>), String> {
    let tokens = split_texts(parts.texts, parts.ends)?;
    let unknown = match usize::try_from(parts.unknown_id) {
        Ok(id) => tokens.get(id).map(|token| (id, (*token).to_owned())),
        Err(_) => None,
    };
    let (ids, duplicates) = index(&tokens);
    let model = match parts.kind {
        ModelKind::Bpe => build_bpe(parts, &tokens, ids, unknown.map(|(_, token)| token))?.into(),
        ModelKind::Unigram => {
            if parts.scores.len() != tokens.len() {
                let (scores, tokens) = (parts.scores.len(), tokens.len());
                return Err(format!("{scores} scores for {tokens} tokens"));
            }
            let scored = tokens
                .iter()
                .zip(parts.scores)
                .map(|(token, score)| ((*token).to_owned(), f64::from(*score)))
                .collect();
            let unknown = unknown.map(|(id, _)| id);
            let model = Unigram::from(scored, unknown, parts.byte_fallback);
            model.map_err(|e| e.to_string())?.into()
        }
        ModelKind::WordPiece => {
            let mut builder = WordPiece::builder()
                .vocab(ids)
                .continuing_subword_prefix(text(parts.word_prefix)?.to_owned());
            if let Some((_, token)) = unknown {
                builder = builder.unk_token(token);
            }
            builder.build().map_err(|e| e.to_string())?.into()
        }
        _ => return Err("unknown kind of vocabulary".to_owned()),
    };
    Ok((model, duplicates))
}

fn build_bpe(
    parts: &Vocabulary,
    tokens: &[&str],
    ids: AHashMap<String, u32>,
    unknown: Option<String>,
) -> Result<BPE, String> {
    let merges = split_texts(parts.merge_texts, parts.merge_ends)?;
    let build = |ids: AHashMap<String, u32>, merges: Vec<(String, String)>| {
        let mut builder = BPE::builder()
            .vocab_and_merges(ids, merges)
            .byte_fallback(parts.byte_fallback)
            .fuse_unk(parts.fuse_unknown)
            .ignore_merges(parts.ignore_merges);
        if let Some(token) = &unknown {
            builder = builder.unk_token(token.clone());
        }
        builder.build()
    };
    let owned = |pair: &[&str]| (pair[0].to_owned(), pair[1].to_owned());
    if let Ok(model) = build(ids, merges.chunks_exact(2).map(owned).collect()) {
        return Ok(model);
    }
    // A merge of what is no token, or to what is none, can never apply; the
    // crate refuses it.
    let (ids, _) = index(tokens);
    let known = |pair: &&[&str]| {
        ids.contains_key(pair[0]) && ids.contains_key(pair[1]) && ids.contains_key(&pair.concat())
    };
    let merges = merges.chunks_exact(2).filter(known).map(owned).collect();
    build(ids.clone(), merges).map_err(|e| e.to_string())
}

fn split_texts<'a>(texts: &'a [u8], ends: &[u32]) -> Result<Vec<&'a str>, String> {
    let mut begin = 0;
    let mut pieces = Vec::with_capacity(ends.len());
    for (index, end) in ends.iter().enumerate() {
        let end = *end as usize;
        let bytes = texts.get(begin..end);
        let piece = bytes.and_then(|bytes| from_utf8(bytes).ok());
        pieces.push(piece.ok_or_else(|| format!("text {index} is not valid UTF-8"))?);
        begin = end;
    }
    Ok(pieces)
}

fn index(tokens: &[&str]) -> (AHashMap<String, u32>, Vec<u32>) {
    let mut ids = AHashMap::with_capacity(tokens.len());
    let mut duplicates = Vec::new();
    for (id, token) in tokens.iter().enumerate() {
        let first = *ids.entry((*token).to_owned()).or_insert(id as u32);
        if first != id as u32 {
            duplicates.extend([id as u32, first]);
        }
    }
    (ids, duplicates)
}

fn added_token(token: &AddedToken) -> Result<tokenizers::AddedToken, String> {
    Ok(
        tokenizers::AddedToken::from(text(token.content)?, token.special)
            .normalized(token.normalized)
            .lstrip(token.lstrip)
            .rstrip(token.rstrip),
    )
}

fn parse<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<Option<T>, String> {
    if json.is_empty() {
        return Ok(None);
    }
    let parsed = serde_json::from_slice(json);
    parsed.map(Some).map_err(|e| format!("{what}: {e}"))
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    from_utf8(bytes).map_err(|e| e.to_string())
}
