//! What jinja2 has and minijinja has not, said in words that it has.
// SPDX-License-Identifier: Apache-2.0
//!
//! A template is read tag by tag, and only these tags are changed; no line
//! moves, so that errors name the right one.
//!
//! * `{% generation %}` marks what the assistant wrote, for training; it is a
//!   scope of its own and otherwise without effect.
//! * `{% for x in y %}`: `y` passes a filter that refuses None, which jinja2
//!   cannot iterate over.
//! * `{% set x = y %}`: `y` passes a filter that keeps values shallow, since
//!   Rust walks them recursively, and a hostile template could nest them until
//!   the stack ends.
//! * `{% raw %}`: the line break after it stays.
//! * `{{ "%s" % x }}`: `%` behind a string literal formats.
//! * `{{ "x"|safe + y }}`: a safe string escapes what is added to it, even
//!   where escaping is off.

use std::borrow::Cow;

/// The filter that for-loops pass what they iterate over through.
pub const ITERABLE_FILTER: &str = "__iterable";

/// The filter that text passes which is to be printed as it is.
pub const PRINTED_FILTER: &str = "__printed";

/// The filters that what is assigned to a variable, and to an attribute of a
/// namespace, passes.
pub const SHALLOW_FILTER: &str = "__shallow";
pub const SHALLOW_ATTRIBUTE_FILTER: &str = "__shallow_attribute";
/// Words in one tag; published templates have a few hundred. What is nested
/// without brackets, as in `x[1:][1:]`, is as deep as it is long.
const MAX_TAG_TOKENS: usize = 4_000;

/// Alternatives of all conditions together: each is nested in the one before.
const MAX_BRANCHES: usize = 2_000;

/// The filter that formats as Python's `%`.
pub const PERCENT_FILTER: &str = "__percent";

pub fn translate(source: &str) -> Result<String, String> {
    let mut out = String::with_capacity(source.len() + 256);
    let mut rest = source;
    let mut branches = 0;
    while let Some(at) = rest.find('{') {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let Some(length) = tag_length(tag) else {
            if tag.starts_with("{%") || tag.starts_with("{{") || tag.starts_with("{#") {
                // It never ends, which minijinja is going to say.
                out.push_str(tag);
                return Ok(out);
            }
            out.push('{');
            rest = &tag[1..];
            continue;
        };
        if length > MAX_TAG_TOKENS && Tokens::new(&tag[..length]).count() > MAX_TAG_TOKENS {
            let line = out.matches('\n').count() + 1;
            return Err(format!(
                "line {line}: more than {MAX_TAG_TOKENS} words in a tag"
            ));
        }
        let (tag, after) = tag.split_at(length);
        rest = after;
        let tag = format_literals(tag);
        let tag = tag.as_ref();
        if tag.starts_with("{%") {
            out.push_str(&translate_block(tag));
            let word = words(inner(tag)).next();
            branches += usize::from(word == Some("elif"));
            if branches > MAX_BRANCHES {
                return Err(format!("more than {MAX_BRANCHES} alternatives"));
            }
            if word == Some("raw") {
                let end = end_of_raw(rest);
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        } else if tag.starts_with("{{") {
            out.push_str(&translate_output(tag));
        } else {
            out.push_str(tag);
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Length of the tag that `text` begins with; none if it begins with no tag,
/// or with one that does not end.
fn tag_length(text: &str) -> Option<usize> {
    let end = match text.as_bytes().get(1)? {
        b'#' => return text.find("#}").map(|at| at + 2),
        b'%' => "%}",
        b'{' => "}}",
        _ => return None,
    };
    let mut depth = 0usize;
    for (at, token) in (Tokens { text, at: 2 }) {
        if depth == 0 && text[at..].starts_with(end) {
            return Some(at + 2);
        }
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn end_of_raw(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text[from..].find("{%") {
        let at = from + at;
        let word = text[at + 2..].trim_start_matches(['-', '+']).trim_start();
        if word.starts_with("endraw") {
            return at;
        }
        from = at + 2;
    }
    text.len()
}

/// The tokens of an expression: strings, words and single characters.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let begin = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let rest = &self.text[begin..];
        let first = rest.chars().next()?;
        let length = match first {
            '"' | '\'' => string_length(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        self.at = begin + length;
        Some((begin, &rest[..length]))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn string_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    Tokens::new(text).map(|(_, token)| token)
}

/// A tag without its delimiters.
fn inner(tag: &str) -> &str {
    let text = &tag[2..tag.len() - 2];
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    text.strip_suffix(['-', '+']).unwrap_or(text)
}

fn translate_block(tag: &str) -> String {
    let content = inner(tag);
    let word = words(content).next();
    let replacement = match word {
        Some("generation") => content.replacen("generation", "with", 1),
        Some("endgeneration") => content.replacen("endgeneration", "endwith", 1),
        Some("raw") if !content_trims_right(tag) => {
            return [tag[..tag.len() - 2].trim_end_matches('+'), "+%}"].concat();
        }
        Some("for") => guard_iteration(content),
        Some("set") => guard_assignment(content),
        _ => return tag.to_owned(),
    };
    // The content is a slice of the tag.
    let begin = content.as_ptr() as usize - tag.as_ptr() as usize;
    let end = begin + content.len();
    [&tag[..begin], &replacement, &tag[end..]].concat()
}

fn content_trims_right(tag: &str) -> bool {
    tag.ends_with("-%}")
}

/// `"%s" % x` becomes `"%s"|filter((x))`.
fn format_literals(tag: &str) -> Cow<'_, str> {
    if tag.starts_with("{#") || tag.len() < 4 || !tag[2..tag.len() - 2].contains('%') {
        return Cow::Borrowed(tag);
    }
    let body = tag.len() - 2;
    let mut out = String::new();
    let mut copied = 0;
    let mut literal = false;
    let mut tokens = Tokens { text: tag, at: 2 };
    while let Some((at, token)) = tokens.next() {
        if at >= body {
            break;
        }
        let operand = &tag[at + token.len()..body];
        if literal && token == "%" {
            if let Some(length) = operand_length(operand) {
                out.push_str(&tag[copied..at]);
                out.push_str(&format!("|{PERCENT_FILTER}(({}))", &operand[..length]));
                copied = at + token.len() + length;
                tokens.at = copied;
            }
        }
        literal = token.starts_with(['"', '\'']);
    }
    out.push_str(&tag[copied..]);
    Cow::Owned(out)
}

/// Length of the operand that `text` begins with: a name, a literal or
/// something in brackets, with all that is applied to it.
fn operand_length(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut end = None;
    let mut expects_word = true;
    for (at, token) in Tokens::new(text) {
        let next = at + token.len();
        match token {
            "(" | "[" | "{" if depth > 0 || expects_word || token != "{" => {
                depth += 1;
                expects_word = false;
                continue;
            }
            ")" | "]" | "}" if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    end = Some(next);
                }
                continue;
            }
            _ if depth > 0 => continue,
            "." | "|" if end.is_some() => expects_word = true,
            "-" if end.is_none() => continue,
            word if expects_word && word.starts_with(|c: char| is_word(c) || "'\"".contains(c)) => {
                end = Some(next);
                expects_word = false;
            }
            _ => break,
        }
    }
    end.filter(|_| depth == 0)
}

/// ` for x in y if z ` becomes ` for x in (y)|filter if z `.
fn guard_iteration(content: &str) -> String {
    let mut depth = 0usize;
    let mut begin = None;
    let mut end = content.len();
    for (at, token) in Tokens::new(content) {
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "in" if depth == 0 && begin.is_none() => begin = Some(at + 2),
            "if" | "recursive" if depth == 0 && begin.is_some() => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    match begin {
        Some(begin) if !content[begin..end].trim().is_empty() => format!(
            "{} ({})|{ITERABLE_FILTER} {}",
            &content[..begin],
            &content[begin..end],
            &content[end..]
        ),
        _ => content.to_owned(),
    }
}

/// ` set x = y ` becomes ` set x = (y)|filter `.
fn guard_assignment(content: &str) -> String {
    let mut depth = 0usize;
    let mut filter = SHALLOW_FILTER;
    for (at, token) in Tokens::new(content) {
        match token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "." if depth == 0 => filter = SHALLOW_ATTRIBUTE_FILTER,
            "=" if depth == 0 => {
                let (target, value) = content.split_at(at + 1);
                if value.trim().is_empty() {
                    break;
                }
                return format!("{target} ({value})|{filter} ");
            }
            _ => {}
        }
    }
    content.to_owned()
}

fn translate_output(tag: &str) -> String {
    let content = inner(tag);
    let mut before = "";
    let mut uses_safe = false;
    for word in words(content) {
        uses_safe = uses_safe || (before == "|" && word == "safe");
        before = word;
    }
    if !uses_safe || !words(content).any(|word| word == "+") {
        return tag.to_owned();
    }
    let trims = |side: Option<&u8>| if side == Some(&b'-') { '-' } else { '+' };
    let open = trims(tag.as_bytes().get(2));
    let close = trims(tag.as_bytes().get(tag.len() - 3));
    format!(
        "{{%{open} autoescape 'html' +%}}{{{{ ({content})|{PRINTED_FILTER} }}}}\
         {{%+ endautoescape {close}%}}"
    )
}
